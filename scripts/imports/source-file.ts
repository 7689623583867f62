import { readFileSync } from 'node:fs'
import { type ParseResult, parseSync } from 'oxc-parser'
import { ambientUses } from './ambient.ts'
import { type Node, walk } from './walk.ts'

export interface Import {
  /** As it is written; undefined for a dynamic import of something that is not a literal. */
  readonly specifier: string | undefined
  readonly typeOnly: boolean
  readonly line: number
}

export interface Finding {
  readonly what: string
  readonly line: number
}

/** What the rules need to know of one source file. */
export interface SourceFile {
  /** Relative to the root, with slashes. */
  readonly path: string
  readonly imports: readonly Import[]
  /** Uses of the clock, timers, randomness and the console. */
  readonly ambient: readonly Finding[]
  /** Lines of `export *`. */
  readonly exportStars: readonly number[]
  readonly lines: number
  /** The comments before the first statement. */
  readonly topComment: string
}

/**
 * Parses one file.
 * @throws Error when it is not TypeScript or JavaScript
 */
export function readSourceFile(root: string, path: string): SourceFile {
  const text = readFileSync(`${root}/${path}`, 'utf8')
  const result = parseSync(path, text)
  if (result.errors.length > 0) throw new Error(`${path}: ${result.errors[0]?.message ?? 'cannot be parsed'}`)
  const lineOf = lineFinder(text)
  const program = result.program as unknown as Node
  const body = (program as unknown as { body: readonly Node[] }).body
  const firstStatement = body[0]?.start ?? text.length
  return {
    path,
    imports: importsOf(result, program, text, lineOf),
    ambient: ambientUses(program).map(({ what, start }) => ({ what, line: lineOf(start) })),
    exportStars: body.filter((node) => node.type === 'ExportAllDeclaration').map((node) => lineOf(node.start)),
    lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0),
    topComment: result.comments
      .filter((comment) => comment.end <= firstStatement)
      .map((comment) => comment.value)
      .join('\n'),
  }
}

function importsOf(result: ParseResult, program: Node, text: string, lineOf: (at: number) => number): Import[] {
  const imports: Import[] = []
  for (const { moduleRequest, entries, start } of result.module.staticImports) {
    const named = entries.length > 0 && entries.every((entry) => entry.isType)
    imports.push({ specifier: moduleRequest.value, typeOnly: named, line: lineOf(start) })
  }
  for (const { entries } of result.module.staticExports) {
    for (const entry of entries) {
      if (entry.moduleRequest === null || entry.moduleRequest === undefined) continue
      imports.push({ specifier: entry.moduleRequest.value, typeOnly: entry.isType, line: lineOf(entry.start) })
    }
  }
  for (const { moduleRequest, start } of result.module.dynamicImports) {
    const written = text.slice(moduleRequest.start, moduleRequest.end)
    imports.push({ specifier: literal(written), typeOnly: false, line: lineOf(start) })
  }
  walk(program, (node) => {
    if (node.type === 'TSImportType') {
      const { source } = node as unknown as { source: { value: string } }
      imports.push({ specifier: source.value, typeOnly: true, line: lineOf(node.start) })
    }
    // `import fs = require('node:fs')`, and plain `require`, which createRequire gives.
    if (node.type === 'TSExternalModuleReference') {
      const { expression } = node as unknown as { expression: { value: string } }
      imports.push({ specifier: expression.value, typeOnly: false, line: lineOf(node.start) })
    }
    if (node.type === 'CallExpression') {
      const { callee, arguments: values } = node as unknown as { callee: Node; arguments: Node[] }
      if (callee.type !== 'Identifier' || callee.name !== 'require') return
      const value = (values[0] as unknown as { value?: unknown } | undefined)?.value
      imports.push({
        specifier: typeof value === 'string' ? value : undefined,
        typeOnly: false,
        line: lineOf(node.start),
      })
    }
  })
  return imports
}

/** The text of a string literal, undefined for any other expression. */
function literal(written: string): string | undefined {
  return /^(['"`])([^'"`$\\]*)\1$/.exec(written)?.[2]
}

/** Tells the line of a position, counted from 1. */
function lineFinder(text: string): (at: number) => number {
  return (at) => text.slice(0, at).split('\n').length
}
