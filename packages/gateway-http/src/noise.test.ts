import { ManualClock } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { Noise } from './noise.ts'

const LIMITS = { noiseBytesPerConnection: 8_000, noiseBytesPerSecond: 1_000 }

function noiseOf(options: { isWary?: boolean; unreadBytes?: () => number } = {}) {
  const clock = new ManualClock()
  const socket = { bytesRead: 0, bytesWritten: 0 }
  let ended = 0
  const noise = new Noise({
    limits: LIMITS,
    clock,
    socket,
    isWary: options.isWary ?? false,
    unreadBytes: options.unreadBytes ?? (() => 0),
    onTooMuch: () => ended++,
  })
  return { clock, socket, noise, ended: () => ended }
}

test('what comes in and brings nothing is too much past the limit, once', () => {
  const { socket, noise, ended } = noiseOf()
  socket.bytesRead = 8_000
  noise.look()
  expect(ended()).toBe(0)
  socket.bytesRead = 8_001
  noise.look()
  noise.look()
  expect(ended()).toBe(1)
})

test('bodies and the frames around them are no noise, however many there are', () => {
  const { socket, noise, ended } = noiseOf()
  for (let count = 0; count < 1_000; count++) {
    socket.bytesRead += 1_400
    noise.received(1_000, false)
    noise.look()
  }
  expect(ended()).toBe(0)
})

test('what was received and waits to be read is no noise', () => {
  const { socket, noise, ended } = noiseOf({ unreadBytes: () => 100_000 })
  socket.bytesRead = 100_000
  noise.look()
  expect(ended()).toBe(0)
})

test('requests and what comes back about answers that were sent are no noise', () => {
  const { socket, noise, ended } = noiseOf()
  for (let count = 0; count < 100; count++) noise.opened()
  socket.bytesWritten = 320_000
  socket.bytesRead = 100 * 1_024 + 10_000 + 8_000
  noise.look()
  expect(ended()).toBe(0)
  socket.bytesRead++
  noise.look()
  expect(ended()).toBe(1)
})

test('time takes noise away, and none that is not there yet', () => {
  const { clock, socket, noise, ended } = noiseOf()
  clock.advance(3_600_000)
  noise.look()
  for (let second = 0; second < 100; second++) {
    socket.bytesRead += 1_000
    clock.advance(1_000)
    noise.look()
  }
  expect(ended()).toBe(0)
  socket.bytesRead += 8_001
  noise.look()
  expect(ended()).toBe(1)
})

test('pieces of a message that end none count for more than their bytes, and at once', () => {
  const { noise, ended } = noiseOf()
  for (let count = 0; count < 33; count++) noise.received(1, true)
  expect(ended()).toBe(0)
  // 33 of 240 bytes each, less what the messages before brought, are within the limit.
  for (let count = 0; count < 33; count++) noise.received(1, false)
  expect(ended()).toBe(0)
  for (let count = 0; count < 3; count++) noise.received(1, false)
  expect(ended()).toBe(1)
})

test('a connection from an address that one was ended of may make an eighth of it', () => {
  const { socket, noise, ended } = noiseOf({ isWary: true })
  socket.bytesRead = 1_000
  noise.look()
  expect(ended()).toBe(0)
  socket.bytesRead = 1_001
  noise.look()
  expect(ended()).toBe(1)
})

test('small messages that come in two or three pieces are no noise, however many there are', () => {
  const { socket, noise, ended } = noiseOf()
  for (let count = 0; count < 1_000; count++) {
    // A length by itself, then the head, then the rest.
    for (const bytes of [5, 20, 60]) {
      socket.bytesRead += bytes + 9
      noise.received(bytes, bytes === 60)
    }
    socket.bytesWritten += 1_000
    noise.look()
  }
  expect(ended()).toBe(0)
})
