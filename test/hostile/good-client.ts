import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import { Millrace } from '@millrace/client'

/** Records that are on their way at once over the stream. */
const IN_FLIGHT = 64

/**
 * A client as it should be, beside those that are not: it writes numbered records over a stream and over REST, reads
 * them back the same two ways, and knows at the end whether each came exactly once.
 */
export class GoodClient {
  private readonly url: string
  private readonly client: Millrace
  private readonly agent: Agent
  private readonly request: typeof request
  private readonly streamRead = new Map<number, number>()
  private readonly restRead = new Map<number, number>()
  private sent = 0
  private posted = 0
  private nextOffset = 0
  private readonly ended = new AbortController()
  private reading: Promise<void> | undefined
  /** What went wrong, in the words of whoever said so. */
  readonly failures: string[] = []

  /** @param ca with it, and an `https:` URL, over TLS */
  constructor(url: string, ca?: string) {
    this.url = url
    this.client = new Millrace({ url, tls: ca === undefined ? undefined : { ca } })
    const pool = { keepAlive: true, maxSockets: 2 }
    this.agent = ca === undefined ? new Agent(pool) : new TlsAgent({ ...pool, ca })
    this.request = ca === undefined ? request : tlsRequest
  }

  /** Topics: `good` for the stream, `rest` for REST, `empty` for those who wait, `lies` for those who lie. */
  async prepare(): Promise<void> {
    for (const name of ['good', 'rest', 'empty', 'lies']) await this.client.admin.createTopic({ name, partitions: 1 })
    this.reading = this.read()
  }

  /** Records that went the whole way so far, by stream and by REST. */
  get done(): { stream: number; rest: number } {
    return { stream: this.streamRead.size, rest: this.restRead.size }
  }

  /** Writes and reads, as fast as it gets answers, until `signal`; then until all is there that was written. */
  async work(signal: AbortSignal): Promise<void> {
    const producer = this.client.producer()
    const sending = Array.from({ length: IN_FLIGHT }, async () => {
      while (!signal.aborted) {
        const value = Buffer.alloc(100)
        value.writeUInt32BE(this.sent++)
        await producer.send({ topic: 'good', value })
      }
    })
    await Promise.all([...sending, this.callRest(signal)])
    await producer.close()
  }

  /** Waits until everything that was written has been read. */
  async settle(): Promise<void> {
    while (this.streamRead.size < this.sent) await new Promise((resolve) => setTimeout(resolve, 5))
    while (this.restRead.size < this.posted) await this.fetchRest()
  }

  /** @throws AssertionError when a record is missing or came twice */
  assertExactlyOnce(): void {
    assert.deepEqual(this.failures, [])
    for (const [seen, written] of [
      [this.streamRead, this.sent],
      [this.restRead, this.posted],
    ] as const) {
      assert.equal(seen.size, written)
      for (let number = 0; number < written; number++) assert.equal(seen.get(number), 1, `record ${number}`)
    }
  }

  async close(): Promise<void> {
    this.ended.abort()
    await this.reading
    this.agent.destroy()
    await this.client.close()
  }

  private async read(): Promise<void> {
    const { signal } = this.ended
    try {
      for await (const { value } of this.client.read({ topic: 'good', partition: 0, from: 'earliest', signal })) {
        count(this.streamRead, (value as Buffer).readUInt32BE())
      }
    } catch (error) {
      if (!signal.aborted) this.failures.push(`reading: ${String(error)}`)
    }
  }

  private async callRest(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const number = this.posted
      const body = JSON.stringify({ records: [{ value: { json: { number } } }] })
      const { status, text } = await this.call('POST', '/v1/topics/rest/records', body)
      if (status === 200) this.posted++
      else if (status !== 429 && status !== 503) this.failures.push(`POST: ${status} ${text}`)
      await this.fetchRest()
    }
  }

  private async fetchRest(): Promise<void> {
    const path = `/v1/topics/rest/partitions/0/records?offset=${this.nextOffset}&as=json`
    const { status, text } = await this.call('GET', path)
    if (status !== 200) {
      if (status !== 429 && status !== 503) this.failures.push(`GET: ${status} ${text}`)
      return
    }
    const answer = JSON.parse(text) as { records: { value: { json: { number: number } } }[]; nextOffset: number }
    for (const { value } of answer.records) count(this.restRead, value.json.number)
    this.nextOffset = answer.nextOffset
  }

  private call(method: string, path: string, body?: string): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' }
      const call = this.request(new URL(path, this.url), { method, agent: this.agent, headers }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
        response.on('error', reject)
      })
      call.on('error', (error) => reject(new Error(`${method} ${path} after ${this.posted} posts`, { cause: error })))
      call.end(body)
    })
  }
}

function count(seen: Map<number, number>, number: number): void {
  seen.set(number, (seen.get(number) ?? 0) + 1)
}
