import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Engine, EnginePartition, TopicDescription } from '@millrace/engine'
import { openLocalEngine } from '@millrace/engine-local'
import { nodeDisk } from '@millrace/log'
import { readBatches } from '@millrace/record'
import { checkHistory, ManualClock, type ReadRecord, type SentRecord } from '@millrace/testkit'
import { batchOfTexts, compactionProblems, type ReadText } from './compacted-records.ts'
import type { Death, KillPoint } from './kill-disk.ts'
import { type Event, LIMITS, type SentBatch } from './kill-events.ts'
import { runToItsEnd } from './kill-process.ts'
import { assertSound } from './sound-directory.ts'

const PROGRAM = fileURLToPath(new URL('kill-program.ts', import.meta.url))

/** What one process did until it died or came to its end. */
export interface Life {
  readonly events: readonly Event[]
  /** Undefined when it came to its end. */
  readonly death: (Death & { readonly phase: string }) | undefined
}

/**
 * A data directory that one process after another uses and dies in. `check` looks whether all that they were promised
 * is there, and nothing else.
 */
export class KillHistory implements Disposable {
  private readonly root = mkdtempSync(join(tmpdir(), 'millrace-kill-'))
  private readonly dataDir = join(this.root, 'data')
  private readonly events: Event[] = []
  private lives = 0

  /** Runs a process in the directory until it dies at the kill point, or ends. */
  async live(killPoint?: KillPoint): Promise<Life> {
    const life = this.lives++
    const args = [this.dataDir, JSON.stringify({ life, killPoint })]
    const { events, isKilled, errors } = await runToItsEnd<Event>(PROGRAM, args, join(this.root, `life-${life}`))
    this.events.push(...events)
    const last = events.at(-1)
    if (isKilled && last?.event === 'dies') return { events, death: last }
    assert(!isKilled && last?.event === 'enters' && last.phase === 'closed', `the program failed:\n${errors}`)
    return { events, death: undefined }
  }

