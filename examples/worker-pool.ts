/**
 * A pool of workers: each job is done at least once, what fails is tried again, what goes on failing is put aside.
 *
 * A job is the path of a file, the work is its checksum. Start it as often as you like; the workers share the jobs:
 *
 *     npx millrace topic create jobs --partitions 8
 *     npx millrace topic create jobs-failed
 *     npx node examples/worker-pool.ts
 *     printf '%s\n' README.md no-such-file LICENSE | npx millrace produce jobs
 *     npx millrace consume jobs-failed --format json
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Millrace } from '@millrace/client'

const mr = new Millrace({ url: process.env.MILLRACE_URL ?? 'http://127.0.0.1:7070' })

const worker = mr.consumer({
  group: 'checksums',
  topics: ['jobs'],
  // A worker that is silent for so long is gone, and its jobs go to the others.
  sessionTimeoutMs: 10_000,
  onFailure: { attempts: 3, initialMs: 200, finally: { deadLetterTopic: 'jobs-failed' } },
})

// Ends what it has begun, commits, and leaves, so that the others go on at once. A second Ctrl-C ends it the hard way.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => worker.close())

await worker.run(
  async (job, { signal, attempt }) => {
    const path = job.text() ?? ''
    console.log(`${job.partition}/${job.offset} ${path}, attempt ${attempt}`)
    // A worker that was killed had jobs in hands, which are done again: what it does must bear that.
    // The signal aborts when the job is another worker's already, for example after this machine was asleep.
    const checksum = createHash('sha256').update(await readFile(path, { signal }))
    console.log(`${checksum.digest('hex')}  ${path}`)
  },
  // Eight jobs at once in each worker; those with the same key one after the other.
  { concurrency: 8 },
)
await mr.close()
