import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type GroupDetails, Millrace } from '@millrace/client'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { FROM_SOURCE, plainEnvironment, serve, temporaryDirectory } from './harness.ts'

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url))
const TIMEOUT_MS = 120_000
const POLL_MS = 20

let url: string
let mr: Millrace

beforeEach(async () => {
  url = (await serve('--data', await temporaryDirectory(), '--log-level', 'error')).url
  mr = new Millrace({ url })
  onTestFinished(() => mr.close())
})

/** A run of an example. */
class Example {
  printed = ''
  private readonly child: ChildProcess
  private readonly closed: Promise<unknown[]>

  constructor(name: string, ...args: string[]) {
    const env = { ...plainEnvironment(), MILLRACE_URL: url }
    this.child = spawn(process.execPath, [...FROM_SOURCE, join(EXAMPLES, name), ...args], { env })
    this.child.stdout?.on('data', (chunk) => (this.printed += chunk))
    this.child.stderr?.on('data', (chunk) => (this.printed += chunk))
    this.closed = once(this.child, 'close')
    onTestFinished(() => void this.child.kill('SIGKILL'))
  }

  /** Waits until `condition` holds; fails when the program ends before. */
  async until(condition: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await condition())) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) throw new Error(`it ended:\n${this.printed}`)
      await setTimeout(POLL_MS)
    }
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    expect(await this.closed).toEqual([null, 'SIGKILL'])
  }

  /** Ends it as a process manager would. */
  async stop(): Promise<void> {
    this.child.kill('SIGTERM')
    expect({ ended: await this.closed, printed: this.printed }).toEqual({ ended: [0, null], printed: this.printed })
  }
}

/** Sends orders without end, so that there is always something to be in the middle of. */
class Shop {
  readonly orders: string[] = []
  private isOpen = true
  private readonly closed: Promise<void>

  constructor() {
    this.closed = this.sell()
  }

  /** Resolves when all orders are stored. */
  async close(): Promise<void> {
    this.isOpen = false
    await this.closed
  }

  private async sell(): Promise<void> {
    const producer = mr.producer()
    while (this.isOpen) {
      const orders = Array.from({ length: 100 }, (_, index) => ({ total: this.orders.length + index }))
      await producer.sendBatch(orders.map((value) => ({ topic: 'orders', key: `c${value.total % 97}`, value })))
      for (const order of orders) this.orders.push(JSON.stringify(order))
      await setTimeout(10)
    }
  }
}

/**
 * Starts an example, kills it when it has come some way, and so on; the last run comes to the end and is stopped.
 * @returns all orders that there are
 */
async function killAndGoOn(start: () => Example, progress: () => Promise<number>): Promise<string[]> {
  const shop = new Shop()
  for (let kills = 0; kills < 3; kills++) {
    const before = await progress()
    const example = start()
    await example.until(async () => (await progress()) > before + 1_000)
    // Anywhere in its work, not only where it has just come further.
    await setTimeout(Math.random() * 100)
    await example.kill()
  }
  await shop.close()
  const last = start()
  await last.until(async () => (await progress()) >= shop.orders.length)
  await last.stop()
  return shop.orders.sort()
}

test(
  'the sink has each record once, however often it is killed',
  async () => {
    const file = join(await temporaryDirectory(), 'orders.db')
    await mr.admin.createTopic({ name: 'orders', partitions: 3 })
    const read = (sql: string): Record<string, unknown>[] => {
      const db = new DatabaseSync(file, { timeout: 5_000 })
      try {
        return db.prepare(sql).all()
      } finally {
        db.close()
      }
    }
    const orders = await killAndGoOn(
      () => new Example('sqlite-sink.ts', file),
      async () => {
        const hasTable = read("SELECT name FROM sqlite_master WHERE name = 'orders'").length > 0
        return hasTable ? Number(read('SELECT count(*) AS rows FROM orders')[0]?.rows) : 0
      },
    )
    const stored = read('SELECT content FROM orders').map(({ content }) => String(content))
    expect(stored.sort()).toEqual(orders)
  },
  TIMEOUT_MS,
)

