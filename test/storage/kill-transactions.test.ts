import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Engine, EnginePartition, ProducerIdentity, TransactionOutcome } from '@millrace/engine'
import { openLocalEngine } from '@millrace/engine-local'
import { nodeDisk } from '@millrace/log'
import { readBatches } from '@millrace/record'
import { ManualClock } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { type KillPoint, MOMENTS, type Moment } from './kill-disk.ts'
import { runToItsEnd } from './kill-process.ts'
import { appendToAll, LIMITS, TRANSACTIONAL_ID, type TransactionEvent } from './kill-transaction-events.ts'
import { assertSound } from './sound-directory.ts'

const PROGRAM = fileURLToPath(new URL('kill-transaction-program.ts', import.meta.url))

/** A data directory in which a process dies while it ends a transaction, and perhaps another one while it starts. */
class History implements Disposable {
  private readonly root = mkdtempSync(join(tmpdir(), 'millrace-kill-'))
  private readonly dataDir = join(this.root, 'data')
  private readonly outcome: TransactionOutcome
  private readonly events: TransactionEvent[] = []
  private lives = 0

  constructor(outcome: TransactionOutcome) {
    this.outcome = outcome
  }

  /** @returns what the process said */
  async live(killPoint?: KillPoint): Promise<readonly TransactionEvent[]> {
    const args = [this.dataDir, JSON.stringify({ outcome: this.outcome, killPoint })]
    const output = join(this.root, `life-${this.lives++}`)
    const { events, isKilled, errors } = await runToItsEnd<TransactionEvent>(PROGRAM, args, output)
    assert.equal(events.at(-1)?.event, isKilled ? 'dies' : 'closed', `the program failed:\n${errors}`)
    this.events.push(...events)
    return events
  }

  get wasTold(): boolean {
    return this.events.some(({ event }) => event === 'ended')
  }

  /** One outcome in all partitions, that which was told if it was told, which also a repeat is told. @returns it */
  async check(): Promise<TransactionOutcome> {
    await assertSound(this.dataDir)
    const engine = await this.open()
    const [values = [], ...others] = await valuesOfAll(engine)
    for (const other of others) assert.deepEqual(other, values, 'partitions differ')
    const found: TransactionOutcome = values.includes('it') ? 'commit' : 'abort'
    assert.deepEqual(values, found === 'commit' ? ['before', 'it'] : ['before'])
    if (this.wasTold || this.outcome === 'abort') assert.equal(found, this.outcome)
    const { identity } = this.events.find((event) => event.event === 'ends')!
    const opposite = found === 'commit' ? 'abort' : 'commit'
    const code = found === 'commit' ? 'INVALID_TRANSACTION_STATE' : 'TRANSACTION_ABORTED'
    await assert.rejects(end(engine, identity, opposite), { code })
    const next = await end(engine, identity, found)
    await appendToAll(engine, next, 'after')
    await end(engine, next, 'commit')
    for (const now of await valuesOfAll(engine)) assert.deepEqual(now, [...values, 'after'])
    await engine.close()
    await assertSound(this.dataDir)
    return found
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true })
  }

  private open(): Promise<Engine> {
    return openLocalEngine({ disk: nodeDisk(), dataDir: this.dataDir, clock: new ManualClock(), limits: LIMITS })
  }
}

function end(engine: Engine, identity: ProducerIdentity, outcome: TransactionOutcome): Promise<ProducerIdentity> {
  return engine.transactions.end({ transactionalId: TRANSACTIONAL_ID, ...identity }, outcome)
}

async function valuesOfAll(engine: Engine): Promise<string[][]> {
  const partitions = (await engine.topics.list()).flatMap(({ id, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => engine.partition(id, partition)),
  )
  return Promise.all(partitions.map(valuesOf))
}

/** What a reader of committed records finds. */
async function valuesOf(partition: EnginePartition): Promise<string[]> {
  const { highWatermark, lastStableOffset } = await partition.status()
  assert.equal(lastStableOffset, highWatermark, 'a transaction is still open')
  const values: string[] = []
  const aborted = new Set<number>()
  for (let offset = 0; offset < highWatermark; ) {
    const { batches, nextOffset, abortedTransactions } = await partition.read(offset, { maxBytes: 1 << 20 })
    for (const batch of batches.flatMap((bytes) => [...readBatches(bytes)])) {
      for (const { producerId, firstOffset } of abortedTransactions) {
        if (firstOffset === batch.baseOffset) aborted.add(producerId)
      }
      if (batch.isControl) aborted.delete(batch.producerId)
      else if (!aborted.has(batch.producerId)) for (const { value } of batch.records(1 << 20)) values.push(`${value}`)
    }
    assert(nextOffset > offset)
    offset = nextOffset
  }
  return values
}

/** Changes of the disk when the end begins, and when it is told. */
async function countChanges(outcome: TransactionOutcome): Promise<{ from: number; to: number }> {
  using history = new History(outcome)
  const events = await history.live()
  assert.equal(await history.check(), outcome)
  const changesAt = (name: 'ends' | 'ended'): number => {
    const event = events.find((one) => one.event === name)
    return event?.event === name ? event.changes : Number.NaN
  }
  return { from: changesAt('ends') + 1, to: changesAt('ended') }
}

const CASES: readonly { outcome: TransactionOutcome; moments: readonly Moment[] }[] = [
  { outcome: 'commit', moments: MOMENTS },
  { outcome: 'abort', moments: ['halfway'] },
]

test.each(CASES)(
  'a process that dies at any change of the disk while it ends a transaction leaves one outcome: $outcome',
  { timeout: 180_000 },
  async ({ outcome, moments }) => {
    const { from, to } = await countChanges(outcome)
    expect(to).toBeGreaterThan(from)
    const ends = { commit: 0, abort: 0 }
    for (let change = from; change <= to; change++) {
      for (const [index, moment] of moments.entries()) {
        using history = new History(outcome)
        const killPoints: KillPoint[] = [{ change, moment }]
        // The start after it dies too, somewhere in its own changes.
        if (index % 2 === 0) killPoints.push({ change: 1 + (change - from), moment })
        try {
          for (const killPoint of killPoints) await history.live(killPoint)
          const found = await history.check()
          if (!history.wasTold) ends[found]++
        } catch (cause) {
          throw new Error(`${JSON.stringify(killPoints)}: ${(cause as Error).message}`, { cause })
        }
      }
    }
    // Deaths before and after the decision.
    expect(ends.abort).toBeGreaterThan(0)
    if (outcome === 'commit') expect(ends.commit).toBeGreaterThan(0)
  },
)
