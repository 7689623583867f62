import type { Disk, DiskFile } from '../disk.ts'
import { JOURNAL_FILE_NAME, type JournaledBatches, WHOLE_FILE } from '../journal.ts'
import { JOURNAL_HEADER_BYTES, type JournaledBatch, readPreviousEnd, scanJournal } from '../journal-file.ts'
import { findingOf, type Report } from './finding.ts'

/**
 * Reads the journal in `directory` as the next start will, and changes nothing. Only the last file may end torn.
 * @returns what it has for each partition
 */
export async function verifyJournal(disk: Disk, directory: string, report: Report): Promise<JournaledBatches> {
  const batches = new Map<string, JournaledBatch[]>()
  const names = await disk.list(directory)
  for (const name of names) {
    if (!JOURNAL_FILE_NAME.test(name)) {
      await report(findingOf('leftover-file', `${directory}/${name}`, 'it is no journal file'))
    }
  }
  const paths = names.filter((name) => JOURNAL_FILE_NAME.test(name)).map((name) => `${directory}/${name}`)
  const previousEnds = await Promise.all(paths.map((path) => withFile(disk, path, readPreviousEnd)))
  for (const [index, path] of paths.entries()) {
    const isLast = index === paths.length - 1
    if (previousEnds[index] === undefined) {
      const kind = isLast ? 'torn-journal' : 'journal-corrupt'
      await report(findingOf(kind, path, 'its header is not whole, so that nothing in it counts', 0))
      continue
    }
    const saidEnd = previousEnds[index + 1] ?? WHOLE_FILE
    await withFile(disk, path, async (file) => {
      const end = saidEnd === WHOLE_FILE ? await file.size() : saidEnd
      const reached = await collect(file, path, end, batches)
      if (reached === end) return
      const kind = isLast ? 'torn-journal' : 'journal-corrupt'
      await report(findingOf(kind, path, `the ${end - reached} bytes up to byte ${end} are no whole entry`, reached))
    })
  }
  return batches
}

/** @returns where the entries end that are whole */
async function collect(
  file: DiskFile,
  path: string,
  end: number,
  batches: Map<string, JournaledBatch[]>,
): Promise<number> {
  let reached = JOURNAL_HEADER_BYTES
  await scanJournal(file, path, end, (key, batch) => {
    const known = batches.get(key)
    if (known === undefined) batches.set(key, [batch])
    else known.push(batch)
    reached = batch.position + batch.sizeBytes
  })
  return reached
}

async function withFile<T>(disk: Disk, path: string, work: (file: DiskFile) => Promise<T>): Promise<T> {
  const file = await disk.open(path, { readOnly: true })
  try {
    return await work(file)
  } finally {
    await file.close()
  }
}
