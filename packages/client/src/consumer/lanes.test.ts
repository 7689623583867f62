import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Lanes } from './lanes.ts'

interface Item {
  readonly id: number
  readonly lane: string | undefined
}

const action = fc.oneof(fc.record({ add: fc.constantFrom('a', 'b', 'c', undefined) }), fc.record({ end: fc.nat() }))

test('each lane one after the other in its order, never more than allowed, and whatever may run runs', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(action, { maxLength: 200 }), (concurrency, actions) => {
      const lanes = new Lanes<Item>(concurrency)
      const waiting: Item[] = []
      const running: Item[] = []
      let lastId = 0
      const isFree = ({ lane }: Item): boolean => lane === undefined || running.every((other) => other.lane !== lane)
      for (const it of actions) {
        if ('add' in it) {
          const item = { id: lastId++, lane: it.add }
          waiting.push(item)
          lanes.add(item.lane, item)
        } else if (running.length > 0) {
          lanes.done(running.splice(it.end % running.length, 1)[0]?.lane)
        }
        for (let item = lanes.take(); item !== undefined; item = lanes.take()) {
          expect(isFree(item)).toBe(true)
          expect(waiting.find(({ lane }) => lane !== undefined && lane === item.lane)?.id ?? item.id).toBe(item.id)
          waiting.splice(waiting.indexOf(item), 1)
          running.push(item)
        }
        expect(running.length).toBeLessThanOrEqual(concurrency)
        if (running.length < concurrency) expect(waiting.filter(isFree)).toEqual([])
        expect(lanes.size).toBe(waiting.length + running.length)
      }
    }),
  )
})
