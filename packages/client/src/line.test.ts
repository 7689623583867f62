import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Line } from './line.ts'

describe('a line', () => {
  test('does what an array does', () => {
    const steps = fc.array(fc.oneof({ weight: 3, arbitrary: fc.nat(3_000) }, fc.integer({ min: -3_000, max: -1 })))
    fc.assert(
      fc.property(steps, (changes) => {
        const line = new Line<number>()
        const model: number[] = []
        let next = 0
        for (const change of changes) {
          for (let count = 0; count < change; count++) {
            line.push(next)
            model.push(next++)
          }
          for (let count = 0; count > change; count--) line.shift()
          model.splice(0, -Math.min(change, 0))
          expect([line.length, line.first]).toEqual([model.length, model[0]])
        }
        expect(line.clear()).toEqual(model)
        expect([line.length, line.first]).toEqual([0, undefined])
      }),
    )
  })
})
