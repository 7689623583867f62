/** The floor of storage: bare files, and nothing that could be left out. */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { batchSizeAt, crc, isWhole, recordCount, stamp } from '../floor/batch.ts'
import { GroupCommit } from '../floor/group-commit.ts'
import { appendLoad, makeBatches } from '../harness/append-load.ts'
import { serveTasks } from '../harness/client-program.ts'

const READ_BYTES = 2 ** 20

serveTasks({
  append(directory, task, progress) {
    const files = Array.from({ length: task.partitions }, (_, partition) => ({
      commit: new GroupCommit(join(directory, `${partition}.log`), task.synced),
      nextOffset: 0,
    }))
    return appendLoad(
      task,
      (partition, batch) => {
        const file = files[partition]!
        if (!isWhole(batch, 0, batch.length)) throw new Error('a batch is not whole')
        stamp(batch, file.nextOffset)
        file.nextOffset += recordCount(batch, 0)
        return new Promise<void>((resolve) => file.commit.append(batch, resolve))
      },
      progress,
    )
  },

  async readLog(directory, { bytes, valueBytes, batchRecords }) {
    const path = fill(directory, bytes, valueBytes, batchRecords)
    // Whoever asked for the bytes keeps them: each read has memory of its own.
    return { bytesPerSecond: await readAndCheck(path, () => Buffer.allocUnsafeSlow(READ_BYTES)) }
  },

  async recover(directory, { bytes, valueBytes, batchRecords }) {
    const path = fill(directory, bytes, valueBytes, batchRecords)
    const chunk = Buffer.allocUnsafeSlow(READ_BYTES)
    return { bytesPerSecond: await readAndCheck(path, () => chunk) }
  },

  async compact(directory, { bytes, valueBytes, batchRecords }) {
    const path = fill(directory, bytes, valueBytes, batchRecords)
    const chunk = Buffer.allocUnsafeSlow(READ_BYTES)
    const copy = await open(join(directory, 'copy.log'), 'w')
    const startMs = performance.now()
    let copied = 0
    await readAndCheck(
      path,
      () => chunk,
      async (whole) => {
        crc(whole)
        await copy.write(whole, 0, whole.length, copied)
        copied += whole.length
      },
    )
    await copy.datasync()
    const bytesPerSecond = (copied * 1000) / (performance.now() - startMs)
    await copy.close()
    return { bytesPerSecond }
  },
})

/** Writes and syncs batches until there are `bytes`. @returns the file */
function fill(directory: string, bytes: number, valueBytes: number, batchRecords: number): string {
  const path = join(directory, 'filled.log')
  const batches = makeBatches(64 * 2 ** 20, valueBytes, batchRecords)
  const whole = Buffer.concat(batches)
  const file = openSync(path, 'w')
  for (let written = 0; written < bytes; written += whole.length) writeSync(file, whole)
  fdatasyncSync(file)
  closeSync(file)
  return path
}

/**
 * @param take gets the whole batches of each piece
 * @returns bytes per second
 */
async function readAndCheck(
  path: string,
  memory: () => Buffer,
  take?: (whole: Buffer) => Promise<void>,
): Promise<number> {
  const file = await open(path, 'r')
  const startMs = performance.now()
  let position = 0
  for (;;) {
    const chunk = memory()
    const { bytesRead } = await file.read(chunk, 0, chunk.length, position)
    if (bytesRead === 0) break
    let at = 0
    while (at < bytesRead) {
      const size = batchSizeAt(chunk, at)
      if (size === undefined || at + size > bytesRead) break
      if (!isWhole(chunk, at, at + size)) throw new Error('a batch is not whole')
      at += size
    }
    if (at === 0) throw new Error('a batch is cut off')
    await take?.(chunk.subarray(0, at))
    position += at
  }
  const rate = (position * 1000) / (performance.now() - startMs)
  await file.close()
  return rate
}
