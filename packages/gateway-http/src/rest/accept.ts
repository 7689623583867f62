/**
 * The type, of those that an answer may have, that an Accept header prefers: by its q-values, then by how exactly it
 * names the type, then by the order of `offered`. The first, when it names none of them: whoever asks for a type that
 * there is not is better served with some answer (RFC 9110, 12.5.1 allows it).
 */
export function preferredType<T extends string>(accept: string | undefined, offered: readonly [T, ...T[]]): T {
  const [byDefault] = offered
  if (accept === undefined) return byDefault
  const ranges = accept.split(',').map(parseRange)
  let best: { type: T; weight: number; exactness: number } | undefined
  for (const type of offered) {
    const { weight, exactness } = weightOf(type, ranges)
    if (weight === 0) continue
    if (best === undefined || weight > best.weight || (weight === best.weight && exactness > best.exactness)) {
      best = { type, weight, exactness }
    }
  }
  return best?.type ?? byDefault
}

interface MediaRange {
  /** `type/subtype`, `type/*` or `*\/*`, in small letters. */
  readonly name: string
  /** From 0, not wanted, to 1. */
  readonly weight: number
}

const WEIGHT = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/

/** A weight that is none makes the range unwanted. Other parameters say nothing that an answer here could differ in. */
function parseRange(text: string): MediaRange {
  const [name = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  const weight = parameters.find((parameter) => /^q\s*=/.test(parameter))?.replace(/^q\s*=\s*/, '') ?? '1'
  return { name, weight: WEIGHT.test(weight) ? Number(weight) : 0 }
}

/** The weight that the most exact of the ranges that fit gives to a type; 0 when none does. */
function weightOf(type: string, ranges: readonly MediaRange[]): { weight: number; exactness: number } {
  const names = ['*/*', `${type.split('/', 1)[0]}/*`, type]
  for (const exactness of [2, 1, 0]) {
    const weights = ranges.filter(({ name }) => name === names[exactness]).map(({ weight }) => weight)
    if (weights.length > 0) return { weight: Math.max(...weights), exactness }
  }
  return { weight: 0, exactness: 0 }
}
