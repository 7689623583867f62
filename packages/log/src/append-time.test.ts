import { RecordBatch, readBatches } from '@millrace/record'
import { CrashDisk, ManualClock, type SeededRandom, seededRandom } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { append, LogBench, TIMESTAMP, valuesBatch } from '../test/log-harness.ts'
import type { PartitionLog } from './partition-log.ts'

const STAMPS = { timestampType: 'LogAppendTime', segmentBytes: 300 } as const

async function timesIn(log: PartitionLog): Promise<number[]> {
  const times: number[] = []
  for (let offset = 0; offset < log.highWatermark; ) {
    const { batches, nextOffset } = await log.read(offset, 1 << 20)
    for (const batch of batches.flatMap((bytes) => [...readBatches(bytes)])) {
      expect([batch.isLogAppendTime, batch.hasValidChecksum()]).toEqual([true, true])
      for (const { timestamp } of batch.records(1 << 20)) times.push(timestamp)
    }
    offset = nextOffset
  }
  return times
}

function clockNear(random: SeededRandom): ManualClock {
  return new ManualClock(TIMESTAMP + random.int(-5_000, 5_000))
}

test('times of appends never go back, also across restarts with a clock that does', async () => {
  let wentBack = 0
  for (let seed = 1; seed <= 20; seed++) {
    const random = seededRandom(seed)
    const disk = new CrashDisk(random)
    let clock = clockNear(random)
    let log = await new LogBench(disk.mount(), { clock }).open(STAMPS)
    const expected: number[] = []
    for (let step = 0; step < 40; step++) {
      if (random.bool(0.15)) {
        const isClean = random.bool()
        if (isClean) await log.close()
        else disk.crash()
        clock = clockNear(random)
        log = await new LogBench(disk.mount(), { clock }).open({ ...STAMPS, clean: isClean })
      } else if (random.bool(0.3)) {
        clock.setWallClock(TIMESTAMP + random.int(-5_000, 5_000))
      }
      const latest = expected.at(-1) ?? 0
      if (clock.nowMs() < latest) wentBack++
      const { timestamp } = await append(log, `${step}`)
      expect(timestamp).toBe(Math.max(latest, clock.nowMs()))
      expected.push(timestamp)
    }
    expect(await timesIn(log)).toEqual(expected)
    const middle = expected[20] as number
    expect(await log.findTimestamp(middle)).toEqual({ offset: expected.indexOf(middle), timestamp: middle })
    await log.close()
  }
  expect(wentBack).toBeGreaterThan(50)
})

test('a repeat is answered with the time of the first, also after a restart', async () => {
  const disk = new CrashDisk(seededRandom(1))
  const clock = new ManualClock(TIMESTAMP)
  let log = await new LogBench(disk.mount(), { clock }).open(STAMPS)
  const sequenced = () => {
    const batch = RecordBatch.at(Buffer.from(valuesBatch(['x']).buffer))
    batch.stampProducer({ producerId: 5, producerEpoch: 0, baseSequence: 0 })
    return batch
  }
  const first = await log.append(sequenced()).committed
  clock.advance(1_000)
  expect(await log.append(sequenced()).committed).toEqual({ ...first, duplicate: true })
  disk.crash()
  log = await new LogBench(disk.mount(), { clock }).open(STAMPS)
  expect(await log.append(sequenced()).committed).toEqual({ ...first, duplicate: true })
  expect(first.timestamp).toBe(TIMESTAMP)
  await log.close()
})
