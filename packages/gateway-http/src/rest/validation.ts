import { MillraceError } from '@millrace/record'
import type { TSchema } from 'typebox'
// Not typebox/compile, which does the same with it and loads conversions besides that nobody here calls.
import { Compile } from 'typebox/schema'

/** A validator as Fastify takes it. */
export type Validate = (data: unknown) => { value: unknown } | { error: MillraceError }

interface Fault {
  readonly keyword: string
  readonly instancePath: string
  readonly schemaPath: string
  readonly message: string
  readonly params: {
    readonly additionalProperties?: unknown
    readonly requiredProperties?: unknown
    readonly type?: unknown
    readonly allowedValue?: unknown
  }
}

/** Checks a parsed JSON body against its schema. Nothing is converted, added or dropped. */
export function bodyValidator(schema: TSchema): Validate {
  const validator = Compile(schema)
  return (body) => {
    if (body === undefined) return refusal('the request needs a JSON body')
    if (validator.Check(body)) return { value: body }
    const [, faults] = validator.Errors(body)
    return refusal(describe(schema, faults as readonly Fault[]))
  }
}

/**
 * Reads query or path parameters, which are text, as the properties of `schema` say: whole numbers, one of some words,
 * or text as it is. What is not in the schema is refused, and so is a parameter that is given twice.
 * @param noun what a property is called in messages
 */
export function textValidator(schema: TSchema, noun: string): Validate {
  const { properties = {}, required = [] } = schema as TextsSchema
  return (data) => {
    const values: Record<string, unknown> = {}
    for (const [name, given] of Object.entries((data ?? {}) as Record<string, unknown>)) {
      if (!Object.hasOwn(properties, name)) {
        const known = Object.keys(properties)
        const hint = known.length === 0 ? 'there are none here' : `there are ${known.join(', ')}`
        return refusal(`${shown(name)} is not a ${noun}; ${hint}`)
      }
      if (typeof given !== 'string') return refusal(`the ${noun} ${name} is given more than once`)
      try {
        values[name] = readText(name, given, properties[name]!)
      } catch (error) {
        return { error: error as MillraceError }
      }
    }
    const missing = required.find((name) => !Object.hasOwn(values, name))
    return missing === undefined ? { value: values } : refusal(`the ${noun} ${missing} must be given`)
  }
}

interface TextsSchema {
  readonly properties?: Readonly<Record<string, TextSchema>>
  readonly required?: readonly string[]
}

interface TextSchema {
  readonly type?: string
  readonly enum?: readonly string[]
  readonly minimum?: number
}

const DIGITS = /^(?:0|[1-9]\d*)$/

function readText(name: string, text: string, { type, enum: words, minimum = 0 }: TextSchema): unknown {
  if (words !== undefined) {
    if (words.includes(text)) return text
    throw new MillraceError('INVALID_REQUEST', `${name}=${shown(text)}: allowed are ${words.join(', ')}`)
  }
  if (type !== 'integer') return text
  const number = Number(text)
  if (!DIGITS.test(text) || number < minimum) {
    throw new MillraceError('INVALID_REQUEST', `${name}=${shown(text)}: a whole number from ${minimum} on is allowed`)
  }
  if (!Number.isSafeInteger(number)) {
    throw new MillraceError('NUMBER_NOT_EXACT', `${name}=${shown(text)} is beyond 2^53 - 1`)
  }
  return number
}

function describe(schema: TSchema, faults: readonly Fault[]): string {
  const unknown = faults.find(({ keyword }) => keyword === 'additionalProperties')
  if (unknown !== undefined) {
    const [name] = unknown.params.additionalProperties as readonly string[]
    const known = Object.keys((schemaAt(schema, unknown.schemaPath) as { properties?: object }).properties ?? {})
    return `${placeOf(unknown)} has no member ${shown(name ?? '')}; there are ${known.join(', ')}`
  }
  // Of a value that fits none of several forms, the last fault is the one about all of them.
  const choice = faults.findLast(({ keyword }) => keyword === 'anyOf')
  if (choice !== undefined) {
    const { description } = schemaAt(schema, choice.schemaPath) as { description?: string }
    return `${placeOf(choice)} has a form that is not allowed${description === undefined ? '' : `: ${description}`}`
  }
  const fault = faults[0]
  if (fault === undefined) return 'the body does not fit its schema'
  return `${placeOf(fault)} ${demandOf(schema, fault)}`
}

interface ObjectSchema {
  readonly minProperties?: number
  readonly maxProperties?: number
  readonly properties?: object
}

/** What a value must be, in words. */
function demandOf(schema: TSchema, { keyword, schemaPath, params, message }: Fault): string {
  const { enum: words } = schemaAt(schema, schemaPath) as { enum?: readonly string[] }
  if (words !== undefined) return `must be one of ${words.join(', ')}`
  if (keyword === 'type') return `must be ${/^[aeio]/.test(String(params.type)) ? 'an' : 'a'} ${params.type}`
  if (keyword === 'const') return `must be ${JSON.stringify(params.allowedValue)}`
  if (keyword === 'minItems') return 'must not be empty'
  const { minProperties, maxProperties, properties } = schemaAt(schema, schemaPath) as ObjectSchema
  if (keyword.endsWith('Properties') && minProperties === 1 && maxProperties === 1) {
    return `must have exactly one of ${Object.keys(properties ?? {}).join(', ')}`
  }
  if (keyword !== 'required') return message
  const names = params.requiredProperties as readonly string[]
  return `must have the ${names.length === 1 ? 'property' : 'properties'} ${names.join(', ')}`
}

/** `/records/3/key` as `records/3/key`; the whole as `the body`. */
function placeOf({ instancePath }: Fault): string {
  return instancePath === '' ? 'the body' : shortened(instancePath.slice(1))
}

function schemaAt(schema: TSchema, path: string): object {
  let at: unknown = schema
  for (const step of path.split('/').slice(1)) at = (at as Record<string, unknown> | undefined)?.[step]
  return typeof at === 'object' && at !== null ? at : {}
}

function refusal(message: string): { error: MillraceError } {
  return { error: new MillraceError('INVALID_REQUEST', message) }
}

function shown(text: string): string {
  return JSON.stringify(shortened(text))
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
