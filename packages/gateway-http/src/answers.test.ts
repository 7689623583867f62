import { expect, test } from 'vitest'
import { Answers } from './answers.ts'
import { Unsent } from './unsent.ts'

const KiB = 1_024
const LIMITS = { unsentBytes: 1_024 * KiB, waitingFetches: 2 }
const REFUSED = { code: 'LIMIT_REACHED' }

function answers() {
  const unsent = new Unsent(LIMITS.unsentBytes)
  return { unsent, answers: new Answers(LIMITS, unsent) }
}

const whole = (maxBytes: number) => Promise.resolve(Buffer.alloc(maxBytes))
const read = { wantedBytes: 128 * KiB, waits: false }

test('counts what was read until it was taken, and once', async () => {
  const { unsent, answers: made } = answers()
  const { answer, release } = await made.make({}, read, () => Promise.resolve(Buffer.alloc(1_000)))
  expect([answer.length, unsent.bytes]).toEqual([1_000, 1_000])
  release()
  release()
  expect(unsent.bytes).toBe(0)
})

test('counts the most that may come while it is read, and nothing when the read fails', async () => {
  const { unsent, answers: made } = answers()
  let during = 0
  const failed = made.make({}, read, async () => {
    during = unsent.bytes
    throw new Error('no')
  })
  await expect(failed).rejects.toThrow('no')
  expect([during, unsent.bytes]).toEqual([128 * KiB, 0])
})

test('refuses whoever takes no answers once much is held up, and nobody else', async () => {
  const { unsent, answers: made } = answers()
  const greedy = {}
  const releases: (() => void)[] = []
  let refusal: unknown
  for (let count = 0; count < 100 && refusal === undefined; count++) {
    await made.make(greedy, read, whole).then(
      ({ release }) => releases.push(release),
      (error: unknown) => {
        refusal = error
      },
    )
  }
  expect(refusal).toMatchObject(REFUSED)
  expect(unsent.bytes).toBeGreaterThanOrEqual(LIMITS.unsentBytes / 2)
  expect(unsent.bytes).toBeLessThan(LIMITS.unsentBytes)
  const other = await made.make({}, read, whole)
  expect(other.answer.length).toBeGreaterThanOrEqual(64 * KiB)
  other.release()
  for (const release of releases) release()
  await made.make(greedy, read, whole)
})

test('fetches that wait are counted, hold nothing meanwhile and are refused past their limit', async () => {
  const { unsent, answers: made } = answers()
  const waits = { wantedBytes: 128 * KiB, waits: true }
  const arrived = Promise.withResolvers<Buffer>()
  const first = made.make({}, waits, () => arrived.promise)
  const second = made.make({}, waits, () => arrived.promise)
  expect([made.waiting, unsent.bytes]).toEqual([2, 0])
  await expect(made.make({}, waits, whole)).rejects.toMatchObject(REFUSED)
  arrived.resolve(Buffer.alloc(10))
  for (const { release } of await Promise.all([first, second])) release()
  expect([made.waiting, unsent.bytes]).toEqual([0, 0])
})

test('an answer that waits for its turn holds nothing until then, and gets the room that there is then', async () => {
  const { unsent, answers: made } = answers()
  const owner = {}
  const queued = { ...read, isQueued: true }
  const turn = Promise.withResolvers<void>()
  const after = async (maxBytes: number, room: () => number): Promise<Buffer> => {
    expect(maxBytes).toBe(128 * KiB)
    await turn.promise
    return Buffer.alloc(room())
  }
  const [first, second] = [made.make(owner, queued, after), made.make(owner, queued, after)]
  const late = made.make(owner, queued, after)
  expect(unsent.bytes).toBe(0)
  const other = await made.make({}, { ...read, wantedBytes: 512 * KiB }, () =>
    Promise.resolve(Buffer.alloc(LIMITS.unsentBytes / 2)),
  )
  turn.resolve()
  const { answer, release } = await first
  expect(answer.length).toBe(64 * KiB)
  expect((await second).answer.length).toBeLessThanOrEqual(64 * KiB)
  await expect(late).rejects.toMatchObject(REFUSED)
  // It has its share now, and takes none of it.
  const third = made.make(owner, queued, (_, room) => Promise.resolve(Buffer.alloc(room())))
  await expect(third).rejects.toMatchObject(REFUSED)
  release()
  ;(await second).release()
  other.release()
  expect(unsent.bytes).toBe(0)
})
