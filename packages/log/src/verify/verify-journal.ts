import type { Disk, DiskFile } from '../disk.ts'
import { JOURNAL_FILE_NAME, type JournaledBatches, SPARE_FILE } from '../journal.ts'
import { type JournaledBatch, readJournalHeader, scanJournal } from '../journal-file.ts'
import { findingOf, type Report } from './finding.ts'

/**
 * Reads the journal in `directory` as the next start will, and changes nothing. Only the last file may end torn.
 * @returns what it has for each partition
 */
export async function verifyJournal(disk: Disk, directory: string, report: Report): Promise<JournaledBatches> {
  const batches = new Map<string, JournaledBatch[]>()
  const names = await disk.list(directory)
  for (const name of names) {
    if (!JOURNAL_FILE_NAME.test(name) && name !== SPARE_FILE) {
      await report(findingOf('leftover-file', `${directory}/${name}`, 'it is no journal file'))
    }
  }
  const paths = names.filter((name) => JOURNAL_FILE_NAME.test(name)).map((name) => `${directory}/${name}`)
  const headers = await Promise.all(paths.map((path) => withFile(disk, path, readJournalHeader)))
  for (const [index, path] of paths.entries()) {
    const isLast = index === paths.length - 1
    const header = headers[index]
    if (header === undefined) {
      const kind = isLast ? 'torn-journal' : 'journal-corrupt'
      await report(findingOf(kind, path, 'its header is not whole, so that nothing in it counts', 0))
      continue
    }
    await withFile(disk, path, async (file) => {
      const end = Math.min(await file.size(), headers[index + 1]?.previousEnd ?? Number.POSITIVE_INFINITY)
      const reached = await scanJournal(file, path, { end, salt: header.salt }, (key, batch) => {
        const known = batches.get(key)
        if (known === undefined) batches.set(key, [batch])
        else known.push(batch)
      })
      if (reached === end) return
      const kind = isLast ? 'torn-journal' : 'journal-corrupt'
      await report(findingOf(kind, path, `the ${end - reached} bytes up to byte ${end} are no whole entry`, reached))
    })
  }
  return batches
}

async function withFile<T>(disk: Disk, path: string, work: (file: DiskFile) => Promise<T>): Promise<T> {
  const file = await disk.open(path, { readOnly: true })
  try {
    return await work(file)
  } finally {
    await file.close()
  }
}
