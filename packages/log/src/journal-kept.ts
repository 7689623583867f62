/*
 * What the journal has of a partition that could not be opened outlives the journal in a file beside it,
 * `<topic id>-<partition>.kept`: a journal file with entries of that partition alone.
 */

import { RecordBatch } from '@millrace/record'
import { type Disk, replaceFile } from './disk.ts'
import type { JournaledBatches } from './journal.ts'
import { ENTRY_HEADER_BYTES, identityAt, writeEntryHeader } from './journal-entry.ts'
import { encodeJournalHeader, type JournaledBatch, readJournalHeader, scanJournal } from './journal-file.ts'

const KEPT_FILE_NAME = /^([0-9a-f]{32})-(\d+)\.kept$/
const HEADER = { previousEnd: -1, salt: 0 }

/** The batches of `journaled`, with those before them that files in the journal's directory keep. */
export async function withKeptBatches(
  disk: Disk,
  directory: string,
  journaled: JournaledBatches,
): Promise<JournaledBatches> {
  const batches = new Map(journaled)
  for (const name of await disk.list(directory)) {
    const key = keyOf(name)
    if (key === undefined) continue
    const path = `${directory}/${name}`
    const kept: JournaledBatch[] = []
    const file = await disk.open(path)
    try {
      if ((await readJournalHeader(file)) === undefined) continue
      await scanJournal(file, path, { end: await file.size(), salt: HEADER.salt }, (found, batch) => {
        if (found === key) kept.push(batch)
      })
    } finally {
      await file.close()
    }
    batches.set(key, [...kept, ...(batches.get(key) ?? [])])
  }
  return batches
}

/**
 * Keeps those batches of `journaled` whose partitions (`identityKey`) are in `keys`, for the next start, and no others.
 * When it returns, that outlives a crash.
 */
export async function keepBatches(
  disk: Disk,
  directory: string,
  journaled: JournaledBatches,
  keys: ReadonlySet<string>,
): Promise<void> {
  for (const key of keys) {
    const entries: Buffer[] = [encodeJournalHeader(HEADER)]
    for (const { path, position, sizeBytes } of journaled.get(key) ?? []) {
      const entry = Buffer.allocUnsafeSlow(ENTRY_HEADER_BYTES + sizeBytes)
      const file = await disk.open(path)
      try {
        await file.read(entry, position - ENTRY_HEADER_BYTES)
      } finally {
        await file.close()
      }
      writeEntryHeader(entry, 0, identityAt(entry, 0), RecordBatch.at(entry, ENTRY_HEADER_BYTES), HEADER.salt)
      entries.push(entry)
    }
    if (entries.length > 1)
      await replaceFile(disk, `${directory}/${key.replace('/', '-')}.kept`, Buffer.concat(entries))
  }
  const names = await disk.list(directory)
  const settled = names.filter((name) => {
    const key = keyOf(name)
    return key !== undefined && !keys.has(key)
  })
  for (const name of settled) await disk.remove(`${directory}/${name}`)
  if (settled.length > 0) await disk.syncDirectory(directory)
}

function keyOf(name: string): string | undefined {
  const [, topicId, partition] = KEPT_FILE_NAME.exec(name) ?? []
  return topicId === undefined ? undefined : `${topicId}/${partition}`
}
