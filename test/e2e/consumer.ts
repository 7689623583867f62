import { type Consumer, type ConsumerOptions, Millrace, type ReadRecord } from '@millrace/client'
import { type Server, startServer } from '@millrace/server'
import { onTestFinished } from 'vitest'

/** A server in this process, with a topic, and consumers of one group that end with the test. */
export interface ConsumerScene {
  readonly mr: Millrace
  readonly url: string
  /** A consumer of the group `g` and the topic `t`, of this client. */
  consumer(options?: Partial<ConsumerOptions>): Consumer
  /** Another client, as of another process. */
  client(): Millrace
  /** Stores texts in a partition. */
  append(texts: readonly string[], options?: { partition?: number; key?: string; topic?: string }): Promise<void>
  /** Committed offsets of the group, as `topic/partition:offset`. */
  committed(): Promise<string[]>
}

export async function scene(partitions = 1): Promise<ConsumerScene> {
  const server: Server = await startServer({
    data: 'memory',
    http: '127.0.0.1:0',
    limits: { minSessionTimeoutMs: 1 },
  })
  onTestFinished(() => server.close())
  const { url } = server
  const client = (): Millrace => {
    const made = new Millrace({ url })
    onTestFinished(() => made.close({ signal: AbortSignal.abort() }).catch(() => {}))
    return made
  }
  const mr = client()
  await mr.admin.createTopic({ name: 't', partitions })
  const producer = mr.producer()
  return {
    mr,
    url,
    client,
    consumer: (options = {}) => mr.consumer(groupOptions(options)),
    async append(texts, { partition = 0, key, topic = 't' } = {}) {
      await producer.sendBatch(texts.map((value) => ({ topic, partition, key, value })))
    },
    async committed() {
      const offsets = await mr.admin.fetchOffsets({ group: 'g' }).catch(() => [])
      return offsets.map(({ topic, partition, offset }) => `${topic}/${partition}:${offset}`)
    },
  }
}

/** Options of a member of `g`, which reads `t` unless they say otherwise, and commits only when it has to. */
export function groupOptions(options: Partial<ConsumerOptions>): ConsumerOptions {
  const subscription = options.pattern === undefined ? { topics: ['t'] } : {}
  return { group: 'g', ...subscription, autoCommitIntervalMs: 60_000, ...options }
}

/** The texts of the next `count` records; the loop goes on where it was. */
export async function take(records: AsyncIterator<ReadRecord>, count: number): Promise<string[]> {
  const texts: string[] = []
  while (texts.length < count) texts.push((await records.next()).value?.text() ?? '')
  return texts
}

/** Resolves when `condition` holds, which is looked at again and again. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** Notes what the hooks hear, as `assigned 0,1`. */
export function heard(): { events: string[]; hooks: Pick<ConsumerOptions, 'onAssigned' | 'onRevoked' | 'onLost'> } {
  const events: string[] = []
  const noter = (what: string) => (partitions: readonly { readonly partition: number }[]) => {
    events.push(`${what} ${partitions.map(({ partition }) => partition).sort()}`)
  }
  const hooks = { onAssigned: noter('assigned'), onRevoked: noter('revoked'), onLost: noter('lost') }
  return { events, hooks }
}
