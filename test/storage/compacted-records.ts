import { BatchBuilder, type ProducerStamp } from '@millrace/record'

const TIMESTAMP = 1_000

/** A record of the kill program's text: `key=value`, `key=` for a tombstone; without `=` one that has no key. */
export interface TextRecord {
  readonly key: string | null
  readonly value: string | null
}

export function parseRecord(text: string): TextRecord {
  const end = text.indexOf('=')
  if (end < 0) return { key: null, value: text }
  return { key: text.slice(0, end), value: text.slice(end + 1) || null }
}

/** A batch as a client sends it. */
export function batchOfTexts(texts: readonly string[], producer: ProducerStamp): Buffer {
  const builder = new BatchBuilder()
  const toBuffer = (text: string | null): Buffer | null => (text === null ? null : Buffer.from(text))
  for (const { key, value } of texts.map(parseRecord)) {
    builder.append({ key: toBuffer(key), value: toBuffer(value), timestamp: TIMESTAMP })
  }
  return builder.build({ producer }).buffer
}

export interface SentText {
  readonly text: string
  /** Undefined when nobody was told. */
  readonly acknowledgedAt: number | undefined
}

export interface ReadText extends TextRecord {
  readonly offset: number
}

/**
 * What is wrong with a compacted partition: of each key the last record that was acknowledged, or a later one, must be
 * there; for a tombstone it is enough that no earlier record is. Nothing may be there that nobody sent, nothing twice,
 * and nothing elsewhere than it was said to be.
 */
export function compactionProblems(sent: readonly SentText[], read: readonly ReadText[]): string[] {
  const problems: string[] = []
  const texts = new Set(sent.map(({ text }) => text))
  const acknowledged = new Map<number, string>()
  const last = new Map<string, number>()
  for (const { text, acknowledgedAt } of sent) {
    if (acknowledgedAt === undefined) continue
    acknowledged.set(acknowledgedAt, text)
    const key = parseRecord(text).key as string
    last.set(key, Math.max(last.get(key) ?? -1, acknowledgedAt))
  }
  const seen = new Set<string>()
  const found = new Map<string, number>()
  let previous = -1
  for (const { offset, key, value } of read) {
    const text = `${key}=${value ?? ''}`
    if (offset <= previous) problems.push(`offset ${offset} after ${previous}`)
    previous = offset
    if (!texts.has(text)) problems.push(`nobody sent ${text}`)
    if (value !== null && seen.has(text)) problems.push(`${text} is there twice`)
    seen.add(text)
    if ((acknowledged.get(offset) ?? text) !== text) problems.push(`${text} is at ${offset}, the place of another`)
    found.set(key as string, offset)
  }
  for (const [key, offset] of last) {
    const isTombstone = parseRecord(acknowledged.get(offset) as string).value === null
    const foundAt = found.get(key)
    if (foundAt === undefined ? !isTombstone : foundAt < offset) {
      problems.push(`the last record of ${key}, acknowledged at ${offset}, is gone; there is ${foundAt ?? 'none'}`)
    }
  }
  return problems
}
