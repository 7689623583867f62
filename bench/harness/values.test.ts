import fc from 'fast-check'
import { expect, test } from 'vitest'
import { makeBatchValues, ReadCheck } from './values.ts'

const BATCH = 12
const BYTES = 40

function check(values: readonly Buffer[], records: number, compare: boolean): void {
  const check = new ReadCheck(BATCH, BYTES)
  for (const value of values) compare ? check.addAndCompare(value) : check.add(value)
  check.finish(records)
}

const batches = fc
  .integer({ min: 1, max: 5 })
  .map((count) => Array.from({ length: count }, () => makeBatchValues(BATCH, BYTES)).flat())

test('what was sent passes', () => {
  fc.assert(
    fc.property(batches, fc.boolean(), (values, compare) => {
      expect(() => check(values, values.length, compare)).not.toThrow()
    }),
  )
})

test('what was sent passes, however much it is', () => {
  const batch = makeBatchValues(BATCH, BYTES)
  const records = 1_000_000 * BATCH
  const many = new ReadCheck(BATCH, BYTES)
  for (let sent = 0; sent < records; sent += BATCH) for (const value of batch) many.add(value)
  expect(() => many.finish(records)).not.toThrow()
})

test('a record that is lost, doubled or replaced by another is found even without comparing', () => {
  fc.assert(
    fc.property(batches, fc.nat(), fc.constantFrom('lost', 'doubled', 'replaced'), (values, at, how) => {
      const index = at % values.length
      const other = values[(index + 1) % values.length]!
      const broken = values.toSpliced(index, 1, ...{ lost: [], doubled: [other, other], replaced: [other] }[how])
      expect(() => check(broken, values.length, false)).toThrow()
    }),
  )
})

test('comparing finds records that changed places and bytes that changed', () => {
  fc.assert(
    fc.property(batches, fc.nat(), fc.nat(), (values, at, byte) => {
      const index = at % values.length
      const next = (index + 1) % values.length
      const swapped = values.with(index, values[next]!).with(next, values[index]!)
      expect(() => check(swapped, values.length, true)).toThrow()
      const changed = Buffer.from(values[index]!)
      changed[byte % BYTES]! ^= 1
      expect(() => check(values.with(index, changed), values.length, true)).toThrow()
    }),
  )
})
