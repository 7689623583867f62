import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DEFAULT_LIMITS } from '@millrace/record'
import { makeAuthority } from '@millrace/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { ServerProcess } from '../../scripts/demo/server-process.ts'
import { serve, temporaryDirectory } from '../e2e/harness.ts'
import { assertSound } from '../storage/sound-directory.ts'
import { AttackerProcess } from './attacker-process.ts'
import { ATTACKS, attackNamed } from './attacks/attacks.ts'
import { TLS_ATTACKS } from './attacks/tls.ts'
import { GoodClient } from './good-client.ts'
import { factsOf } from './process-facts.ts'

const MiB = 1_048_576
/** Attacks go on for so long; what is asserted does not depend on it. */
const ATTACK_MS = 700
/** Attacks of a round; the last round has all of them. */
const AT_ONCE = 2
/** What V8 has not collected yet and what the allocator keeps come on top of what the limits count. */
const SLACK_MB = 250
/** An open stream with its headers, and an open connection: what Node.js and we keep of them. */
const STREAM_BYTES = 24 * 1_024
const CONNECTION_BYTES = 64 * 1_024
/** The most that the attacks open at once. */
const OPEN = { streams: 12_000, connections: 1_000 }
/** Batches that are unpacked at once. */
const UNPACKED_AT_ONCE = 2
/** Low enough to be reached in the time that there is. */
const LOW_LIMITS = [
  '--limit-topics=60',
  '--limit-partitions=60',
  '--limit-groups=30',
  '--limit-members-per-group=20',
  '--limit-members=100',
  '--limit-transactional-ids=100',
  '--limit-waiting-fetches=500',
]

/** The most that a server may have more than after its start, by its limits. */
function boundMB(): number {
  const { inFlightBytes, unreadBytes, unsentBytes, tailCacheBytes, decompressedBytes } = DEFAULT_LIMITS
  // In flight, half of it again for what is coming, and bodies; windows; answers not taken; batches for the tail.
  const counted = inFlightBytes * 2.5 + unreadBytes + unsentBytes + tailCacheBytes
  const unpacked = decompressedBytes * UNPACKED_AT_ONCE
  return (counted + unpacked + OPEN.streams * STREAM_BYTES + OPEN.connections * CONNECTION_BYTES) / MiB + SLACK_MB
}

/** Attacks a server with each of `rounds`, a good client beside them, and looks at what is left. */
async function attack(server: ServerProcess, rounds: readonly (readonly string[])[], ca?: string): Promise<void> {
  const good = new GoodClient(server.url, ca)
  await good.prepare()
  const startMB = factsOf(server.pid).nowMB
  const ended = new AbortController()
  const working = good.work(ended.signal)
  working.catch(() => {})
  for (const names of rounds) {
    const attacker = await AttackerProcess.start(server.url, names)
    onTestFinished(() => attacker.kill())
    await attacker.begun
    await sleep(ATTACK_MS)
    for (const [name, counts] of Object.entries(await attacker.end())) {
      expect(Object.keys(counts).length, name).toBeGreaterThan(0)
      expect(undocumented(name, counts), name).toEqual([])
    }
    expect(factsOf(server.pid).peakMB - startMB, names.join(', ')).toBeLessThan(boundMB())
  }
  ended.abort()
  await working
  await good.settle()
  good.assertExactlyOnce()
  await good.close()
}

/** Outcomes of an attack that its codes do not have. */
function undocumented(name: string, counts: Record<string, number>): string[] {
  const { codes } = attackNamed(name)
  const told = Object.keys(counts).filter((what) => what.startsWith('code ') || what.startsWith('no problem'))
  return told.filter((what) => !codes?.some((code) => what === `code ${code}`))
}

/** Gauges that are not 0 though everybody has gone. */
async function leftOver(server: ServerProcess): Promise<string[]> {
  const text = await fetch(`${server.url}/metrics`).then((answer) => answer.text())
  const counted =
    /^millrace_(open_calls|waiting_fetches|readers|buffered_bytes\{buffer="(in_flight|reserved|unread|unsent)"\})/
  return text.split('\n').filter((line) => counted.test(line) && !line.endsWith(' 0'))
}

describe.skipIf(process.platform !== 'linux')('a server under attack', () => {
  test('bounds its memory, refuses with codes, and a good client gets each record exactly once', async () => {
    const data = join(await temporaryDirectory(), 'data')
    const server = await serve('--data', data, ...LOW_LIMITS)
    const names = ATTACKS.map(({ name }) => name)
    const rounds = Array.from({ length: Math.ceil(names.length / AT_ONCE) }, (_, index) =>
      names.slice(index * AT_ONCE, (index + 1) * AT_ONCE),
    )
    await attack(server, [...rounds, names])
    // Everybody has gone; what the server still has is the socket that it listens on, and its own.
    while (factsOf(server.pid).sockets > 4) await sleep(20)
    await expect.poll(() => leftOver(server), { timeout: 20_000 }).toEqual([])
    expect(await fetch(`${server.url}/readyz`).then(({ status }) => status)).toBe(200)
    expect(await server.end('SIGTERM')).toEqual({ code: 0, signal: null })
    await assertSound(data)
  }, 120_000)

  test('does so over TLS, whatever comes instead of a handshake', async () => {
    const directory = await temporaryDirectory()
    const authority = await makeAuthority()
    const { cert, key } = await authority.issue()
    const [certFile, keyFile, data] = ['cert', 'key', 'data'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ]
    await writeFile(certFile, cert)
    await writeFile(keyFile, key)
    const server = await serve('--data', data, '--tls-cert', certFile, '--tls-key', keyFile)
    const others = ['rapid reset', 'byte by byte', 'slow bodies', 'shut windows']
    await attack(server, [TLS_ATTACKS.map(({ name }) => name), others], authority.cert)
    while (factsOf(server.pid).sockets > 4) await sleep(20)
    expect(await server.end('SIGTERM')).toEqual({ code: 0, signal: null })
    await assertSound(data)
  }, 60_000)
})
