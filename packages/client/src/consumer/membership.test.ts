import { MillraceError, systemClock } from '@millrace/record'
import { batchOf, createMemoryEngine, ManualClock } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { Millrace } from '../millrace.ts'
import type { FakeGroups, FakeMember } from '../testing/fake-groups.ts'
import { gate, type Harness, startHarness } from '../testing/harness.ts'
import type { Consumer } from './consumer.ts'
import type { ConsumerOptions } from './consumer-options.ts'

interface Scene extends Harness {
  readonly groups: FakeGroups
  /** What the hooks heard, and warnings, in order. */
  readonly events: string[]
  consumer(options?: Partial<ConsumerOptions>, mr?: Millrace): Consumer
}

/** A server with two records in each of two partitions of `t`. */
async function start(): Promise<Scene> {
  const engine = createMemoryEngine({ clock: systemClock })
  const { id } = await engine.topics.create({ name: 't', partitions: 2, settings: {} })
  for (const partition of [0, 1]) {
    await engine.partition(id, partition).append(batchOf(['a', 'b'], { timestamp: 1_000 }), { acks: 'committed' })
  }
  const harness = await startHarness(engine)
  const events: string[] = []
  const noter = (what: string) => (partitions: readonly { readonly partition: number }[]) =>
    void events.push(`${what} ${partitions.map(({ partition }) => partition)}`)
  return {
    ...harness,
    groups: harness.server.groups,
    events,
    consumer: (options = {}, mr = harness.mr) =>
      mr.consumer({
        group: 'g',
        topics: ['t'],
        autoCommitIntervalMs: 60_000,
        onAssigned: noter('assigned'),
        onRevoked: noter('revoked'),
        onLost: noter('lost'),
        onWarning: ({ code }) => void events.push(code),
        ...options,
      }),
    [Symbol.asyncDispose]: () => harness[Symbol.asyncDispose](),
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1))
}

const partitionsOf = (told: { partitions: readonly { partitions: number[] }[] } | undefined): number[] =>
  told?.partitions.flatMap(({ partitions }) => partitions).sort() ?? []
const member = (scene: Scene, index: number): FakeMember => scene.groups.members[index] as FakeMember
const gone = new MillraceError('UNKNOWN_MEMBER', 'removed')

