import { type SeededRandom, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { type PartitionId, partitionId, topicOf } from '../partition-id.ts'
import type { AssignorMember, Target } from './assignor.ts'
import { range } from './range.ts'
import { uniform } from './uniform.ts'

const ASSIGNORS = { range, uniform }

/** Members and topics that come and go, with the target that the assignor under test gave them last. */
class World {
  topics = new Map<string, number>()
  members: AssignorMember[] = []
  target: Target = new Map()
  private readonly random: SeededRandom
  private readonly wantsAll: boolean
  private made = 0

  constructor(random: SeededRandom, wantsAll: boolean) {
    this.random = random
    this.wantsAll = wantsAll
    for (let count = random.int(1, 5); count > 0; count--) this.addTopic()
    for (let count = random.int(1, 8); count > 0; count--) this.addMember()
  }

  readonly partitionsOf = (topicId: string): number => this.topics.get(topicId) ?? 0

  assign(assignor: (typeof ASSIGNORS)['range']): Target {
    const members = this.members.map((member) => ({ ...member, previous: this.target.get(member.id) ?? new Set() }))
    this.target = assignor(members, this.partitionsOf)
    return this.target
  }

  change(): void {
    const { random } = this
    const what = random.pick(['join', 'join', 'leave', 'leave', 'topic', 'topic gone', 'growth', 'subscription'])
    if (what === 'join') this.addMember()
    if (what === 'leave' && this.members.length > 1) this.members.splice(random.int(0, this.members.length - 1), 1)
    if (what === 'topic') this.addTopic()
    if (what === 'topic gone' && this.topics.size > 1) this.topics.delete(random.pick([...this.topics.keys()]))
    if (what === 'growth') {
      const topic = random.pick([...this.topics.keys()])
      this.topics.set(topic, this.topics.get(topic)! + random.int(1, 5))
    }
    if (what === 'subscription' || what.startsWith('topic')) {
      this.members = this.members.map((member) => ({ ...member, topics: this.subscription() }))
    }
  }

  wanted(): PartitionId[] {
    return [...this.topics].flatMap(([topicId, count]) =>
      this.members.some(({ topics }) => topics.has(topicId))
        ? Array.from({ length: count }, (_, partition) => partitionId(topicId, partition))
        : [],
    )
  }

  private addTopic(): void {
    this.topics.set(`topic${this.made++}`, this.random.int(1, 12))
  }

  private addMember(): void {
    const id = `member${this.random.int(100, 999)}-${this.made++}`
    this.members.push({ id, sortKey: id, topics: this.subscription(), previous: new Set() })
  }

  private subscription(): ReadonlySet<string> {
    const topics = [...this.topics.keys()]
    // Some want what is not there.
    return new Set(this.wantsAll ? topics : [...topics, 'nowhere'].filter(() => this.random.bool()))
  }
}

function everyWorld(check: (world: World, random: SeededRandom) => void, wantsAll?: boolean): void {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seededRandom(seed)
    try {
      check(new World(random, wantsAll ?? random.bool()), random)
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
    }
  }
}

describe.each(Object.entries(ASSIGNORS))('%s', (_, assignor) => {
  test('gives each partition that is wanted to one member that wants it', () => {
    everyWorld((world) => {
      for (let step = 0; step < 20; step++) {
        const target = world.assign(assignor)
        expect([...target.keys()].toSorted()).toEqual(world.members.map(({ id }) => id).toSorted())
        expect([...target.values()].flatMap((ids) => [...ids]).toSorted()).toEqual(world.wanted().toSorted())
        for (const { id, topics } of world.members) {
          for (const partition of target.get(id)!) expect(topics.has(topicOf(partition)), id).toBe(true)
        }
        world.change()
      }
    })
  })
})

describe('range', () => {
  test('cuts each topic into stretches, the longer ones first, in the order of the sort keys', () => {
    const topics = new Set(['a', 'b'])
    const member = (id: string, sortKey: string) => ({ id, sortKey, topics, previous: new Set<PartitionId>() })
    const target = range([member('x', '3'), member('y', '1'), member('z', '2')], (topic) => (topic === 'a' ? 4 : 2))
    expect([...target.get('y')!]).toEqual(['a:0', 'a:1', 'b:0'])
    expect([...target.get('z')!]).toEqual(['a:2', 'b:1'])
    expect([...target.get('x')!]).toEqual(['a:3'])
  })
})

describe('uniform', () => {
  test('leaves nobody with two partitions more than one that could take one of them', () => {
    everyWorld((world) => {
      for (let step = 0; step < 20; step++) {
        const target = world.assign(uniform)
        for (const [giver, ids] of target) {
          const topics = new Set([...ids].map(topicOf))
          for (const taker of world.members) {
            if (![...topics].some((topic) => taker.topics.has(topic))) continue
            expect(ids.size - target.get(taker.id)!.size, `${giver} beside ${taker.id}`).toBeLessThanOrEqual(1)
          }
        }
        world.change()
      }
    })
  })

  test('moves nothing where nothing changed', () => {
    everyWorld((world) => {
      for (let step = 0; step < 20; step++) {
        const before = world.assign(uniform)
        expect(world.assign(uniform)).toEqual(before)
        world.change()
      }
    })
  })

  test('moves no more than it must where all want the same topics', () => {
    everyWorld((world) => {
      for (let step = 0; step < 20; step++) {
        const before = world.assign(uniform)
        world.change()
        const wanted = new Set(world.wanted())
        const had = world.members.map(({ id }) => [...(before.get(id) ?? [])].filter((p) => wanted.has(p)).length)
        const after = world.assign(uniform)
        let moved = 0
        for (const [id, ids] of before) {
          const now = after.get(id)
          if (now !== undefined) for (const partition of ids) if (wanted.has(partition) && !now.has(partition)) moved++
        }
        expect(moved).toBe(fewestMoves(had, wanted.size))
      }
    }, true)
  })

  test('serves members that want different topics as well as they allow', () => {
    const member = (id: string, ...topics: string[]) => ({
      id,
      sortKey: id,
      topics: new Set(topics),
      previous: new Set<PartitionId>(),
    })
    const target = uniform([member('both', 'a', 'b'), member('one', 'a'), member('none', 'c')], () => 4)
    expect(target.get('both')).toEqual(new Set(['b:0', 'b:1', 'b:2', 'b:3']))
    expect(target.get('one')).toEqual(new Set(['a:0', 'a:1', 'a:2', 'a:3']))
    expect(target.get('none')?.size).toBe(4)
  })
})

/** What must leave its member so that all have as many, or one more: those with the most get that one. */
function fewestMoves(counts: readonly number[], partitions: number): number {
  const least = Math.floor(partitions / counts.length)
  const withOneMore = partitions % counts.length
  return counts
    .toSorted((a, b) => b - a)
    .reduce((moves, count, rank) => moves + Math.max(count - least - (rank < withOneMore ? 1 : 0), 0), 0)
}
