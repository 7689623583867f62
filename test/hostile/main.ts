/**
 * Attacks a server, one way after another and all at once, and tells what a good client beside it keeps of its
 * throughput, and the most memory that the server had. To be run by hand:
 * `node --conditions=development test/hostile/main.ts [--seconds N] [--tls] [--server=--limit-…=N] [--node=FLAG] [NAME[,NAME…]… | all]`
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { makeAuthority } from '@millrace/testkit'
import { ServerProcess } from '../../scripts/demo/server-process.ts'
import { assertSound } from '../storage/sound-directory.ts'
import { AttackerProcess } from './attacker-process.ts'
import { ATTACKS, attackNamed } from './attacks/attacks.ts'
import { GoodClient } from './good-client.ts'
import { factsOf, resetPeak } from './process-facts.ts'

/** An attack gets so long to reach its stride. */
const WARM_UP_MS = 700

interface Rates {
  readonly stream: number
  readonly rest: number
}

interface MeasureOptions {
  readonly seconds: number
  readonly isTls: boolean
  readonly serverArgs: readonly string[]
  /** Flags of the server's Node.js, such as `--cpu-prof`. */
  readonly nodeFlags: readonly string[]
}

async function ratesFor(good: GoodClient, ms: number): Promise<Rates> {
  const before = good.done
  const startMs = performance.now()
  await sleep(ms)
  const seconds = (performance.now() - startMs) / 1_000
  const { stream, rest } = good.done
  return { stream: (stream - before.stream) / seconds, rest: (rest - before.rest) / seconds }
}

/** Puts a certificate and its key into files. @returns the certificate of their authority */
async function certify(directory: string): Promise<string> {
  const authority = await makeAuthority()
  const { cert, key } = await authority.issue()
  await writeFile(join(directory, 'cert'), cert)
  await writeFile(join(directory, 'key'), key)
  return authority.cert
}

async function measure(
  names: readonly string[],
  { seconds, isTls, serverArgs, nodeFlags }: MeasureOptions,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-hostile-'))
  const data = join(directory, 'data')
  const ca = isTls ? await certify(directory) : undefined
  const tlsArgs = ca === undefined ? [] : ['--tls-cert', join(directory, 'cert'), '--tls-key', join(directory, 'key')]
  const server = await ServerProcess.start({
    args: ['--http', '127.0.0.1:0', '--data', data, ...tlsArgs, ...serverArgs],
    nodeFlags: ['--conditions=development', ...nodeFlags],
  })
  const good = new GoodClient(server.url, ca)
  let attacker: AttackerProcess | undefined
  try {
    await good.prepare()
    const ended = new AbortController()
    const working = good.work(ended.signal)
    // It is awaited later, and may fail before.
    working.catch(() => {})
    await sleep(500)
    const alone = await ratesFor(good, seconds * 1_000)
    const before = factsOf(server.pid)
    resetPeak(server.pid)
    attacker = await AttackerProcess.start(server.url, names)
    await sleep(WARM_UP_MS)
    const cpuBefore = factsOf(server.pid).cpuMs
    const beside = await ratesFor(good, seconds * 1_000)
    const during = factsOf(server.pid)
    const counts = await attacker.end()
    ended.abort()
    await working
    await good.settle()
    good.assertExactlyOnce()
    console.log(
      [
        (names.length === everything.length ? 'all at once' : names.join(', ')).padEnd(18),
        share(beside.stream, alone.stream),
        share(beside.rest, alone.rest),
        `${before.nowMB}`.padStart(5),
        `${during.peakMB}`.padStart(5),
        `${Math.round((during.cpuMs - cpuBefore) / seconds / 10)}%`.padStart(5),
        JSON.stringify(names.length > 1 ? {} : counts[names[0] as string]),
      ].join('  '),
    )
  } catch (error) {
    console.log(names.join(', '), error, server.lastLines.slice(-20).join('\n'))
    throw error
  } finally {
    attacker?.kill()
    await good.close()
    await server.end('SIGTERM')
    await assertSound(data).finally(() => rm(directory, { recursive: true, force: true }))
  }
}

function share(beside: number, alone: number): string {
  return `${Math.round((beside / alone) * 100)}% of ${Math.round(alone)}/s`.padStart(17)
}

const { values, positionals } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    tls: { type: 'boolean', default: false },
    server: { type: 'string', multiple: true, default: [] },
    node: { type: 'string', multiple: true, default: [] },
  },
  allowPositionals: true,
})
const together = positionals.filter((names) => names !== 'all').map((names) => names.split(','))
for (const name of together.flat()) attackNamed(name)
const everything = ATTACKS.map(({ name }) => name)
const rounds = positionals.length > 0 ? together : everything.map((name) => [name])
if (positionals.length === 0 || positionals.includes('all')) rounds.push(everything)
console.log(`load ${loadavg()[0]?.toFixed(1)}`)
console.log('attack                  by stream            by REST  MB before, peak  server CPU, and what was done')
for (const names of rounds) {
  const { tls: isTls, server: serverArgs, node: nodeFlags } = values
  await measure(names, { seconds: Number(values.seconds), isTls, serverArgs, nodeFlags })
}
process.exit()
