import { type Node, walk } from './walk.ts'

/** Globals of which every use counts. */
const GLOBALS = new Set(['console', 'setTimeout', 'setInterval', 'performance'])
/** Globals of which some uses are harmless. */
const GUARDED = new Set(['Date', 'Math'])
/** Modules that give the same things under other names. */
const MODULES = new Set(['node:timers', 'node:timers/promises', 'node:perf_hooks', 'node:console'])
/** Objects whose members are the globals. */
const GLOBAL_OBJECTS = new Set(['globalThis', 'global'])
const HARMLESS_OF_DATE = new Set(['parse', 'UTC', 'prototype'])

/**
 * Where a file reads the clock, sets timers, draws random numbers or prints, by itself instead of through what it is
 * given. Names are taken for the globals wherever they stand as a value: a variable of such a name counts too.
 */
export function ambientUses(program: Node): { what: string; start: number }[] {
  const uses: { what: string; start: number }[] = []
  const add = (what: string, node: Node): void => void uses.push({ what, start: node.start })
  walk(program, (node, parent, field) => {
    if (node.type === 'ImportDeclaration') {
      const { source, importKind } = node as unknown as { source: { value: string }; importKind?: string }
      if (MODULES.has(source.value) && importKind !== 'type') add(source.value, node)
    }
    if (node.type === 'ImportExpression') {
      const { source } = node as unknown as { source: { value?: unknown } }
      if (typeof source.value === 'string' && MODULES.has(source.value)) add(source.value, node)
    }
    if (node.type === 'MemberExpression') {
      const { object } = node as unknown as { object: Node }
      const member = memberName(node)
      if (object.type === 'Identifier' && GLOBAL_OBJECTS.has(object.name ?? '')) {
        if (member === undefined || GLOBALS.has(member) || GUARDED.has(member)) add(`globalThis.${member ?? '…'}`, node)
      }
    }
    if (node.type !== 'Identifier' || !isValue(parent, field)) return
    const name = node.name ?? ''
    if (GLOBALS.has(name)) add(name, node)
    else if (name === 'Date' && !isHarmlessDate(parent, field)) add(dateUse(parent, field), node)
    else if (name === 'Math' && !isHarmlessMath(parent, field)) add('Math.random', node)
  })
  return uses
}

/** Whether an identifier in this place stands for a value, rather than naming a member, a type or a declaration. */
function isValue(parent: Node | undefined, field: string): boolean {
  if (parent === undefined) return false
  const computed = (parent as unknown as { computed?: boolean }).computed === true
  switch (parent.type) {
    case 'MemberExpression':
      return field === 'object' || computed
    case 'Property':
    case 'PropertyDefinition':
    case 'MethodDefinition':
    case 'AccessorProperty':
      return field === 'value' || computed
    case 'ImportSpecifier':
    case 'ImportDefaultSpecifier':
    case 'ImportNamespaceSpecifier':
    case 'ExportSpecifier':
    case 'LabeledStatement':
    case 'BreakStatement':
    case 'ContinueStatement':
    case 'MetaProperty':
    case 'TSTypeReference':
    case 'TSQualifiedName':
    case 'TSPropertySignature':
    case 'TSMethodSignature':
    case 'TSInterfaceHeritage':
    case 'TSEnumMember':
    case 'TSTypePredicate':
    case 'TSNamedTupleMember':
    case 'TSParameter':
    case 'TSFunctionType':
      return false
    default:
      return true
  }
}

/** `Date.parse`, `Date.UTC`, `new Date(value)` and `x instanceof Date` read no clock. */
function isHarmlessDate(parent: Node | undefined, field: string): boolean {
  if (parent?.type === 'MemberExpression') return HARMLESS_OF_DATE.has(memberName(parent) ?? '')
  if (parent?.type === 'NewExpression' && field === 'callee') {
    return (parent as unknown as { arguments: Node[] }).arguments.length > 0
  }
  return parent?.type === 'BinaryExpression' && field === 'right'
}

function dateUse(parent: Node | undefined, field: string): string {
  if (parent?.type === 'MemberExpression') return `Date.${memberName(parent) ?? '…'}`
  return parent?.type === 'NewExpression' && field === 'callee' ? 'new Date()' : 'Date'
}

function isHarmlessMath(parent: Node | undefined, field: string): boolean {
  if (parent?.type !== 'MemberExpression' || field !== 'object') return false
  const member = memberName(parent)
  return member !== undefined && member !== 'random'
}

/** The member that an expression names, undefined when it is computed at run time. */
function memberName(node: Node): string | undefined {
  const { property, computed } = node as unknown as { property: Node & { value?: unknown }; computed: boolean }
  if (!computed) return property.name
  return typeof property.value === 'string' ? property.value : undefined
}
