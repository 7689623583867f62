import { checksum } from '@millrace/record'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { jsonCodec } from './codec.ts'
import { Entries } from './entries.ts'
import { PendingChanges } from './pending-changes.ts'
import { decodeSnapshot, encodeSnapshot } from './snapshot.ts'

const codec = jsonCodec<unknown>()

function entriesOf(pairs: readonly (readonly [string, unknown])[]): Entries<string, unknown> {
  const entries = new Entries<string, unknown>()
  for (const [key, value] of pairs) {
    const sizeBytes = codec.encodeKey(key).length + codec.encodeValue(value).length
    entries.apply({ key, value, sizeBytes })
  }
  return entries
}

async function encode(
  entries: Entries<string, unknown>,
  position = () => 7,
  pending = new PendingChanges<string, unknown>(),
): Promise<Buffer> {
  return Buffer.concat((await encodeSnapshot(entries, pending, codec, position)).parts)
}

describe('a snapshot', () => {
  test('has the documented layout', async () => {
    const bytes = await encode(entriesOf([['k', 12]]))
    const hex = '0002000000000000000700000000000000016b0000000231320000000000000007'
    expect(bytes.toString('hex', 0, bytes.length - 4)).toBe(hex)
    expect(bytes.readUInt32BE(bytes.length - 4)).toBe(checksum(bytes.subarray(0, -4)))
  })

  test('has what is pending ahead of the entries', async () => {
    const pending = new PendingChanges<string, unknown>()
    const changes = [
      { key: 'k', value: 12, offset: 5, sizeBytes: 3 },
      { key: 'k', value: undefined, offset: 6, sizeBytes: 1 },
    ]
    pending.take({ producerId: 9, changes })
    const bytes = await encode(entriesOf([]), () => 7, pending)
    const head = '0002000000000000000700000001000000000000000900000002'
    const set = '0000000000000005000000016b000000023132'
    const deleted = '0000000000000006000000016bffffffff'
    expect(bytes.toString('hex', 0, bytes.length - 12)).toBe(head + set + deleted)
    const decoded = decodeSnapshot(bytes, codec)
    expect([...decoded.pending]).toEqual([[9, changes]])
    expect(decoded.pending.sizeBytes).toBe(4)
    expect(decoded.entries.size).toBe(0)
  })

  test('gives back what was put in', () =>
    fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()),
        fc.nat(),
        fc.nat(),
        async (values, from, more) => {
          const entries = entriesOf(Object.entries(values))
          const positions = [from, from + more]
          const decoded = decodeSnapshot(await encode(entries, () => positions.shift() ?? -1), codec)
          expect([decoded.from, decoded.to]).toEqual([from, from + more])
          // JSON has one zero.
          expect(JSON.stringify([...decoded.entries])).toBe(JSON.stringify([...entries]))
          expect(decoded.entries.sizeBytes).toBe(entries.sizeBytes)
        },
      ),
    ))

  test('is refused when any bit of it is another', async () => {
    const bytes = await encode(
      entriesOf([
        ['a', 1],
        ['b', ['two']],
        ['', null],
      ]),
    )
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = Buffer.from(bytes)
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(() => decodeSnapshot(damaged, codec), `bit ${bit}`).toThrow(/snapshot cannot be used/)
    }
  })

  test('is refused when it is cut off anywhere, or something follows it', async () => {
    const bytes = await encode(
      entriesOf([
        ['a', 1],
        ['b', ['two']],
        ['', null],
      ]),
    )
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeSnapshot(bytes.subarray(0, length), codec), `${length} bytes`).toThrow(/cannot be used/)
    }
    expect(() => decodeSnapshot(Buffer.concat([bytes, Buffer.alloc(1)]), codec)).toThrow(/cannot be used/)
  })

  test('is refused when it holds what its codec cannot decode', async () => {
    const bytes = await encode(entriesOf([['a', 1]]))
    const strict = { ...codec, decodeValue: (value: Buffer) => JSON.parse(`{${value}`) }
    expect(() => decodeSnapshot(bytes, strict)).toThrow(/snapshot cannot be used: .*JSON/)
  })

  test('is made in slices, has what was there all along, and ends though more and more is added', async () => {
    const entries = entriesOf(Array.from({ length: 50 }, (_, index) => [`k${index}`, 'x'.repeat(10_000)]))
    let position = 100
    let done = false
    const change = (): void => {
      if (done) return
      entries.apply({ key: `k${(position - 100) % 10}`, value: undefined, sizeBytes: 0 })
      entries.apply({ key: `new${position}`, value: 'y'.repeat(70_000), sizeBytes: 70_000 })
      position++
      setImmediate(change)
    }
    setImmediate(change)
    const bytes = await encode(entries, () => position)
    done = true
    const { from, to, entries: decoded } = decodeSnapshot(bytes, codec)
    expect(from).toBe(100)
    expect(to).toBeGreaterThan(101)
    expect(decoded.size).toBeLessThanOrEqual(50)
    for (let index = 10; index < 50; index++) expect(decoded.get(`k${index}`)).toBe('x'.repeat(10_000))
  })
})
