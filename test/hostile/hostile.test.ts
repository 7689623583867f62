import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DEFAULT_LIMITS } from '@millrace/record'
import { expect, onTestFinished, test } from 'vitest'
import { serve, temporaryDirectory } from '../e2e/harness.ts'
import { assertSound } from '../storage/sound-directory.ts'
import { AttackerProcess } from './attacker-process.ts'
import { ATTACKS } from './attacks/attacks.ts'
import { GoodClient } from './good-client.ts'
import { factsOf } from './process-facts.ts'

const MiB = 1_048_576
/** Each attack goes on for so long; what is asserted does not depend on it. */
const ATTACK_MS = 700
/** What V8 has not collected yet and what the allocator keeps come on top of what the limits count. */
const SLACK_MB = 250
/** An open stream with its headers, and an open connection: what Node.js and we keep of them. */
const STREAM_BYTES = 24 * 1_024
const CONNECTION_BYTES = 64 * 1_024
/** The most that the attacks open at once. */
const OPEN = { streams: 10_000, connections: 1_000 }

/** The most that a server may have more than after its start, by its limits. */
function boundMB(): number {
  const { inFlightBytes, unreadBytes, unsentBytes, tailCacheBytes } = DEFAULT_LIMITS
  // In flight, half of it again for what is coming, and bodies; windows; answers not taken; batches for the tail.
  const counted = inFlightBytes * 2.5 + unreadBytes + unsentBytes + tailCacheBytes
  return (counted + OPEN.streams * STREAM_BYTES + OPEN.connections * CONNECTION_BYTES) / MiB + SLACK_MB
}

test.skipIf(process.platform !== 'linux')(
  'under each attack, and all at once, memory is bounded and a good client gets each record exactly once',
  async () => {
    const data = join(await temporaryDirectory(), 'data')
    const server = await serve('--data', data)
    const good = new GoodClient(server.url)
    await good.prepare()
    const startMB = factsOf(server.pid).nowMB
    const ended = new AbortController()
    const working = good.work(ended.signal)
    working.catch(() => {})
    const rounds = [...ATTACKS.map(({ name }) => [name]), ATTACKS.map(({ name }) => name)]
    for (const names of rounds) {
      const attacker = await AttackerProcess.start(server.url, names)
      onTestFinished(() => attacker.kill())
      await sleep(ATTACK_MS)
      const counts = await attacker.end()
      expect(Object.keys(counts).length, names.join(', ')).toBeGreaterThan(0)
      expect(factsOf(server.pid).peakMB - startMB, names.join(', ')).toBeLessThan(boundMB())
    }
    ended.abort()
    await working
    await good.settle()
    good.assertExactlyOnce()
    await good.close()
    // Everybody has gone; what the server still has is the socket that it listens on, and its own.
    while (factsOf(server.pid).sockets > 4) await sleep(20)
    expect(await fetch(`${server.url}/readyz`).then(({ status }) => status)).toBe(200)
    expect(await server.end('SIGTERM')).toEqual({ code: 0, signal: null })
    await assertSound(data)
  },
  120_000,
)
