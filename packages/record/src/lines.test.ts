import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Lines } from './lines.ts'

test('one line waits for one thing of each other line', () => {
  const lines = new Lines<string, string>()
  for (const thing of ['a1', 'a2', 'a3', 'b1', 'b2']) lines.add(thing.charAt(0), thing)
  expect(lines.take(3)).toEqual(['a1', 'b1', 'a2'])
  lines.add('c', 'c1')
  expect(lines.take(9)).toEqual(['b2', 'a3', 'c1'])
  expect([lines.size, lines.next(), lines.take(1)]).toEqual([0, undefined, []])
})

test('things keep the order of their line, and none is lost, given twice, or given after it was taken out', () => {
  const step = fc.record({ does: fc.constantFrom('add', 'add', 'next', 'remove'), line: fc.nat(3), pick: fc.nat() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const lines = new Lines<number, number>()
      const model = new Map<number, number[]>()
      let number = 0
      for (const { does, line, pick } of steps) {
        const mine = model.get(line) ?? []
        model.set(line, mine)
        if (does === 'add') {
          lines.add(line, ++number)
          mine.push(number)
        } else if (does === 'remove') {
          const thing = mine[pick % (mine.length + 1)] ?? -1
          lines.remove(line, thing)
          model.set(
            line,
            mine.filter((other) => other !== thing),
          )
        } else {
          const thing = lines.next()
          const first = [...model.values()].find(([head]) => head === thing && head !== undefined)
          if (thing === undefined) expect([...model.values()].flat()).toEqual([])
          else expect(first?.shift()).toBe(thing)
        }
        expect(lines.size).toBe([...model.values()].flat().length)
      }
    }),
  )
})
