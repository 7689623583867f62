import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Millrace } from '@millrace/client'
import { expect, onTestFinished, test } from 'vitest'
import type { ServerProcess } from '../../scripts/demo/server-process.ts'
import { serve, temporaryDirectory } from '../e2e/harness.ts'
import { batchOf, Flood, Follower, openSession } from './raw-clients.ts'

const MiB = 1_048_576
/** What V8 has not collected yet and what the allocator keeps come on top of what the limits count. */
const SLACK_BYTES = 120 * MiB

/** The most memory that the process ever had. */
function peakBytes({ pid }: ServerProcess): number {
  const [, kB] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kB) * 1_024
}

async function serverWith(...limits: string[]): Promise<ServerProcess> {
  const server = await serve('--data', await temporaryDirectory(), ...limits)
  await using client = new Millrace({ url: server.url })
  await client.admin.createTopic({ name: 't', partitions: 1, config: { 'max.message.bytes': 8 * MiB } })
  return server
}

/** A connection of its own, gone when the test ends. */
function connection(url: string) {
  const session = openSession(url)
  onTestFinished(() => session.destroy())
  return session
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10)
}

/** Returns when each has had an answer, and finds none that was refused or broken off. */
async function allServed(floods: readonly Flood[]): Promise<void> {
  await until(() => floods.every(({ answered, isBroken }) => answered > 0 || isBroken))
  expect(floods.filter(({ isBroken }) => isBroken)).toHaveLength(0)
  expect(floods.reduce((sum, { failed }) => sum + failed, 0)).toBe(0)
}

test.skipIf(process.platform !== 'linux')(
  'clients that send large batches without end cost a bounded memory, are all served, and shut nobody out',
  async () => {
    const server = await serverWith('--limit-in-flight-bytes', String(16 * MiB))
    const startBytes = peakBytes(server)
    const batch = batchOf(4 * MiB - 1_024)
    // 800 MiB at once.
    const floods = Array.from({ length: 100 }, () => {
      return new Flood(connection(server.url), { topic: 't', batch, inFlight: 2 })
    })
    const polite = new Flood(connection(server.url), { topic: 't', batch: batchOf(100), inFlight: 1 })
    await allServed(floods)
    expect(polite.answered).toBeGreaterThan(floods.reduce((most, { answered }) => Math.max(most, answered), 0))
    // In flight, half of it again for what is coming, the windows of those that wait, and the tail cache.
    expect(peakBytes(server) - startBytes).toBeLessThan((16 + 8 + 64 + 16) * MiB + SLACK_BYTES)
  },
)

test.skipIf(process.platform !== 'linux')(
  'clients that send large batches on many streams cost a bounded memory, and none is broken off',
  async () => {
    const server = await serverWith('--limit-in-flight-bytes', String(16 * MiB))
    const startBytes = peakBytes(server)
    const batch = batchOf(4 * MiB - 1_024)
    const floods = Array.from({ length: 15 }, () => connection(server.url)).flatMap((session) =>
      Array.from({ length: 12 }, () => new Flood(session, { topic: 't', batch, inFlight: 1 })),
    )
    await allServed(floods)
    // In flight, half of it again for what is coming, the tail cache, and of each stream its window and one chunk.
    expect(peakBytes(server) - startBytes).toBeLessThan((16 + 8 + 16 + 64 + (180 * 2) / 16) * MiB + SLACK_BYTES)
  },
)

test.skipIf(process.platform !== 'linux')(
  'readers that stop reading cost a bounded memory and keep nothing from one that reads',
  async () => {
    const server = await serverWith('--limit-unsent-bytes', String(16 * MiB))
    const filling = new Flood(connection(server.url), { topic: 't', batch: batchOf(60_000), inFlight: 16 })
    await until(() => filling.answered >= 2_000)
    filling.stop()
    const startBytes = peakBytes(server)
    const stalled = Array.from({ length: 200 }, () => new Follower(connection(server.url), { topic: 't' }))
    for (const { stream } of stalled) stream.once('data', () => stream.pause())
    await until(() => stalled.every(({ stream }) => stream.isPaused()))
    const reader = new Follower(connection(server.url), { topic: 't' })
    await until(() => reader.bytes >= 2_000 * 60_000)
    // Each would keep a megabyte otherwise, and as much again while it is read.
    expect(peakBytes(server) - startBytes).toBeLessThan((16 + 200 / 16) * MiB + SLACK_BYTES)
  },
)
