import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { serve, temporaryDirectory } from './harness.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

interface Answer {
  readonly status: number
  readonly text: string
  readonly isReplayed: boolean
  readonly retryAfter: string | null
}

async function post(url: string, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const answer = await fetch(url + path, {
    method: 'POST',
    headers: { ...JSON_TYPE, ...headers },
    body: JSON.stringify(body),
  })
  return {
    status: answer.status,
    text: await answer.text(),
    isReplayed: answer.headers.get('idempotent-replayed') === 'true',
    retryAfter: answer.headers.get('retry-after'),
  }
}

const produce = (url: string, key: string, records: readonly object[]) =>
  post(url, '/v1/topics/orders/records', { records }, { 'idempotency-key': key })

async function valuesOf(url: string, partition = 0): Promise<string[]> {
  const values: string[] = []
  for (;;) {
    const answer = await fetch(`${url}/v1/topics/orders/partitions/${partition}/records?offset=${values.length}`)
    const { records } = (await answer.json()) as { records: { value: string }[] }
    if (records.length === 0) return values
    values.push(...records.map(({ value }) => value))
  }
}

describe('Idempotency-Key', () => {
  it('answers as before after the server was killed, and stores nothing again', async () => {
    const data = await temporaryDirectory()
    const first = await serve('--data', data, '--log-level', 'silent')
    await post(first.url, '/v1/topics', { name: 'orders', partitions: 2 })
    const records = [{ value: 'a' }, { key: 'k', value: 'b' }, { value: 'c', partition: 5 }, { value: 'd' }]
    const answers = [await produce(first.url, 'one', records), await produce(first.url, '"two"', [{ value: 'e' }])]
    expect(answers).toMatchObject([
      { status: 207, isReplayed: false },
      { status: 200, isReplayed: false },
    ])
    const stored = await Promise.all([valuesOf(first.url), valuesOf(first.url, 1)])
    await first.end('SIGKILL')

    const { url } = await serve('--data', data, '--log-level', 'silent')
    // In quotes or bare, a key is the same.
    expect(await produce(url, '"one"', records)).toEqual({ ...answers[0], isReplayed: true })
    expect(await produce(url, 'two', [{ value: 'e' }])).toEqual({ ...answers[1], isReplayed: true })
    expect(await produce(url, 'one', [{ value: 'x' }])).toMatchObject({ status: 422 })
    expect(await Promise.all([valuesOf(url), valuesOf(url, 1)])).toEqual(stored)
  })

  it('is bare or in quotes, and nothing in between', async () => {
    const { url } = await serve('--data', 'memory', '--log-level', 'silent')
    await post(url, '/v1/topics', { name: 'orders' })
    for (const key of ['"', '"a', '"a"b', 'a b', '""', `"${'x'.repeat(256)}"`]) {
      expect(await produce(url, key, [{ value: 'a' }]), key).toMatchObject({ status: 400 })
    }
    expect(await produce(url, '"a\\"\\\\"', [{ value: 'a' }])).toMatchObject({ status: 200, isReplayed: false })
    expect(await produce(url, 'a"\\', [{ value: 'a' }])).toMatchObject({ status: 200, isReplayed: true })
  })
})

const CLIENTS = 24
const REQUESTS = 2
const ATTEMPTS = 60
/** What a flood may take of the server's memory; what is sent to it is less than a tenth, so this catches only leaks. */
const MEMORY_BYTES = 96 * 2 ** 20

/** The most memory that a process ever had, in bytes; 0 where the system does not say. */
async function mostMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1_024
}

describe('a server with small limits under a flood', () => {
  it.each([
    ['bodies', ['--limit-in-flight-bytes', '65536'], 16_000],
    ['bytes that wait to be committed', ['--limit-pending-bytes-per-partition', '16384'], 5_000],
    ['requests with keys', ['--limit-idempotent-requests', '4'], 100],
  ])(
    'of %s says 429 and when to come back; who does gets through, once',
    async (_, flags, bytes) => {
      const { url, pid } = await serve('--data', await temporaryDirectory(), '--log-level', 'silent', ...flags)
      await post(url, '/v1/topics', { name: 'orders' })
      const memoryBefore = await mostMemory(pid)
      let refusals = 0
      const client = async (name: number): Promise<void> => {
        for (let request = 0; request < REQUESTS; request++) {
          const id = `${name}/${request}`
          const value = id.padEnd(bytes, '.')
          for (let attempt = 0; ; attempt++) {
            const { status, retryAfter } = await produce(url, id, [{ value }])
            if (status === 200) break
            refusals++
            expect([status, retryAfter]).toEqual([429, expect.stringMatching(/^[1-9]\d*$/)])
            expect(attempt).toBeLessThan(ATTEMPTS)
            await new Promise((resolve) => setTimeout(resolve, Number(retryAfter) * 1_000))
          }
        }
      }
      await Promise.all(Array.from({ length: CLIENTS }, (_, name) => client(name)))
      expect(refusals).toBeGreaterThan(0)
      expect((await mostMemory(pid)) - memoryBefore).toBeLessThan(MEMORY_BYTES)
      const values = (await valuesOf(url)).map((value) => value.replaceAll('.', ''))
      const sent = Array.from({ length: CLIENTS * REQUESTS }, (_, n) => `${Math.floor(n / REQUESTS)}/${n % REQUESTS}`)
      expect(values.toSorted()).toEqual(sent.toSorted())
    },
    120_000,
  )
})
