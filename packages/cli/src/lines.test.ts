import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LINE_BYTES, readLines } from './lines.ts'

const TOO_LONG = 'too long'

async function linesOf(chunks: readonly (string | Buffer)[]): Promise<{ lines: string[]; endBytes: number[] }> {
  const lines: string[] = []
  const endBytes: number[] = []
  const source = (async function* () {
    yield* chunks
  })()
  for await (const group of readLines(source)) {
    lines.push(...group.lines.map((line) => line?.toString('latin1') ?? TOO_LONG))
    endBytes.push(group.endByte)
  }
  return { lines, endBytes }
}

describe('readLines', () => {
  it('gives the same lines however the bytes are cut into chunks', async () => {
    const line = fc.string({ unit: fc.constantFrom('a', 'é', '\r', ' ', '\0'), maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.boolean(), fc.array(fc.nat(60)), async (wanted, closed, cuts) => {
        const lines = wanted.map((text) => text.replace(/\r+$/, ''))
        const text = Buffer.from(lines.join('\n') + (closed && lines.length > 0 ? '\n' : ''))
        const places = [0, ...cuts.filter((at) => at <= text.length).sort((a, b) => a - b), text.length]
        const chunks = places.slice(1).map((end, index) => text.subarray(places[index], end))
        const { lines: got, endBytes } = await linesOf(chunks)
        const expected = closed || lines.at(-1) !== '' ? lines : lines.slice(0, -1)
        expect(got).toEqual(expected.map((each) => Buffer.from(each).toString('latin1')))
        if (got.length > 0) expect(endBytes.at(-1)).toBe(text.length)
      }),
    )
  })

  it('takes CR LF for one end of line', async () => {
    expect((await linesOf(['a\r', '\nb\r\n\r\nc'])).lines).toEqual(['a', 'b', '', 'c'])
  })

  it('hands lines on as they come', async () => {
    expect((await linesOf(['one\ntw', 'o\n', 'three'])).endBytes).toEqual([4, 8, 13])
  })

  it('tells of a line that is too long once, keeps nothing of it, and goes on behind it', async () => {
    const part = Buffer.alloc(2 ** 24, 'x')
    const long = Array.from({ length: LINE_BYTES / part.length + 2 }, () => part)
    const chunks = ['one\n', ...long, 'x\ntwo\n', ...long]
    const { lines, endBytes } = await linesOf(chunks)
    expect(lines).toEqual(['one', TOO_LONG, 'two', TOO_LONG])
    expect(endBytes).toHaveLength(4)
  })

  it('gives the longest line that is read', async () => {
    const half = Buffer.alloc(LINE_BYTES / 2, 'x')
    expect((await linesOf([half, half, '\n'])).lines.map(({ length }) => length)).toEqual([LINE_BYTES])
  })
})
