import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InFlight, type Reservation } from './in-flight.ts'

const LIMITS = { inFlightBytes: 1_000, unreadBytes: 300 }

/** A reservation that notes in `granted` when it has waited and got its room. */
function reservation(bytes: number, granted: unknown[] = [], name: unknown = bytes): Reservation {
  return { bytes, onGranted: () => void granted.push(name) }
}

describe('room for larger messages', () => {
  test('is half of what may be in flight, and goes to connections in turn', () => {
    const inFlight = new InFlight(LIMITS)
    const [a, b] = [{}, {}]
    const granted: string[] = []
    const first = reservation(500)
    expect(inFlight.reserve(a, first)).toBe(true)
    for (const name of ['a1', 'a2', 'a3']) expect(inFlight.reserve(a, reservation(500, granted, name))).toBe(false)
    for (const name of ['b1', 'b2']) expect(inFlight.reserve(b, reservation(500, granted, name))).toBe(false)
    for (let held = first, count = 0; count < 5; count++) {
      inFlight.release(held)
      held = reservation(500)
    }
    expect(granted).toEqual(['a1', 'b1', 'a2', 'b2', 'a3'])
  })

  test('is given to one message of any size', () => {
    const inFlight = new InFlight(LIMITS)
    expect(inFlight.reserve({}, reservation(5_000))).toBe(true)
    expect(inFlight.reserve({}, reservation(1))).toBe(false)
  })

  test('is not given while too much waits for its answer', () => {
    const inFlight = new InFlight(LIMITS)
    const granted: unknown[] = []
    inFlight.take(1_000)
    expect(inFlight.reserve({}, reservation(100, granted))).toBe(false)
    inFlight.giveBack(1)
    expect(granted).toEqual([100])
  })

  test('does not wait for one that gave up', () => {
    const inFlight = new InFlight(LIMITS)
    const granted: unknown[] = []
    const [held, gone, next] = [reservation(400), reservation(400, granted), reservation(100, granted)]
    const owner = {}
    inFlight.reserve({}, held)
    inFlight.reserve(owner, gone)
    inFlight.reserve({}, next)
    expect(inFlight.isAwaited).toBe(true)
    inFlight.cancel(owner, gone)
    expect(granted).toEqual([100])
    expect(inFlight.isAwaited).toBe(false)
  })

  test('is never more than it may be, and all get theirs in the end', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 1, max: 700 }))), (asked) => {
        const inFlight = new InFlight(LIMITS)
        const owners = Array.from({ length: 5 }, () => ({}))
        const holding: Reservation[] = []
        for (const [owner, bytes] of asked) {
          const wanted: Reservation = { bytes, onGranted: () => void holding.push(wanted) }
          if (inFlight.reserve(owners[owner]!, wanted)) holding.push(wanted)
        }
        let served = 0
        for (let done = holding.shift(); done !== undefined; done = holding.shift()) {
          expect(inFlight.reservedBytes).toBe(done.bytes + holding.reduce((sum, { bytes }) => sum + bytes, 0))
          if (holding.length > 0) expect(inFlight.reservedBytes).toBeLessThanOrEqual(500)
          served++
          inFlight.release(done)
        }
        expect(served).toBe(asked.length)
        expect(inFlight.reservedBytes).toBe(0)
      }),
    )
  })
})

test('who waits to read is woken once, when there is room for more than one answer', () => {
  const inFlight = new InFlight(LIMITS)
  let woken = 0
  inFlight.take(1_000)
  expect(inFlight.isSpent).toBe(true)
  inFlight.waitForRoom({ onRoom: () => void woken++ })
  inFlight.giveBack(100)
  expect(woken).toBe(0)
  inFlight.giveBack(200)
  inFlight.giveBack(200)
  expect(woken).toBe(1)
})

test('windows of streams that are not read from, and bodies, have their bounds', () => {
  const inFlight = new InFlight(LIMITS)
  expect([inFlight.addUnread(200), inFlight.addUnread(101), inFlight.addUnread(100)]).toEqual([true, false, true])
  inFlight.removeUnread(200)
  expect(inFlight.addUnread(200)).toBe(true)
  expect([inFlight.addBody(600), inFlight.addBody(401), inFlight.addBody(400)]).toEqual([true, false, true])
  inFlight.removeBody(600)
  expect(inFlight.addBody(600)).toBe(true)
})

describe('streams that are not read from', () => {
  test('leave half of the room to those that have begun', () => {
    const inFlight = new InFlight(LIMITS)
    expect(inFlight.addNotBegun(100)).toBe(true)
    expect(inFlight.addNotBegun(100)).toBe(false)
    expect(inFlight.addUnread(200)).toBe(true)
    expect(inFlight.addUnread(1)).toBe(false)
    inFlight.removeUnread(200)
    expect(inFlight.addNotBegun(50)).toBe(true)
    expect(inFlight.unreadBytes).toBe(150)
  })

  test('share their room with messages that were begun, which are counted past it', () => {
    const inFlight = new InFlight(LIMITS)
    expect(inFlight.addPartial(300)).toBe(true)
    expect(inFlight.addUnread(1)).toBe(false)
    expect(inFlight.addPartial(100)).toBe(false)
    expect(inFlight.addPartial(-100)).toBe(true)
    expect(inFlight.unreadBytes).toBe(300)
  })
})
