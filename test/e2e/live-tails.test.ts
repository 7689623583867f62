import { eventsOf, openTail } from '@millrace/testkit'
import { describe, expect, it } from 'vitest'
import { serve, temporaryDirectory } from './harness.ts'

const PATH = '/v1/topics/orders/partitions/0/records'

async function post(url: string, path: string, body: unknown): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  expect(answer.ok).toBe(true)
}

const append = (url: string, ...values: string[]) =>
  post(url, '/v1/topics/orders/records', { records: values.map((value) => ({ value })) })

describe.each(['HTTP/1.1', 'HTTP/2'] as const)('a live tail of a server, over %s,', (protocol) => {
  it('goes on across restarts of the server, and hinders none', async () => {
    const args = ['--data', await temporaryDirectory(), '--log-level', 'silent']
    const ids: number[] = []
    let lastEventId: string | undefined
    let appended = 0
    for (const signal of ['SIGTERM', 'SIGKILL', 'SIGTERM'] as const) {
      const server = await serve(...args)
      if (appended === 0) await post(server.url, '/v1/topics', { name: 'orders' })
      // What came while nobody was connected, and what comes while somebody is.
      if (lastEventId !== undefined) await append(server.url, `${appended++}`)
      const resumed: Record<string, string> = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
      const headers = { accept: 'text/event-stream', ...resumed }
      const tail = openTail(Number(new URL(server.url).port), protocol, `${PATH}?from=latest`, headers)
      await tail.until((text) => text.includes('\n\n'))
      await append(server.url, `${appended++}`, `${appended++}`)
      await tail.until((text) => eventsOf(text).at(-1)?.id === `${appended - 1}`)
      const { code } = await server.end(signal)
      if (signal === 'SIGTERM') expect(code).toBe(0)
      expect(await tail.ended).toBe(signal === 'SIGTERM')
      for (const { data } of eventsOf(tail.text())) {
        if (data === undefined) continue
        const record = JSON.parse(data) as { offset: number; value: string }
        expect(record.value).toBe(`${record.offset}`)
        ids.push(record.offset)
      }
      lastEventId = tail.lastEventId()
    }
    expect(ids).toEqual(Array.from({ length: appended }, (_, offset) => offset))
  })

  it('gives way when its client leaves, where there may be no more', async () => {
    const { url } = await serve('--data', 'memory', '--log-level', 'silent', '--limit-live-tails', '1')
    await post(url, '/v1/topics', { name: 'orders' })
    const port = Number(new URL(url).port)
    const first = openTail(port, protocol, PATH)
    await first.until((text) => text !== '')
    const metrics = await (await fetch(`${url}/metrics`)).text()
    expect(metrics.match(/^millrace_(?:live_tails|waiting_fetches) \d+$/gm)).toEqual([
      'millrace_waiting_fetches 0',
      'millrace_live_tails 1',
    ])
    expect(await openTail(port, protocol, PATH).status).toBe(429)
    first.leave()
    await expect.poll(async () => openTail(port, protocol, PATH).status).toBe(200)
  })
})
