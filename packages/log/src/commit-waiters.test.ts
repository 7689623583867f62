import { ManualClock } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { turns } from '../test/log-harness.ts'
import { CommitWaiters } from './commit-waiters.ts'

/** Waits and tells whether it is over. */
function waiter(waiters: CommitWaiters, offset: number, waitMs = 1_000, signal?: AbortSignal) {
  const state = { done: false }
  void waiters.wait(offset, waitMs, signal).then(() => {
    state.done = true
  })
  return state
}

describe('waiting for a commit', () => {
  test('ends when something at or after the offset is committed, and leaves nothing behind', async () => {
    const clock = new ManualClock()
    const waiters = new CommitWaiters(clock)
    const [at5, at9] = [waiter(waiters, 5), waiter(waiters, 9)]
    waiters.committed(5)
    await turns(1)
    expect([at5.done, at9.done]).toEqual([false, false])
    waiters.committed(6)
    await turns(1)
    expect([at5.done, at9.done]).toEqual([true, false])
    waiters.committed(20)
    await turns(1)
    expect(at9.done).toBe(true)
    expect([waiters.size, clock.pendingTimers]).toEqual([0, 0])
  })

  test('ends when the time is up', async () => {
    const clock = new ManualClock()
    const waiters = new CommitWaiters(clock)
    const waiting = waiter(waiters, 5, 1_000)
    clock.advance(999)
    await turns(1)
    expect(waiting.done).toBe(false)
    clock.advance(1)
    await turns(1)
    expect([waiting.done, waiters.size]).toEqual([true, 0])
  })

  test('ends on the signal, before and while it waits', async () => {
    const clock = new ManualClock()
    const waiters = new CommitWaiters(clock)
    const controller = new AbortController()
    const waiting = waiter(waiters, 5, 1_000, controller.signal)
    controller.abort()
    await turns(1)
    expect([waiting.done, waiters.size, clock.pendingTimers]).toEqual([true, 0, 0])
    const late = waiter(waiters, 5, 1_000, controller.signal)
    await turns(1)
    expect([late.done, waiters.size]).toEqual([true, 0])
  })

  test('ends for all when all are woken', async () => {
    const clock = new ManualClock()
    const waiters = new CommitWaiters(clock)
    const waiting = [1, 2, 3].map((offset) => waiter(waiters, offset))
    waiters.wakeAll()
    await turns(1)
    expect(waiting.every(({ done }) => done)).toBe(true)
    expect([waiters.size, clock.pendingTimers]).toEqual([0, 0])
  })

  test('does not wake one that begins to wait while others are woken', async () => {
    const waiters = new CommitWaiters(new ManualClock())
    let again: { done: boolean } | undefined
    void waiters.wait(1, 1_000, undefined).then(() => {
      again = waiter(waiters, 1)
    })
    waiters.committed(2)
    await turns(1)
    expect([again?.done, waiters.size]).toEqual([false, 1])
  })
})
