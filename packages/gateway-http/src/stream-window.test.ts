import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { StreamWindow, type WindowSetter } from './stream-window.ts'

const KiB = 1_024
const SIZES = { leastBytes: 64 * KiB, mostBytes: 1_024 * KiB, sharedBytes: 2_048 * KiB }

/** A peer that takes the settings in their order when `ack` says so. */
class Peer implements WindowSetter {
  destroyed = false
  windowBytes = SIZES.leastBytes
  readonly sent: number[] = []
  private readonly acks: (() => void)[] = []

  settings({ initialWindowSize }: { readonly initialWindowSize: number }, onAck: () => void): void {
    this.sent.push(initialWindowSize)
    this.acks.push(() => {
      this.windowBytes = initialWindowSize
      onAck()
    })
  }

  get isAsked(): boolean {
    return this.acks.length > 0
  }

  ack(): void {
    this.acks.shift()?.()
  }
}

function made(): { peer: Peer; window: StreamWindow; open: (count: number) => void; close: (count: number) => void } {
  const peer = new Peer()
  const window = new StreamWindow({ session: peer, ...SIZES })
  return {
    peer,
    window,
    open(count) {
      for (let opened = 0; opened < count; opened++) window.opened()
    },
    close(count) {
      for (let closed = 0; closed < count; closed++) window.closed()
    },
  }
}

describe('the window of a stream', () => {
  test('is the least until the connection was looked at, and then as large as its streams leave it', () => {
    const { peer, window, open } = made()
    expect(window.bytes).toBe(64 * KiB)
    open(4)
    expect(peer.sent).toEqual([])
    window.look()
    expect(peer.sent).toEqual([512 * KiB])
  })

  test('shrinks with the stream that makes it small, and grows when there were few for a while', () => {
    const { peer, window, open, close } = made()
    open(1)
    window.look()
    peer.ack()
    expect(window.bytes).toBe(1_024 * KiB)
    open(3)
    peer.ack()
    expect(window.bytes).toBe(512 * KiB)
    close(3)
    window.look()
    expect(peer.sent).toEqual([1_024 * KiB, 512 * KiB])
    window.look()
    expect(peer.sent).toEqual([1_024 * KiB, 512 * KiB, 1_024 * KiB])
  })

  test('counts as large until the peer knows that it is smaller', () => {
    const { peer, window, open } = made()
    window.look()
    peer.ack()
    open(1_000)
    expect(window.bytes).toBe(1_024 * KiB)
    while (peer.isAsked) peer.ack()
    expect(window.bytes).toBe(64 * KiB)
  })

  test('does not change for streams that come and go', () => {
    const { peer, window, open, close } = made()
    for (let round = 0; round < 100; round++) {
      open(20)
      close(20)
      if (round % 3 === 0) window.look()
      peer.ack()
    }
    expect(peer.sent.length).toBeLessThan(2)
  })

  test('is left alone once its session is gone', () => {
    const { peer, window, open } = made()
    open(1)
    peer.destroyed = true
    window.look()
    expect(peer.sent).toEqual([])
  })

  test('is never counted for less than the peer has, one settings frame is under way at most, and it settles', () => {
    const step = fc.oneof(fc.constant('open'), fc.constant('close'), fc.constant('look'), fc.constant('ack'))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const { peer, window, open, close } = made()
        let streams = 0
        let answered = 0
        for (const step of steps) {
          if (step === 'open') open(1)
          if (step === 'close' && streams > 0) close(1)
          if (step === 'look') window.look()
          if (step === 'ack' && peer.isAsked) {
            answered++
            peer.ack()
          }
          streams += step === 'open' ? 1 : step === 'close' && streams > 0 ? -1 : 0
          expect(window.bytes).toBeGreaterThanOrEqual(peer.windowBytes)
          expect(peer.sent.length - answered).toBeLessThanOrEqual(1)
        }
        for (let round = 0; round < 3; round++) {
          window.look()
          peer.ack()
        }
        expect(peer.windowBytes).toBe(window.bytes)
        const most = Math.min(SIZES.mostBytes, SIZES.sharedBytes / Math.max(1, streams))
        expect(window.bytes).toBeLessThanOrEqual(Math.max(SIZES.leastBytes, most))
        expect(window.bytes).toBeGreaterThan(most / 2)
      }),
    )
  })
})