describe('a member', () => {
  test('says what it wants and what it owns, beats as it is told to, and leaves nothing running', async () => {
    await using s = await start()
    const clock = new ManualClock()
    const mr = new Millrace({ url: s.server.url }, { clock })
    s.groups.onJoin = (it) => {
      it.joined(4, 9_000)
      it.assign(4, 0, 1)
    }
    const options = { instanceId: 'i', clientId: 'c', sessionTimeoutMs: 9_000, rebalanceTimeoutMs: 8_000 } as const
    const running = s.consumer({ ...options, assignor: 'range' }, mr).run(() => {})
    await until(() => partitionsOf(s.groups.members[0]?.heard('owned').at(-1)).length === 2)
    const one = member(s, 0)
    expect(one.join).toMatchObject({ ...options, group: 'g', topics: ['t'], assignor: 'range', memberEpoch: 0 })
    expect(one.heard('owned').at(-1)?.memberEpoch).toBe(4)
    for (let beats = 1; beats <= 3; beats++) {
      expect(one.heard('heartbeat')).toHaveLength(beats - 1)
      clock.advance(3_000)
      await until(() => one.heard('heartbeat').length === beats)
    }
    await mr.close()
    await running
    expect(one.heard('leave')).toMatchObject([{ forGood: false }])
    await until(() => clock.pendingTimers === 0)
  })

  test('whose stream breaks comes back as what it was, and sends again what was not answered', async () => {
    await using s = await start()
    s.groups.onJoin = (it) => {
      it.joined(7)
      it.assign(7, 0, 1)
    }
    s.groups.onCommit = () => 'silent'
    const consumer = s.consumer()
    const running = consumer.run(() => {})
    await until(() => consumer.assigned().length === 2)
    const first = consumer.commit([{ topic: 't', partition: 0, offset: 1 }])
    const second = consumer.commit([{ topic: 't', partition: 0, offset: 2 }])
    await until(() => member(s, 0).heard('commit').length === 2)
    s.groups.onCommit = () => 'store'
    member(s, 0).cut()
    await Promise.all([first, second])
    const [before, after] = s.groups.members.map(({ join }) => join)
    expect(after).toMatchObject({ memberId: before?.memberId, memberEpoch: 7 })
    expect(after?.owned.flatMap(({ partitions }) => partitions)).toEqual([0, 1])
    expect(s.groups.offsets.get('t/0')).toBe(2)
    expect(s.events).toEqual(['assigned 0,1'])
    await consumer.close()
    await running
    expect(s.events).toEqual(['assigned 0,1', 'revoked 0,1'])
  })

  test.each([
    ['UNKNOWN_MEMBER', (it: FakeMember) => it.end(gone)],
    ['STALE_MEMBER_EPOCH', (it: FakeMember) => it.end(new MillraceError('STALE_MEMBER_EPOCH', 'stale'))],
  ] as const)('that hears %s gives up what it has, and joins anew', async (code, end) => {
    await using s = await start()
    const consumer = s.consumer()
    const aborted: boolean[] = []
    const running = consumer.run(async (_, { signal }) => {
      if (aborted.length > 0) return
      aborted.push(false)
      end(member(s, 0))
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      aborted.push(true)
    })
    await until(() => s.events.length === 4)
    await consumer.close()
    await running
    expect(aborted).toEqual([false, true])
    expect(s.events).toEqual(['assigned 0', code, 'lost 0', 'assigned 0', 'revoked 0'])
    expect(s.groups.members).toHaveLength(2)
    expect(member(s, 1).join).toMatchObject({ memberEpoch: 0, owned: [] })
    expect(member(s, 0).heard('commit')).toEqual([])
  })

  test('that loses a partition which it is giving back hears of it once', async () => {
    await using s = await start()
    const { opened, open } = gate()
    const consumer = s.consumer()
    let isRunning = false
    const running = consumer.run(() => {
      isRunning = true
      return opened
    })
    await until(() => isRunning)
    s.groups.onJoin = (it) => it.joined(2)
    member(s, 0).assign(2)
    await until(() => member(s, 0).heard('owned').at(-1)?.memberEpoch === 2)
    member(s, 0).end(gone)
    await until(() => s.events.length === 3)
    open()
    await until(() => s.groups.members.length === 2)
    await consumer.close()
    await running
    expect(s.events).toEqual(['assigned 0', 'UNKNOWN_MEMBER', 'lost 0'])
  })

  test('out of reach for its session time-out counts itself as gone, and comes back on one stream', async () => {
    await using s = await start()
    s.groups.onJoin = (it) => {
      it.joined(1, 30)
      it.assign(1, 0)
    }
    const consumer = s.consumer()
    const running = consumer.run(() => {})
    await until(() => consumer.assigned().length === 1)
    s.server.faults.stream = () => new MillraceError('NOT_READY', 'not now')
    member(s, 0).cut()
    await until(() => s.events.includes('lost 0'))
    s.server.faults.stream = () => undefined
    await until(() => consumer.assigned().length === 1)
    expect(s.groups.members.map(({ join }) => join?.memberEpoch)).toEqual([0, 0])
    expect(s.groups.members.filter(({ isOpen }) => isOpen)).toHaveLength(1)
    await consumer.close()
    await running
  })

  test('that is removed while it closes hears onLost, not onRevoked', async () => {
    await using s = await start()
    const { opened, open } = gate()
    const consumer = s.consumer()
    let isRunning = false
    const running = consumer.run(() => {
      isRunning = true
      return opened
    })
    await until(() => isRunning)
    const closing = consumer.close()
    member(s, 0).end(gone)
    await until(() => s.events.length > 1)
    open()
    await closing
    await running
    expect(s.events).toEqual(['assigned 0', 'UNKNOWN_MEMBER', 'lost 0'])
  })

  test('keeps what it is taking up until onAssigned is through, though it is asked for it back', async () => {
    await using s = await start()
    const { opened, open } = gate()
    const consumer = s.consumer({
      onAssigned: async ([first]) => {
        s.events.push(`assigned ${first?.partition}`)
        await opened
      },
    })
    const running = consumer.run(() => {})
    await until(() => s.events.length === 1)
    member(s, 0).assign(2)
    await until(() => member(s, 0).heard('owned').at(-1)?.memberEpoch === 2)
    expect(partitionsOf(member(s, 0).heard('owned').at(-1))).toEqual([0])
    open()
    await until(() => partitionsOf(member(s, 0).heard('owned').at(-1)).length === 0)
    expect(s.events).toEqual(['assigned 0', 'revoked 0'])
    await consumer.close()
    await running
  })

  test('whose join is not answered yet leaves all the same', async () => {
    await using s = await start()
    s.groups.onJoin = () => {}
    const consumer = s.consumer()
    const running = consumer.run(() => {})
    await until(() => s.groups.members.length === 1)
    await consumer.close()
    await running
    expect(member(s, 0).heard('leave')).toHaveLength(1)
  })

  test('that may not join ends with the reason', async () => {
    await using s = await start()
    s.groups.onJoin = (it) => it.end(new MillraceError('INSTANCE_ID_IN_USE', 'taken'))
    await expect(s.consumer({ instanceId: 'i' }).run(() => {})).rejects.toMatchObject({ code: 'INSTANCE_ID_IN_USE' })
  })

  test('waits for offsets that a transaction still holds', async () => {
    await using s = await start()
    let asked = 0
    s.groups.offsets.set('t/0', 1)
    s.groups.onFetchOffsets = () => (++asked < 4 ? new MillraceError('OFFSETS_PENDING', 'wait') : undefined)
    for await (const record of s.consumer()) {
      expect(record.text()).toBe('b')
      break
    }
    expect(asked).toBe(4)
  })

  test('of which the group thinks otherwise joins anew', async () => {
    await using s = await start()
    s.groups.onCommit = (it) => (it === member(s, 0) ? new MillraceError('PARTITION_NOT_OWNED', 'not yours') : 'store')
    const consumer = s.consumer({ autoCommitIntervalMs: 5 })
    const running = consumer.run(() => {})
    await until(() => s.groups.offsets.get('t/0') === 2)
    await consumer.close()
    await running
    expect(s.events).toEqual(['assigned 0', 'PARTITION_NOT_OWNED', 'lost 0', 'assigned 0', 'revoked 0'])
  })
})
