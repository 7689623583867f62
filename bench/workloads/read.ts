import type { Connect } from '../harness/client.ts'
import type { Progress, ReadTask, TaskFigures } from '../harness/tasks.ts'
import { ReadCheck } from '../harness/values.ts'

/** Reads a topic from its beginning to the end that is known, pass after pass. */
export async function read(connect: Connect, url: string, task: ReadTask, progress: Progress): Promise<TaskFigures> {
  const { topic, by, records } = task
  const client = await connect(url)
  const pass = async (compare: boolean): Promise<void> => {
    const check = new ReadCheck(task.batchRecords, task.valueBytes)
    let count = 0
    await client.read(topic, {
      by,
      takeRecord(value) {
        if (compare) check.addAndCompare(value)
        else check.add(value)
        if ((check.count & 0xffff) === 0) progress(check.count / records)
        return check.count >= records
      },
      takeBatch(batchRecords) {
        count += batchRecords
        progress(count / records)
        return count >= records
      },
    })
    if (by === 'record') check.finish(records)
    else if (count !== records) throw new Error(`${count} of ${records} records were read`)
  }
  let passes = 0
  if (task.warmup) {
    await pass(true)
    passes++
  }
  const startMs = performance.now()
  let counted = 0
  let passedMs = 0
  do {
    await pass(false)
    passes++
    counted += records
    passedMs = performance.now() - startMs
  } while (passedMs < task.ms)
  await client.close()
  return { records: passes * records, recordsPerSecond: (counted * 1000) / passedMs }
}
