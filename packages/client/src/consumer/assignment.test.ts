import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Assignment, type Step } from './assignment.ts'
import type { TopicPartition } from './topic-partition.ts'

const at = (...numbers: number[]): TopicPartition[] => numbers.map((partition) => ({ topic: 't', partition }))
const numbersOf = (partitions: readonly TopicPartition[]): number[] => partitions.map((it) => it.partition).sort()

describe('an assignment', () => {
  test('what is new is taken up at once, while what is too much is given back', () => {
    const assignment = new Assignment()
    assignment.assign(at(0, 1))
    assignment.takenUp(at(0, 1))
    expect(assignment.assign(at(1, 2))).toEqual({ takeUp: at(2), giveBack: at(0) })
    expect(numbersOf(assignment.owned())).toEqual([0, 1])
    assignment.takenUp(at(2))
    expect(numbersOf(assignment.owned())).toEqual([0, 1, 2])
    assignment.givenBack(at(0))
    expect(numbersOf(assignment.owned())).toEqual([1, 2])
  })

  test('what comes back while it is being given back is told as owned all the time, and taken up again', () => {
    const assignment = new Assignment()
    assignment.assign(at(0))
    assignment.takenUp(at(0))
    assignment.assign([])
    expect(assignment.assign(at(0))).toEqual({ takeUp: [], giveBack: [] })
    expect(assignment.givenBack(at(0))).toEqual({ takeUp: at(0), giveBack: [] })
    expect(assignment.owned()).toEqual(at(0))
  })

  test('what goes while it is being taken up is given back after that', () => {
    const assignment = new Assignment()
    assignment.assign(at(0))
    expect(assignment.assign([])).toEqual({ takeUp: [], giveBack: [] })
    expect(assignment.takenUp(at(0))).toEqual({ takeUp: [], giveBack: at(0) })
    expect(assignment.owned()).toEqual(at(0))
  })
})

const action = fc.oneof(fc.record({ assign: fc.uniqueArray(fc.nat(4)) }), fc.record({ end: fc.nat() }))

test('one thing at a time for each partition; at rest, the member has what it should', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 100 }), (actions) => {
      const assignment = new Assignment()
      const has = new Set<number>()
      const under = new Map<number, 'take' | 'give'>()
      let target: number[] = []
      const begin = ({ takeUp, giveBack }: Step): void => {
        for (const [partitions, what] of [
          [takeUp, 'take'],
          [giveBack, 'give'],
        ] as const) {
          for (const { partition } of partitions) {
            expect(under.has(partition)).toBe(false)
            expect(has.has(partition)).toBe(what === 'give')
            under.set(partition, what)
          }
        }
      }
      const end = (partition: number): void => {
        const what = under.get(partition)
        under.delete(partition)
        if (what === 'give') {
          has.delete(partition)
          begin(assignment.givenBack(at(partition)))
        } else if (assignment.wants({ topic: 't', partition })) {
          has.add(partition)
          begin(assignment.takenUp(at(partition)))
        } else {
          begin(assignment.givenBack(at(partition)))
        }
        const told = numbersOf(assignment.owned())
        expect([...has].filter((number) => !told.includes(number))).toEqual([])
      }
      for (const it of actions) {
        if ('assign' in it) {
          target = it.assign
          begin(assignment.assign(at(...target)))
        } else if (under.size > 0) {
          end([...under.keys()][it.end % under.size] as number)
        }
      }
      for (let rounds = 0; under.size > 0; rounds++) {
        expect(rounds).toBeLessThan(20)
        end([...under.keys()][0] as number)
      }
      expect([...has].sort()).toEqual([...target].sort())
      expect(numbersOf(assignment.owned())).toEqual([...target].sort())
    }),
  )
})
