import { ManualClock } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { LogBook, turns } from '../test/log-harness.ts'
import { type CommitStep, type CommitTarget, Committer } from './committer.ts'

const PROBE_MS = 1_000

/** A step that waits until the test lets it go on. */
class Gate {
  private waiting: (() => void) | undefined
  private isOpen = true

  shut(): void {
    this.isOpen = false
  }

  open(): void {
    this.isOpen = true
    this.waiting?.()
    this.waiting = undefined
  }

  pass(): Promise<void> {
    return this.isOpen ? Promise.resolve() : new Promise((resolve) => (this.waiting = resolve))
  }
}

/** A target that keeps numbers: `add` is an append, and each ends up committed or failed. */
class Numbers implements CommitTarget {
  readonly committedRounds: number[][] = []
  readonly failures: { numbers: number[]; step: string; error: unknown }[] = []
  readonly syncGate = new Gate()
  readonly writeGate = new Gate()
  readonly failGate = new Gate()
  needsSync = true
  syncs = 0
  /** Thrown by the next write or sync. */
  writeError: Error | undefined
  syncError: Error | undefined
  private readonly committer: Committer
  private pending: number[] = []
  private written: number[] = []
  private busy = false

  constructor(committer: Committer) {
    this.committer = committer
  }

  add(...numbers: number[]): void {
    this.pending.push(...numbers)
    this.committer.submit(this)
  }

  prepare(): undefined {
    this.written = this.pending
    this.pending = []
  }

  async write(): Promise<void> {
    this.enter()
    await this.writeGate.pass()
    this.throwOnce('writeError')
    this.busy = false
  }

  async sync(): Promise<void> {
    this.enter()
    this.syncs++
    await this.syncGate.pass()
    this.throwOnce('syncError')
    this.busy = false
  }

  committed(): void {
    if (this.busy) throw new Error('two calls at a time')
    this.committedRounds.push(this.written)
    this.written = []
  }

  async failed(error: unknown, step: CommitStep): Promise<void> {
    const numbers = [...this.written, ...this.pending]
    this.written = []
    this.pending = []
    await this.failGate.pass()
    this.busy = false
    this.failures.push({ numbers, step, error })
  }

  readonly mayBeJournaled = false
  readonly roundBytes = 0

  journalEntry(): never {
    throw new Error('there is no journal')
  }

  readonly backlogBytes = 0

  async catchUp(): Promise<void> {}

  async checkpoint(): Promise<void> {}

  private enter(): void {
    if (this.busy) throw new Error('two calls at a time')
    this.busy = true
  }

  private throwOnce(which: 'writeError' | 'syncError'): void {
    const error = this[which]
    this[which] = undefined
    if (error !== undefined) throw error
  }
}

function bench() {
  const clock = new ManualClock()
  const logger = new LogBook()
  const probing = { count: 0, error: undefined as Error | undefined }
  const probe = async (): Promise<void> => {
    probing.count++
    if (probing.error !== undefined) throw probing.error
  }
  const committer = new Committer({ clock, logger, probe })
  return { clock, logger, probing, committer, target: () => new Numbers(committer) }
}

