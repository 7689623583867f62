import { batchOf, createMemoryEngine, eventsOf, ManualClock, openTail, type TailReader } from '@millrace/testkit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { serveTails, type TailServer } from '../../test/tail-server.ts'

const PATH = '/v1/topics/t/partitions/0/records'

type Step =
  | { readonly do: 'append'; readonly records: number; readonly gzip: boolean }
  | { readonly do: 'transaction'; readonly records: number; readonly outcome: 'commit' | 'abort' }
  | { readonly do: 'truncate'; readonly records: number }
  | { readonly do: 'reconnect'; readonly opened: boolean }
  | { readonly do: 'restart'; readonly drained: boolean }

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('append' as const), records: fc.integer({ min: 1, max: 5 }), gzip: fc.boolean() }),
    fc.record({
      do: fc.constant('transaction' as const),
      records: fc.integer({ min: 1, max: 3 }),
      outcome: fc.constantFrom('commit' as const, 'abort' as const),
    }),
    fc.record({ do: fc.constant('truncate' as const), records: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ do: fc.constant('reconnect' as const), opened: fc.boolean() }),
    fc.record({ do: fc.constant('restart' as const), drained: fc.boolean() }),
  ),
  { maxLength: 14 },
)

/** A log, what a reader may see of it, and an EventSource that follows it. */
class World {
  private readonly from: string
  private readonly clock = new ManualClock()
  private readonly engine = createMemoryEngine({ clock: this.clock })
  private server!: TailServer
  private reader: TailReader | undefined
  /** The value at each offset that a reader may see. */
  readonly visible = new Map<number, string>()
  /** What the reader raised, over all connections. */
  readonly raised: { event: string; id: number; data: Record<string, unknown> }[] = []
  private lastEventId = ''
  /** Where reading began, as the first opening said. */
  start: number | undefined
  private ids = 0

  constructor(from: string) {
    this.from = from
  }

  async open(): Promise<void> {
    this.server = await serveTails('HTTP/1.1', {}, this.clock, this.engine)
    this.connect()
  }

  async take(step: Step): Promise<void> {
    const { id } = (await this.engine.topics.find('t'))!
    const partition = this.engine.partition(id, 0)
    const status = await partition.status()
    switch (step.do) {
      case 'append': {
        const values = this.values(step.records)
        const batch = batchOf(values, { compression: step.gzip ? 'gzip' : 'none' })
        await partition.append(batch, { acks: 'committed' })
        for (const [index, value] of values.entries()) this.visible.set(status.highWatermark + index, value)
        return
      }
      case 'transaction': {
        const { broker } = this.server
        const identity = await broker.transactions.init('x')
        const values = this.values(step.records)
        const batch = batchOf(values, { transactional: true, producer: { ...identity, baseSequence: 0 } })
        await (await broker.produce.target('t', 0)).append(batch, 'committed')
        await broker.transactions.end({ transactionalId: 'x', ...identity }, step.outcome)
        if (step.outcome === 'abort') return
        for (const [index, value] of values.entries()) this.visible.set(status.highWatermark + index, value)
        return
      }
      case 'truncate':
        await partition.truncateBefore(Math.min(status.highWatermark, status.logStartOffset + step.records))
        return
      case 'reconnect':
        if (step.opened) await this.reader?.until((text) => text.includes('\n\n'))
        this.disconnect()
        this.connect()
        return
      case 'restart':
        if (step.drained) {
          this.server.app.drain()
          await this.reader?.ended
        }
        this.disconnect()
        await this.server.rest.close()
        await this.open()
    }
  }

  /** Waits until the reader has passed the end of the log. */
  async finish(): Promise<void> {
    const { id } = (await this.engine.topics.find('t'))!
    const { lastStableOffset } = await this.engine.partition(id, 0).status()
    await this.reader?.until((text) => Number(eventsOf(text).at(-1)?.id ?? -2) >= lastStableOffset - 1)
    this.disconnect()
  }

  async close(): Promise<void> {
    this.reader?.leave()
    await this.server.rest.close()
  }

  private connect(): void {
    const resumed: Record<string, string> = this.lastEventId === '' ? {} : { 'last-event-id': this.lastEventId }
    const headers = { accept: 'text/event-stream', ...resumed }
    this.reader = openTail(this.server.rest.port, 'HTTP/1.1', `${PATH}?from=${this.from}`, headers)
  }

  private disconnect(): void {
    const events = eventsOf(this.reader?.text() ?? '')
    this.reader?.leave()
    this.reader = undefined
    if (events.length > 0) this.start ??= Number(events[0]?.id) + 1
    this.lastEventId = events.at(-1)?.id ?? this.lastEventId
    for (const { event, id, data } of events) {
      if (data !== undefined) this.raised.push({ event, id: Number(id), data: JSON.parse(data) })
    }
  }

  private values(count: number): string[] {
    return Array.from({ length: count }, () => `value ${this.ids++}`)
  }
}

/** Walks along what was raised: no gap but what a reset tells, no repeat, nothing that is not in the log. */
function check({ visible, raised, start = 0 }: World): void {
  let next = start
  const skipTo = (offset: number): void => {
    for (; next < offset; next++) expect(visible.has(next), `offset ${next} is missing`).toBe(false)
  }
  for (const { event, id, data } of raised) {
    if (event === 'reset') {
      const { offset, logStartOffset } = data as { offset: number; logStartOffset: number }
      skipTo(offset)
      expect(logStartOffset).toBeGreaterThan(offset)
      expect(id).toBe(logStartOffset - 1)
      next = logStartOffset
      continue
    }
    expect(event).toBe('message')
    skipTo(id)
    expect(id).toBe(next)
    expect(data).toMatchObject({ offset: id, value: visible.get(id) })
    next = id + 1
  }
  skipTo(Math.max(next, ...[...visible.keys()].map((offset) => offset + 1)))
}

test('whoever comes back with Last-Event-ID gets each record once, resets aside', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom('earliest', 'latest'), steps, async (from, todo) => {
      const world = new World(from)
      await world.open()
      try {
        for (const step of todo) await world.take(step)
        await world.finish()
        check(world)
      } finally {
        await world.close()
      }
    }),
    { numRuns: 60 },
  )
})
