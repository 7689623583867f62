import { CrashDisk, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { IDENTITY, turns, valuesBatch } from '../test/log-harness.ts'
import { type Disk, readFile } from './disk.ts'
import { JOURNAL_FILE_NAME, Journal, type JournalEntry } from './journal.ts'
import { encodeIdentity, identityKey } from './journal-entry.ts'
import { memoryDisk } from './memory-disk.ts'

const DIRECTORY = '/journal'
const OPTIONS = { maxFileBytes: 400 } as const

function entryOf(offset: number, value: string): JournalEntry {
  const batch = valuesBatch([value])
  batch.stamp(offset, 0)
  return { identity: encodeIdentity(IDENTITY), batches: [batch] }
}

/** Opens the journal; with the value of each batch that it found, in order. */
async function opened(disk: Disk) {
  const { journal, batches } = await Journal.open(disk, DIRECTORY, OPTIONS)
  const values: string[] = []
  for (const { path, position, sizeBytes } of batches.get(identityKey(IDENTITY)) ?? []) {
    const batch = ((await readFile(disk, path)) as Buffer).subarray(position, position + sizeBytes)
    values.push(batch.toString('latin1', batch.length - 2, batch.length - 1))
  }
  return { journal, values }
}

/** Appends batches with the letters of `values`, and rotates as often as a file is full. */
async function fill(journal: Journal, values: string): Promise<number> {
  let number = 0
  for (const [offset, value] of [...values].entries()) {
    await journal.append([entryOf(offset, value)])
    if (!journal.hasRoom) number = await journal.rotate()
  }
  return number
}

async function journalFiles(disk: Disk): Promise<string[]> {
  return (await disk.list(DIRECTORY)).filter((name) => JOURNAL_FILE_NAME.test(name))
}

describe('the journal', () => {
  test('has what was appended when it is opened again, over all its files', async () => {
    const disk = memoryDisk()
    await fill((await opened(disk)).journal, 'abcdefgh')
    expect((await disk.list(DIRECTORY)).length).toBeGreaterThan(1)
    expect((await opened(disk)).values).toEqual([...'abcdefgh'])
  })

  test('uses a file again, and takes nothing in it for new that an earlier use left', async () => {
    for (let last = 0; last < 8; last++) {
      const disk = memoryDisk()
      const { journal } = await opened(disk)
      const number = await fill(journal, 'abcdefgh')
      await journal.removeBefore(number)
      const files = (await disk.list(DIRECTORY)).length
      const again = 'ijklmnop'.slice(0, last + 1)
      await fill(journal, again)
      expect((await disk.list(DIRECTORY)).length).toBeLessThanOrEqual(files + 1)
      const { values } = await opened(disk)
      expect(values.join('')).toMatch(new RegExp(`^[a-h]*${again}$`))
      expect(values).not.toContain('a')
    }
  })

  test('keeps the files of the last life until all is cleared, though a checkpoint comes before', async () => {
    const disk = memoryDisk()
    await fill((await opened(disk)).journal, 'abcdefgh')
    const found = await disk.list(DIRECTORY)
    const { journal } = await opened(disk)
    const number = await fill(journal, 'ijklmnop')
    const before = await journalFiles(disk)
    await journal.removeBefore(number)
    const after = await journalFiles(disk)
    expect(after.length).toBeLessThan(before.length)
    expect(after.slice(0, found.length)).toEqual(found)
    expect((await opened(disk)).values.slice(0, 8)).toEqual([...'abcdefgh'])
    await journal.clear()
    expect(await disk.list(DIRECTORY)).toEqual([])
  })
})

describe('a journal of which a sync failed', () => {
  /** `a` is in it, `x` failed, and then `b` got the offset of `x`. */
  async function mended(disk: CrashDisk): Promise<Journal> {
    const { journal } = await opened(disk.mount())
    await journal.append([entryOf(0, 'a')])
    disk.failNext({ operation: 'datasync', path: '.journal', code: 'EIO' })
    await expect(journal.append([entryOf(1, 'x')])).rejects.toThrow('EIO')
    expect(journal.isWhole).toBe(false)
    await journal.mend()
    expect(journal.isWhole).toBe(true)
    await journal.append([entryOf(1, 'b')])
    return journal
  }

  test('does not give back what failed', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const disk = new CrashDisk(seededRandom(seed))
      await disk.makeDirectory(DIRECTORY)
      await disk.syncDirectory('/')
      await mended(disk)
      if (seed % 2 === 0) disk.crash()
      else disk.kill()
      expect((await opened(disk.mount())).values, `seed ${seed}`).toEqual(['a', 'b'])
    }
  })

  test('does not give it back either when a crash comes between the removal of two files', async () => {
    let left = 0
    for (let seed = 1; seed <= 300; seed++) {
      const disk = new CrashDisk(seededRandom(seed))
      await disk.makeDirectory(DIRECTORY)
      await disk.syncDirectory('/')
      const journal = await mended(disk)
      journal.clear().catch(() => {})
      await turns(seed % 8)
      disk.crash()
      const { values } = await opened(disk.mount())
      expect(values, `seed ${seed}`).not.toContain('x')
      left += values.length
    }
    expect(left).toBeGreaterThan(0)
  })
})