describe('the committer', () => {
  test('commits all that one turn of the event loop brings with one sync', async () => {
    const { committer, target } = bench()
    const numbers = target()
    numbers.add(1)
    await Promise.resolve()
    numbers.add(2, 3)
    await committer.idle()
    expect(numbers.committedRounds).toEqual([[1, 2, 3]])
    expect(numbers.syncs).toBe(1)
  })

  test('lets all that comes while a sync runs share the next one', async () => {
    const { committer, target } = bench()
    const numbers = target()
    numbers.syncGate.shut()
    numbers.add(1)
    await turns(2)
    for (let number = 2; number <= 50; number++) {
      numbers.add(number)
      await turns(1)
    }
    expect(numbers.committedRounds).toEqual([])
    numbers.syncGate.open()
    await committer.idle()
    expect(numbers.committedRounds).toEqual([[1], Array.from({ length: 49 }, (_, index) => index + 2)])
    expect(numbers.syncs).toBe(2)
  })

  test('commits without a sync what needs none', async () => {
    const { committer, target } = bench()
    const numbers = target()
    numbers.needsSync = false
    numbers.add(1)
    await committer.idle()
    expect([numbers.committedRounds, numbers.syncs]).toEqual([[[1]], 0])
  })

  test('takes what is submitted while its target is written into a round of its own', async () => {
    const { committer, target } = bench()
    const numbers = target()
    numbers.writeGate.shut()
    numbers.add(1)
    await turns(2)
    numbers.add(2)
    numbers.writeGate.open()
    await committer.idle()
    expect(numbers.committedRounds).toEqual([[1], [2]])
  })

  test('does not have a target wait for another one of its round', async () => {
    const { committer, target } = bench()
    const [slow, quick] = [target(), target()]
    slow.syncGate.shut()
    slow.add(1)
    quick.add(2)
    await turns(3)
    expect([slow.committedRounds, quick.committedRounds]).toEqual([[], [[2]]])
    slow.syncGate.open()
    await committer.idle()
    expect(slow.committedRounds).toEqual([[1]])
  })

  test.each(['write', 'sync'] as const)(
    'a target that fails to %s fails alone, and hears of the step',
    async (step) => {
      const { committer, target, logger } = bench()
      const [broken, well] = [target(), target()]
      const error = new Error('EIO')
      broken[`${step}Error`] = error
      broken.add(1)
      well.add(2)
      await committer.idle()
      expect(broken.failures).toEqual([{ numbers: [1], step, error }])
      expect([broken.committedRounds, well.committedRounds]).toEqual([[], [[2]]])
      expect(logger.lines.filter(({ level }) => level === 'error')).toHaveLength(1)
      broken.add(3)
      await committer.idle()
      expect(broken.committedRounds).toEqual([[3]])
    },
  )

  test('gives a target nothing to do before it has cleaned up after a failure', async () => {
    const { committer, target } = bench()
    const numbers = target()
    numbers.writeError = new Error('EIO')
    numbers.failGate.shut()
    numbers.add(1)
    await turns(2)
    numbers.add(2)
    await turns(5)
    expect(numbers.committedRounds).toEqual([])
    numbers.failGate.open()
    await committer.idle()
    expect(numbers.committedRounds).toEqual([[2]])
  })

  test('serves more targets than it works on at once, each in order', async () => {
    const { committer, target } = bench()
    const targets = Array.from({ length: 200 }, target)
    for (let number = 0; number < 5; number++) {
      for (const numbers of targets) numbers.add(number)
      await turns(1)
    }
    await committer.idle()
    for (const numbers of targets) expect(numbers.committedRounds.flat()).toEqual([0, 1, 2, 3, 4])
  })

  test('is idle only when nothing is left, also of what came meanwhile', async () => {
    const { committer, target } = bench()
    const numbers = target()
    await committer.idle()
    numbers.syncGate.shut()
    numbers.add(1)
    const idle = committer.idle()
    await turns(2)
    numbers.add(2)
    numbers.syncGate.open()
    await idle
    expect(numbers.committedRounds.flat()).toEqual([1, 2])
  })
})

describe('a problem of the committer', () => {
  test('stands from a failure until a probe works', async () => {
    const { committer, target, clock, probing } = bench()
    expect(committer.problem).toBeUndefined()
    const numbers = target()
    numbers.syncError = new Error('EIO: it broke')
    numbers.add(1)
    await committer.idle()
    expect(committer.problem).toBe('EIO: it broke')

    probing.error = new Error('EIO: still')
    clock.advance(PROBE_MS)
    await turns(1)
    expect([probing.count, committer.problem]).toEqual([1, 'EIO: it broke'])

    probing.error = undefined
    clock.advance(PROBE_MS)
    await turns(1)
    expect([probing.count, committer.problem]).toEqual([2, undefined])
    clock.advance(10 * PROBE_MS)
    expect([probing.count, clock.pendingTimers]).toEqual([2, 0])
  })

  test('is probed by one timer, however many targets fail', async () => {
    const { committer, target, clock } = bench()
    for (let count = 0; count < 5; count++) {
      const numbers = target()
      numbers.writeError = new Error(`EIO ${count}`)
      numbers.add(count)
    }
    await committer.idle()
    expect(clock.pendingTimers).toBe(1)
  })

  test('is looked after no more once the committer is closed', async () => {
    const { committer, target, clock, probing } = bench()
    const numbers = target()
    numbers.writeError = new Error('EIO')
    numbers.add(1)
    await committer.idle()
    committer.close()
    expect(clock.pendingTimers).toBe(0)
    clock.advance(10 * PROBE_MS)
    expect(probing.count).toBe(0)
  })

  test('is looked after no more when the committer is closed during a probe', async () => {
    const { committer, target, clock, probing } = bench()
    const numbers = target()
    numbers.writeError = new Error('EIO')
    numbers.add(1)
    await committer.idle()
    probing.error = new Error('EIO')
    clock.advance(PROBE_MS)
    committer.close()
    await turns(1)
    expect(clock.pendingTimers).toBe(0)
  })
})
