import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DEFAULT_LIMITS } from '@millrace/record'
import { startServer } from '@millrace/server'
import { openTail } from '@millrace/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { fencedBlocks } from './fenced-blocks.ts'

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const text = readFileSync(join(ROOT, 'docs/live-tails.md'), 'utf8')

test('docs/live-tails.md shows a stream as it comes', async () => {
  const [example] = fencedBlocks(text).filter(({ language }) => language === 'console')
  const [command = '', ...stream] = example?.text.split('\n') ?? []
  const { pathname, search } = new URL(/'(http[^']*)'/.exec(command)?.[1] ?? '')
  const [, name = '', value = ''] = /-H '([^:]*): (.*)'/.exec(command) ?? []
  const server = await startServer({ data: 'memory', http: '127.0.0.1:0' })
  onTestFinished(() => server.close())
  const post = (path: string, body: unknown) =>
    fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  await post('/v1/topics', { name: 'orders' })
  await post('/v1/topics/orders/records', { records: Array(42).fill({ value: '' }) })
  const tail = openTail(Number(new URL(server.url).port), 'HTTP/1.1', `${pathname}${search}`, { [name]: value })
  await tail.until((received) => received !== '')
  await post('/v1/topics/orders/records', { records: [{ key: 'c42', value: { total: 10 } }] })
  const received = await tail.until((so) => so.includes('data'))
  tail.leave()
  const withoutTimes = (of: string): string => of.replace(/"timestamp":\d+/g, '"timestamp":0').trim()
  expect(withoutTimes(stream.join('\n'))).toBe(withoutTimes(received))
})

test('docs/live-tails.md names the limits as they are', () => {
  const { liveTails, liveTailHeartbeatMs, stalledReaderTimeoutMs } = DEFAULT_LIMITS
  expect(text).toContain(`\`limits.liveTails\` (${liveTails})`)
  expect(text).toContain(`\`limits.liveTailHeartbeatMs\` (${liveTailHeartbeatMs / 1_000} s)`)
  expect(text).toContain(`\`limits.stalledReaderTimeoutMs\` (${stalledReaderTimeoutMs / 1_000} s)`)
})
