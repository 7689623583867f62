import { UsageError } from './failure.ts'
import type { PrintedRecord } from './printed-record.ts'

type Piece = (record: PrintedRecord) => Buffer

/** What may stand behind a `%`: kcat's letters, and rpk's `%v` for the value. */
export const FIELDS: Readonly<Record<string, { readonly help: string; readonly piece: Piece }>> = {
  t: { help: 'topic', piece: ({ topic }) => Buffer.from(topic) },
  p: { help: 'partition', piece: ({ partition }) => Buffer.from(String(partition)) },
  o: { help: 'offset', piece: ({ offset }) => Buffer.from(String(offset)) },
  k: { help: 'key', piece: ({ key }) => key ?? NOTHING },
  K: { help: 'bytes of the key, -1 for none', piece: ({ key }) => Buffer.from(String(key?.length ?? -1)) },
  v: { help: 'value', piece: ({ value }) => value ?? NOTHING },
  s: { help: 'the same', piece: ({ value }) => value ?? NOTHING },
  S: { help: 'bytes of the value, -1 for null', piece: ({ value }) => Buffer.from(String(value?.length ?? -1)) },
  T: { help: 'timestamp in ms since 1970', piece: ({ timestamp }) => Buffer.from(String(timestamp)) },
  h: { help: 'headers, as a=1,b=2', piece: ({ headers }) => headersOf(headers) },
  '%': { help: 'a %', piece: () => Buffer.from('%') },
}
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '0': '\0', '\\': '\\' }
const NOTHING = Buffer.alloc(0)

const FIELDS_HELP = Object.entries(FIELDS)
  .map(([letter, { help }]) => `%${letter} ${help}`)
  .join(', ')
export const ESCAPES_HELP = Object.keys(ESCAPES)
  .map((letter) => `\\${letter}`)
  .join(' ')

/**
 * Reads a template such as `%p:%o %k=%v\n`. What it makes holds keys, values and headers byte for byte, nothing for null,
 * and no end of line that does not stand in it.
 * @throws UsageError for a `%` or a `\` before anything but what there is
 */
export function parseTemplate(text: string): Piece {
  const pieces: Piece[] = []
  let literal = ''
  for (let at = 0; at < text.length; at++) {
    const mark = text[at]!
    if (mark !== '%' && mark !== '\\') {
      literal += mark
      continue
    }
    at += 1
    const letter = String.fromCodePoint(...[text.codePointAt(at) ?? []].flat())
    if (mark === '\\') literal += found(ESCAPES, mark, letter, `there are ${ESCAPES_HELP}`)
    else {
      const { piece } = found(FIELDS, mark, letter, `there are ${FIELDS_HELP}`)
      pieces.push(constant(literal), piece)
      literal = ''
    }
  }
  pieces.push(constant(literal))
  return (record) => Buffer.concat(pieces.map((piece) => piece(record)))
}

function constant(text: string): Piece {
  const bytes = Buffer.from(text)
  return () => bytes
}

function found<T>(known: Readonly<Record<string, T>>, mark: string, letter: string, help: string): T {
  if (Object.hasOwn(known, letter)) return known[letter]!
  const what = letter === '' ? `it ends with ${mark}` : `${mark}${letter} is unknown`
  throw new UsageError(`--format: ${what}; ${help}`)
}

function headersOf(headers: PrintedRecord['headers']): Buffer {
  const parts = headers.flatMap(({ key, value }, index) => [
    Buffer.from(`${index === 0 ? '' : ','}${key}=`),
    value ?? NOTHING,
  ])
  return Buffer.concat(parts)
}
