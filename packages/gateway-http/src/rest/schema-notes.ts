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
export function named(name: string, described?: Readonly<Record<string, unknown>>): SchemaNotes {
  return described === undefined ? { [NAME]: name } : { [NAME]: name, [DESCRIBED]: described }
}
