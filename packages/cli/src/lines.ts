/** The longest line that is read, in bytes. A record cannot be longer, whatever the topic's settings. */
export const LINE_BYTES = 64 * 2 ** 20

/** Lines that arrived together. */
export interface Lines {
  /** Undefined in the place of a line of more than `LINE_BYTES`, which is not kept. */
  readonly lines: readonly (Buffer | undefined)[]
  /** Bytes of input up to the end of the last line. */
  readonly endByte: number
}

/**
 * Cuts a stream of bytes into lines, without decoding them. A line ends with LF or CR LF; the last one may lack it.
 * Lines are handed on as soon as the chunk in which they end is there, one that is too long as soon as it is.
 */
export async function* readLines(input: AsyncIterable<Buffer | string>): AsyncGenerator<Lines> {
  let begun: Buffer[] = []
  let begunBytes = 0
  let isTooLong = false
  let endByte = 0
  for await (const chunk of input) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    const lines: (Buffer | undefined)[] = []
    let start = 0
    for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, start)) {
      if (!isTooLong) {
        begun.push(bytes.subarray(start, at))
        lines.push(withoutCr(begun.length === 1 ? begun[0]! : Buffer.concat(begun)))
      }
      endByte += begunBytes + at + 1 - start
      begun = []
      begunBytes = 0
      isTooLong = false
      start = at + 1
    }
    if (start < bytes.length) {
      if (!isTooLong) begun.push(bytes.subarray(start))
      begunBytes += bytes.length - start
    }
    if (begunBytes > LINE_BYTES && !isTooLong) {
      isTooLong = true
      begun = []
      lines.push(undefined)
    }
    if (lines.length > 0) yield { lines, endByte }
  }
  if (begun.length > 0) yield { lines: [Buffer.concat(begun)], endByte: endByte + begunBytes }
}

const LF = 0x0a
const CR = 0x0d

function withoutCr(line: Buffer): Buffer {
  return line.at(-1) === CR ? line.subarray(0, -1) : line
}
