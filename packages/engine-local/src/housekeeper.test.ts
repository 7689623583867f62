import { type Logger, MillraceError, silentLogger } from '@millrace/record'
import { ManualClock } from '@millrace/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import { Housekeeper, type Maintained } from './housekeeper.ts'

const INTERVAL_MS = 1_000

let clock: ManualClock
let order: string[]
let errors: string[]
let all: Maintained[]

beforeEach(() => {
  clock = new ManualClock()
  order = []
  errors = []
  all = []
})

const stats = { maintenanceRounds: 0, maintenanceFailures: 0 }

function start(): Housekeeper {
  const logger: Logger = { ...silentLogger, error: (_, message) => errors.push(message) }
  return new Housekeeper({
    clock,
    logger,
    intervalMs: INTERVAL_MS,
    compactionBytesPerSecond: 1,
    stats,
    list: () => all,
  })
}

/** A log that notes when its turn begins and ends; `work` is what it does. */
function logAt(directory: string, work: () => Promise<void> = async () => {}): Maintained {
  return {
    directory,
    async maintain() {
      order.push(`${directory} begins`)
      await work().finally(() => order.push(`${directory} ends`))
    },
  }
}

async function round(housekeeper: Housekeeper): Promise<void> {
  clock.advance(INTERVAL_MS)
  await housekeeper.idle()
}

describe('the housekeeper', () => {
  test('gives each log its turn after each interval, one at a time', async () => {
    all = [logAt('a', async () => {}), logAt('b')]
    const housekeeper = start()
    clock.advance(INTERVAL_MS - 1)
    expect(order).toEqual([])
    clock.advance(1)
    await housekeeper.idle()
    expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends'])
    all = [logAt('c')]
    await round(housekeeper)
    expect(order.slice(4)).toEqual(['c begins', 'c ends'])
    housekeeper.close()
    expect(clock.pendingTimers).toBe(0)
  })

  test('begins no round before the last one has ended', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    all = [logAt('a', () => promise)]
    const housekeeper = start()
    clock.advance(10 * INTERVAL_MS)
    expect(order).toEqual(['a begins'])
    resolve()
    await housekeeper.idle()
    await round(housekeeper)
    expect(order).toEqual(['a begins', 'a ends', 'a begins', 'a ends'])
    housekeeper.close()
  })

  test('tries again what failed, logs each failure once, and goes on with the others', async () => {
    let failure: MillraceError | undefined = new MillraceError('DISK_FULL', 'full')
    const failing = logAt('a', async () => {
      if (failure !== undefined) throw failure
    })
    all = [failing, logAt('b')]
    const housekeeper = start()
    await round(housekeeper)
    await round(housekeeper)
    expect(order.filter((entry) => entry === 'b ends')).toHaveLength(2)
    expect(errors).toHaveLength(1)
    failure = new MillraceError('CORRUPT_BATCH', 'damaged')
    await round(housekeeper)
    expect(errors).toHaveLength(2)
    failure = undefined
    await round(housekeeper)
    failure = new MillraceError('CORRUPT_BATCH', 'damaged')
    await round(housekeeper)
    expect(errors).toHaveLength(3)
    housekeeper.close()
  })

  test('begins nothing more once it is closed, not even within a round', async () => {
    const housekeeper = start()
    all = [logAt('a', async () => housekeeper.close()), logAt('b')]
    await round(housekeeper)
    expect(order).toEqual(['a begins', 'a ends'])
    expect(clock.pendingTimers).toBe(0)
  })
})
