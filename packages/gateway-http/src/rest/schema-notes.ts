/** Notes on a schema that only the description of the API reads: validators do not see symbols. */
export const NAME = Symbol('name')
export const DESCRIBED = Symbol('described')

export type SchemaNotes = {
  /** The schema stands once in the description, under this name. */
  readonly [NAME]?: string
  /** What holds besides and is checked elsewhere, in better words than a validator has: more of JSON Schema. */
  readonly [DESCRIBED]?: Readonly<Record<string, unknown>>
}

/** Options of a schema that stands once in the description. */
export function named(name: string): SchemaNotes {
  return { [NAME]: name }
}

/** Options of a schema for what holds besides and is checked elsewhere. */
export function besides(described: Readonly<Record<string, unknown>>): SchemaNotes {
  return { [DESCRIBED]: described }
}

/** Options of a query parameter that may not stand beside others, which OpenAPI has no word for. */
export function insteadOf(...others: readonly string[]): SchemaNotes {
  return besides({ 'x-instead-of': others })
}
