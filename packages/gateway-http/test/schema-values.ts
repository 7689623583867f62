import fc from 'fast-check'
import { Compile } from 'typebox/schema'

/** JSON Schema as an OpenAPI document has it. */
// biome-ignore lint/suspicious/noExplicitAny: keywords of every shape
export type Schema = Record<string, any>

/** Values that schemas of a document allow, and values that they forbid. */
export class SchemaValues {
  private readonly document: Schema
  /** Strings that a running server knows, so that not all requests miss. */
  private readonly known: readonly string[]

  constructor(document: Schema, known: readonly string[]) {
    this.document = document
    this.known = known
  }

  /** A check of values against a schema of the document. */
  checkOf(schema: Schema): (value: unknown) => boolean {
    const validator = Compile({ components: this.document.components, allOf: [schema] })
    return (value) => validator.Check(value)
  }

  allowed(schema: Schema): fc.Arbitrary<unknown> {
    const check = this.checkOf(schema)
    return this.shaped(schema).filter(check)
  }

  /** Undefined where all is allowed. */
  forbidden(schema: Schema): fc.Arbitrary<unknown> | undefined {
    const check = this.checkOf(schema)
    const mutants = this.mutants(schema)
    return mutants.length === 0 ? undefined : fc.oneof(...mutants).filter((value) => !check(value))
  }

  private resolve(schema: Schema): Schema {
    const name = schema.$ref?.split('/').at(-1)
    return name === undefined ? schema : this.document.components.schemas[name]
  }

  /** Values of the right shape; what only `allOf` and the like demand is left to the check. */
  private shaped(given: Schema): fc.Arbitrary<unknown> {
    const schema = this.resolve(given)
    if (schema.const !== undefined) return fc.constant(schema.const)
    if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
    if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((one: Schema) => this.shaped(one)))
    switch (schema.type) {
      case 'object':
        return this.object(schema)
      case 'array':
        return fc.array(this.shaped(schema.items), { minLength: schema.minItems ?? 0, maxLength: 4 })
      case 'string':
        return this.string(schema)
      case 'integer':
        return integer(schema)
      case 'number':
        return fc.double({ noNaN: true, noDefaultInfinity: true }).filter(isExact)
      case 'boolean':
        return fc.boolean()
      case 'null':
        return fc.constant(null)
      default:
        return anyJson()
    }
  }

  private object({ properties = {}, required = [], additionalProperties: others, ...rest }: Schema) {
    const shapes = Object.entries<Schema>(properties).map(([name, schema]) => [name, this.shaped(schema)])
    const known = fc.record(Object.fromEntries(shapes), { requiredKeys: required })
    if (others === false) {
      if (rest.maxProperties !== 1) return known
      return fc.oneof(...shapes.map(([name, shape]) => fc.record({ [name as string]: shape as fc.Arbitrary<unknown> })))
    }
    const more = fc.dictionary(word(), others === undefined ? anyJson() : this.shaped(others), { maxKeys: 3 })
    return fc.tuple(more, known).map(([extra, members]) => ({ ...extra, ...members }))
  }

  private string({ pattern }: Schema): fc.Arbitrary<string> {
    if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern))
    return fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...this.known) }, word())
  }

  /** Values that break one rule each. */
  private mutants(given: Schema): fc.Arbitrary<unknown>[] {
    const schema = this.resolve(given)
    if (schema.type === undefined && schema.enum === undefined && schema.anyOf === undefined) return []
    return [anyJson(), ...this.brokenMembers(schema), ...brokenRules(schema)]
  }

  private brokenMembers(schema: Schema): fc.Arbitrary<unknown>[] {
    if (schema.type === 'array') {
      const items = this.mutants(schema.items)
      return items.length === 0 ? [] : [fc.array(fc.oneof(...items), { minLength: 1, maxLength: 3 })]
    }
    if (schema.type !== 'object') return []
    const valid = this.object(schema) as fc.Arbitrary<Schema>
    const unknown = fc.tuple(valid, word(), anyJson()).map(([value, name, extra]) => ({ ...value, [name]: extra }))
    const missing = (schema.required ?? []).map((name: string) =>
      valid.map((value) => Object.fromEntries(Object.entries(value).filter(([key]) => key !== name))),
    )
    const members = Object.entries<Schema>(schema.properties ?? {}).flatMap(([name, member]) => {
      const broken = this.mutants(member)
      return broken.length === 0
        ? []
        : [fc.tuple(valid, fc.oneof(...broken)).map(([value, bad]) => ({ ...value, [name]: bad }))]
    })
    // What must not stand together, and what must not be empty.
    const all = fc.record(
      Object.fromEntries(
        Object.entries<Schema>(schema.properties ?? {}).map(([name, one]) => [name, this.shaped(one)]),
      ),
    )
    return [unknown, ...missing, ...members, all, fc.constant({})]
  }
}

function brokenRules({ type, minimum, maximum, minItems }: Schema): fc.Arbitrary<unknown>[] {
  if (type === 'integer') {
    const outside = [minimum - 1, -1, maximum + 1, 0.5, 1e300].filter((value) => Number.isFinite(value))
    return [fc.constantFrom(...outside)]
  }
  if (type === 'array' && minItems > 0) return [fc.constant([])]
  return type === 'string' ? [word()] : []
}

/** Text of every kind, but never half of a surrogate pair. */
function word(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.constantFrom(
      '',
      '.',
      '..',
      '%',
      '%2f',
      'a/b',
      '\u0000',
      '\uFEFF',
      '__proto__',
      'constructor',
      'ＴＯＰＩＣ',
      '🪵',
      'e\u0301',
    ),
    fc.nat({ max: 12 }).map((power) => 'x'.repeat(2 ** power)),
  )
}

function integer({ minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER }: Schema) {
  const near = [0, 1, 2, 3, -1, minimum, maximum].filter((value) => value >= minimum && value <= maximum)
  return fc.oneof(fc.constantFrom(...near), fc.integer({ min: minimum, max: maximum }))
}

function anyJson(): fc.Arbitrary<unknown> {
  return fc.oneof(
    fc.jsonValue({ maxDepth: 3 }).filter(isExactJson),
    fc.constantFrom(null, true, 0, -1, 1.5, '', [], {}),
  )
}

function isExactJson(value: unknown): boolean {
  return !/\d{16}|\d[eE]/.test(JSON.stringify(value))
}

function isExact(value: number): boolean {
  return isExactJson(value)
}