  /** Starts once more, looks at everything, sends what was not acknowledged again, and ends in order. */
  async check(): Promise<void> {
    if (this.events.some(({ event }) => event === 'created')) await assertSound(this.dataDir)
    let engine = await this.open()
    const before = await this.checkTopics(engine)
    await this.sendAgain(engine)
    const after = await this.checkTopics(engine)
    for (const [name, values] of before) assert.deepEqual(after.get(name)?.slice(0, values.length), values, name)
    await engine.close()
    await assertSound(this.dataDir)
    engine = await this.open()
    assert.deepEqual(await this.checkTopics(engine), after, 'a clean restart changes something')
    this.checkDirectories(await engine.topics.list())
    await engine.close()
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true })
  }

  private open(): Promise<Engine> {
    return openLocalEngine({ disk: nodeDisk(), dataDir: this.dataDir, clock: new ManualClock(), limits: LIMITS })
  }

  /** @returns the values by topic and partition */
  private async checkTopics(engine: Engine): Promise<Map<string, string[]>> {
    const topics = await engine.topics.list()
    this.checkExistence(topics)
    const contents = new Map<string, string[]>()
    for (const { id, name, partitions } of topics) {
      for (let partition = 0; partition < partitions; partition++) {
        const title = `${name}-${partition}`
        const read = await this.checkPartition(title, id, partition, engine.partition(id, partition))
        contents.set(title, read)
      }
    }
    return contents
  }

  private checkExistence(topics: readonly TopicDescription[]): void {
    const ids = new Set(topics.map(({ id }) => id))
    const created = this.told('created').map(({ id }) => id)
    const deleting = new Set(this.told('deletes').map(({ id }) => id))
    for (const id of created) assert(ids.has(id) || deleting.has(id), `topic ${id} is gone`)
    for (const { id } of this.told('deleted')) assert(!ids.has(id), `topic ${id} was deleted and is there`)
    // The last creation of a topic may have been cut short, after the topic was there and before that was said.
    for (const { id, name } of topics) {
      const last = this.events.findLast((event) => event.event === 'creates' && event.topic === name)
      assert(created.includes(id) || last !== undefined, `topic ${name} ${id} was made by nobody`)
    }
  }

  private async checkPartition(name: string, id: string, partition: number, log: EnginePartition): Promise<string[]> {
    const isHere = (event: { id: string; partition: number }): boolean =>
      event.id === id && event.partition === partition
    const read = await readAll(log)
    const { logStartOffset, highWatermark } = await log.status()
    const acknowledged = new Map(
      this.told('acknowledged')
        .filter(isHere)
        .map(({ record, baseOffset }) => [record, baseOffset]),
    )
    const sends = this.told('sends').filter(isHere)
    if (name === 'compacted-0') {
      const sent = sends.flatMap(({ records }) => {
        const baseOffset = acknowledged.get(records[0] as string)
        return records.map((text, index) => ({
          text,
          acknowledgedAt: baseOffset === undefined ? undefined : baseOffset + index,
        }))
      })
      assert.deepEqual(compactionProblems(sent, read), [])
      assert.equal(logStartOffset, 0)
      return read.map(({ offset, key, value }) => `${offset} ${key}=${value}`)
    }
    const sent = sends.flatMap(({ records, producerId }) => {
      const baseOffset = acknowledged.get(records[0] as string)
      return records.map(
        (value, index): SentRecord => ({
          key: null,
          value,
          producer: String(producerId),
          outcome: baseOffset === undefined ? 'unknown' : { acknowledgedAt: baseOffset + index },
        }),
      )
    })
    assert.deepEqual(checkHistory([{ name, sent, read: read.map(asRead), readFrom: logStartOffset }]).problems, [])
    const truncations = this.told('truncates').filter(isHere)
    const truncated = this.told('truncated').filter(isHere)
    assert(logStartOffset >= Math.max(0, ...truncated.map(({ offset }) => offset)), `${name}: what was deleted is back`)
    if (name === 'expiring-0') {
      assert(logStartOffset < highWatermark || highWatermark === 0, `${name}: retention took everything`)
    } else {
      const asked = [0, ...truncations.map(({ offset }) => offset)]
      assert(asked.includes(logStartOffset), `${name} begins at ${logStartOffset}, and nobody asked for that`)
    }
    return read.map(({ value }) => String(value))
  }

  /** What a client would do: every batch without an answer again, in order. Those that were stored are not stored twice. */
  private async sendAgain(engine: Engine): Promise<void> {
    const acknowledged = new Set(this.told('acknowledged').map(({ record }) => record))
    const ids = new Set((await engine.topics.list()).map(({ id }) => id))
    const open = this.told('sends').filter(({ id, records }) => ids.has(id) && !acknowledged.has(records[0] as string))
    for (const batch of open) {
      const { id, partition, records, producerId, baseSequence } = batch as SentBatch
      const bytes = batchOfTexts(records, { producerId, producerEpoch: 0, baseSequence })
      const { baseOffset } = await engine.partition(id, partition).append(bytes, { acks: 'committed' })
      assert(baseOffset >= 0)
      this.events.push({ event: 'acknowledged', id, partition, record: records[0] as string, baseOffset })
    }
  }

  /** Nothing is left of topics that are gone. */
  private checkDirectories(topics: readonly TopicDescription[]): void {
    const known = topics.flatMap(({ name, partitions }) => Array.from({ length: partitions }, (_, n) => `${name}-${n}`))
    const there = readdirSync(this.dataDir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== 'journal' && !entry.name.startsWith('__millrace_'))
      .map(({ name }) => name)
    assert.deepEqual(there.toSorted(), known.toSorted())
  }

  private told<Kind extends Event['event']>(kind: Kind): Extract<Event, { event: Kind }>[] {
    return this.events.filter((event): event is Extract<Event, { event: Kind }> => event.event === kind)
  }
}

const asRead = ({ offset, key, value }: ReadText): ReadRecord => ({ offset, key, value: String(value) })

async function readAll(partition: EnginePartition): Promise<ReadText[]> {
  const read: ReadText[] = []
  const { logStartOffset, highWatermark } = await partition.status()
  for (let offset: number = logStartOffset; offset < highWatermark; ) {
    const { batches, nextOffset } = await partition.read(offset, { maxBytes: 4_000 })
    for (const batch of batches.flatMap((bytes) => [...readBatches(bytes)])) {
      assert(batch.hasValidChecksum())
      for (const { offset: at, key, value } of batch.records(1 << 20)) {
        if (at >= logStartOffset) read.push({ offset: at, key: textOf(key), value: textOf(value) })
      }
    }
    assert(nextOffset > offset)
    offset = nextOffset
  }
  return read
}

function textOf(bytes: Buffer | null): string | null {
  return bytes === null ? null : String(bytes)
}
