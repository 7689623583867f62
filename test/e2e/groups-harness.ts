import { Broker } from '@millrace/broker'
import { type ConsumerOptions, Millrace, type MillraceOptions } from '@millrace/client'
import { createHttpGateway, type HttpGateway } from '@millrace/gateway-http'
import { type Clock, DEFAULT_LIMITS, silentLogger, systemClock } from '@millrace/record'
import { createMemoryEngine, type MemoryEngine } from '@millrace/testkit'
import { onTestFinished } from 'vitest'

export interface GroupServer {
  readonly engine: MemoryEngine
  readonly url: string
  /** Cuts everything and comes back at the same port with what was stored. */
  restart(): Promise<void>
  stop(): Promise<void>
  client(options?: MillraceOptions): Millrace
}

/** The real broker and gateway over the memory engine, until the test ends. */
export async function serveGroups(clock: Clock = systemClock): Promise<GroupServer> {
  const limits = { ...DEFAULT_LIMITS, minSessionTimeoutMs: 50 }
  const engine = createMemoryEngine({ clock, limits })
  const open = async (at: number): Promise<{ broker: Broker; gateway: HttpGateway; port: number }> => {
    const broker = new Broker({ engine, clock, limits })
    await broker.open()
    const gateway = createHttpGateway({ broker, clock, logger: silentLogger, limits, checkHost: true })
    return { broker, gateway, port: (await gateway.listen('127.0.0.1', at)).port }
  }
  const first = await open(0)
  const { port } = first
  let running: Awaited<ReturnType<typeof open>> | undefined = first
  const stop = async (): Promise<void> => {
    const ended = running
    running = undefined
    ended?.broker.endMemberships()
    await ended?.gateway.close(0)
    await ended?.broker.close()
  }
  onTestFinished(async () => {
    await stop()
    await engine.close()
  })
  return {
    engine,
    url: `http://127.0.0.1:${port}`,
    stop,
    async restart() {
      await stop()
      running = await open(port)
    },
    client(options = {}) {
      const mr = new Millrace({ url: `http://127.0.0.1:${port}`, retryMs: 1, ...options })
      onTestFinished(() => mr.close({ signal: AbortSignal.abort() }))
      return mr
    },
  }
}

/** What consumers of these tests have in common. */
export const QUICK: Omit<ConsumerOptions, 'group'> = { topics: ['t'], autoCommitIntervalMs: 5, onWarning: () => {} }

/** Resolves when it holds. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 2))
}

/** `count` records of `keys` keys into topic `t`; each value is its number. */
export async function produce(mr: Millrace, count: number, keys = 10): Promise<void> {
  const records = Array.from({ length: count }, (_, n) => ({ topic: 't', key: `k${n % keys}`, value: `${n}` }))
  await mr.producer().sendBatch(records)
}

export const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => `${n}`)