/** What an example's group is doing; nothing before its first member has joined. */
async function describe(group: string): Promise<Pick<GroupDetails, 'members' | 'partitions'>> {
  const isThere = (await mr.admin.listGroups()).some(({ name }) => name === group)
  return isThere ? mr.admin.describeGroup(group) : { members: [], partitions: [] }
}

/** How far the pipes have come. */
async function committed(): Promise<number> {
  const { partitions } = await describe('invoicing')
  return partitions.reduce((sum, { committedOffset = 0 }) => sum + committedOffset, 0)
}

async function makePipeTopics(): Promise<void> {
  await mr.admin.createTopic({ name: 'orders', partitions: 3 })
  await mr.admin.createTopic({ name: 'invoices', partitions: 2 })
  await mr.admin.createTopic({ name: 'orders-refused' })
}

async function invoicedOrders(): Promise<string[]> {
  const orders: string[] = []
  for await (const invoice of mr.read({ topic: 'invoices', to: 'end' })) {
    orders.push(JSON.stringify({ total: invoice.json<{ net: number }>()?.net }))
  }
  return orders.sort()
}

test(
  'the pipe writes each record once, however often it is killed',
  async () => {
    await makePipeTopics()
    await mr.producer().send({ topic: 'orders', value: 'no order' })
    // Without the one that is no order.
    const progress = async (): Promise<number> => (await committed()) - 1
    const orders = await killAndGoOn(() => new Example('exactly-once-pipe.ts'), progress)
    expect(await invoicedOrders()).toEqual(orders)
    const refused: (string | null)[] = []
    for await (const record of mr.read({ topic: 'orders-refused', to: 'end' })) refused.push(record.text())
    expect(refused).toEqual(['no order'])
  },
  TIMEOUT_MS,
)

test(
  'pipes that come and go beside each other write each record once',
  async () => {
    await makePipeTopics()
    let names = 0
    const others: Example[] = []
    const orders = await killAndGoOn(() => {
      names += 1
      others.push(new Example('exactly-once-pipe.ts', `other-${names}`))
      return new Example('exactly-once-pipe.ts', 'killed')
    }, committed)
    for (const other of others) await other.stop()
    expect(await invoicedOrders()).toEqual(orders)
  },
  TIMEOUT_MS,
)

test(
  'the pool does every job, those of a worker that was killed too, and puts aside what fails',
  async () => {
    await mr.admin.createTopic({ name: 'jobs', partitions: 4 })
    await mr.admin.createTopic({ name: 'jobs-failed' })
    const folder = await temporaryDirectory()
    const paths = Array.from({ length: 400 }, (_, index) => join(folder, `${index}`))
    await Promise.all(paths.map((path) => writeFile(path, path)))
    const done = paths.map((path) => `${createHash('sha256').update(path).digest('hex')}  ${path}\n`)
    const missing = join(folder, 'missing')

    const [one, two] = [new Example('worker-pool.ts'), new Example('worker-pool.ts')]
    const isIn = (example: Example) => (line: string) => example.printed.includes(line)
    await two.until(async () => {
      const { members } = await describe('checksums')
      return members.length === 2 && members.every(({ owned }) => owned[0]?.partitions.length === 2)
    })
    const producer = mr.producer()
    const sent = [...paths, missing].map((value, index) =>
      producer.send({ topic: 'jobs', partition: index % 4, value }),
    )
    await one.until(() => done.some(isIn(one)))
    await one.kill()
    await Promise.all(sent)

    await two.until(async () => {
      const { partitions } = await mr.admin.describeGroup('checksums')
      return partitions.every(({ lag }) => lag === 0)
    })
    await two.stop()
    expect(done.filter((line) => !isIn(one)(line) && !isIn(two)(line))).toEqual([])
    const failed: (string | null)[] = []
    for await (const record of mr.read({ topic: 'jobs-failed', to: 'end' })) failed.push(record.text())
    expect(new Set(failed)).toEqual(new Set([missing]))
    expect(await mr.admin.describeGroup('checksums')).toMatchObject({ state: 'empty', members: [] })
  },
  TIMEOUT_MS,
)
