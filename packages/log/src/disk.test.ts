/*
 * What the log needs of a file system, held against every Disk.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MillraceError } from '@millrace/record'
import { CrashDisk, seededRandom } from '@millrace/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Disk, parentOf, readFile, replaceFile, storageError, writeNewFile } from './disk.ts'
import { memoryDisk } from './memory-disk.ts'
import { nodeDisk } from './node-disk.ts'

interface Subject {
  readonly disk: Disk
  /** A directory that exists and is empty. */
  readonly root: string
  dispose(): Promise<void>
}

const none = async (): Promise<void> => {}
const DISKS: readonly [name: string, make: () => Promise<Subject>][] = [
  [
    'nodeDisk',
    async () => {
      const root = await mkdtemp(join(tmpdir(), 'millrace-disk-'))
      return { disk: nodeDisk(), root, dispose: () => rm(root, { recursive: true, force: true }) }
    },
  ],
  [
    'memoryDisk',
    async () => {
      const disk = memoryDisk()
      await disk.makeDirectory('/root')
      return { disk, root: '/root', dispose: none }
    },
  ],
  [
    'CrashDisk',
    async () => {
      const disk = new CrashDisk(seededRandom(1))
      await disk.makeDirectory('/root')
      return { disk, root: '/root', dispose: none }
    },
  ],
]

/** The system's code of the error that `work` fails with. */
async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => 'it did not fail',
    (error: NodeJS.ErrnoException) => error.code,
  )
}

describe.each(DISKS)('%s', (_, make) => {
  let subject: Subject
  let disk: Disk
  let root: string

  beforeEach(async () => {
    subject = await make()
    disk = subject.disk
    root = subject.root
  })
  afterEach(() => subject.dispose())

  /** Makes a file that holds `text`. */
  async function makeFile(path: string, text: string): Promise<void> {
    await writeNewFile(disk, path, Buffer.from(text))
  }
  const text = async (path: string): Promise<string | undefined> => (await readFile(disk, path))?.toString()

  test('a new file is empty, is there, and is not made twice', async () => {
    const file = await disk.open(`${root}/f`, { create: true })
    expect(await file.size()).toBe(0)
    await file.close()
    expect(await codeOf(disk.open(`${root}/f`, { create: true }))).toBe('EEXIST')
    expect(await disk.list(root)).toEqual(['f'])
  })

  test('a file that is not there does not open, nor one in a directory that is not', async () => {
    expect(await codeOf(disk.open(`${root}/f`))).toBe('ENOENT')
    expect(await codeOf(disk.open(`${root}/d/f`))).toBe('ENOENT')
    expect(await codeOf(disk.open(`${root}/d/f`, { create: true }))).toBe('ENOENT')
    expect(await readFile(disk, `${root}/d/f`)).toBeUndefined()
  })

  test('writes go where they are told, one buffer after another', async () => {
    const file = await disk.open(`${root}/f`, { create: true })
    await file.writev([Buffer.from('abc'), Buffer.alloc(0), Buffer.from('def')], 0)
    await file.writev([Buffer.from('XY')], 2)
    await file.writev([], 0)
    await file.writev([Buffer.from('!')], 8)
    await file.close()
    expect(await text(`${root}/f`)).toBe('abXYef\0\0!')
  })

  test('a write of more buffers than the system takes at once arrives whole', async () => {
    const file = await disk.open(`${root}/f`, { create: true })
    const buffers = Array.from({ length: 5_000 }, (_, index) => Buffer.from(`${index};`))
    await file.writev(buffers, 0)
    await file.close()
    expect(await text(`${root}/f`)).toBe(Buffer.concat(buffers).toString())
  })

  test('a large write and a large read arrive whole', async () => {
    const bytes = seededRandom(3).bytes(3_000_001)
    const file = await disk.open(`${root}/f`, { create: true })
    await file.writev([bytes.subarray(0, 1_999_999), bytes.subarray(1_999_999)], 0)
    const read = Buffer.alloc(bytes.length)
    expect(await file.read(read, 0)).toBe(bytes.length)
    expect(read.equals(bytes)).toBe(true)
    await file.close()
  })

  test('reads fill the buffer or end with the file', async () => {
    await makeFile(`${root}/f`, 'abcdef')
    const file = await disk.open(`${root}/f`)
    for (const [position, length, expected] of [
      [0, 6, 'abcdef'],
      [2, 3, 'cde'],
      [4, 10, 'ef'],
      [6, 4, ''],
      [1_000_000, 4, ''],
      [3, 0, ''],
    ] as const) {
      const buffer = Buffer.alloc(length, '.')
      const filled = await file.read(buffer, position)
      expect(buffer.toString()).toBe(expected.padEnd(length, '.'))
      expect(filled).toBe(expected.length)
    }
    await file.close()
  })

  test('what is cut off is gone, and zeros when the file grows again', async () => {
    await makeFile(`${root}/f`, 'abcdef')
    const file = await disk.open(`${root}/f`)
    await file.truncate(2)
    expect(await file.size()).toBe(2)
    await file.writev([Buffer.from('x')], 4)
    await file.datasync()
    await file.close()
    expect(await text(`${root}/f`)).toBe('ab\0\0x')
  })

  test('two handles see one file', async () => {
    const writer = await disk.open(`${root}/f`, { create: true })
    const reader = await disk.open(`${root}/f`)
    await writer.writev([Buffer.from('seen')], 0)
    expect(await reader.size()).toBe(4)
    await Promise.all([writer.close(), reader.close()])
  })

  test('a file that was removed or replaced stays readable to who has it open', async () => {
    await makeFile(`${root}/gone`, 'still')
    await makeFile(`${root}/old`, 'older')
    const [gone, old] = [await disk.open(`${root}/gone`), await disk.open(`${root}/old`)]
    await disk.remove(`${root}/gone`)
    await makeFile(`${root}/new`, 'newer')
    await disk.rename(`${root}/new`, `${root}/old`)
    for (const [file, expected] of [
      [gone, 'still'],
      [old, 'older'],
    ] as const) {
      const buffer = Buffer.alloc(5)
      await file.read(buffer, 0)
      expect(buffer.toString()).toBe(expected)
      await file.close()
    }
    expect(await text(`${root}/old`)).toBe('newer')
    expect(await disk.list(root)).toEqual(['old'])
  })

  test('a file with two names is one file, until one of them is given to another', async () => {
    await disk.makeDirectory(`${root}/there`)
    await makeFile(`${root}/a`, 'one')
    const file = await disk.open(`${root}/a`)
    expect(await file.linkCount()).toBe(1)
    await disk.link(`${root}/a`, `${root}/there/b`)
    expect(await file.linkCount()).toBe(2)
    await file.writev([Buffer.from('two')], 0)
    expect(await text(`${root}/there/b`)).toBe('two')
    await makeFile(`${root}/new`, 'three')
    await disk.rename(`${root}/new`, `${root}/a`)
    expect([await text(`${root}/a`), await text(`${root}/there/b`)]).toEqual(['three', 'two'])
    await disk.remove(`${root}/a`)
    expect(await text(`${root}/there/b`)).toBe('two')
    expect(await file.linkCount()).toBe(1)
    await disk.rename(`${root}/there/b`, `${root}/b`)
    await disk.remove(`${root}/b`)
    expect(await file.linkCount()).toBe(0)
    await file.close()
    await makeFile(`${root}/there/b`, 'b')
    await makeFile(`${root}/c`, 'c')
    expect(await codeOf(disk.link(`${root}/c`, `${root}/there/b`))).toBe('EEXIST')
    expect(await codeOf(disk.link(`${root}/no`, `${root}/d`))).toBe('ENOENT')
    expect(await codeOf(disk.link(`${root}/c`, `${root}/no/d`))).toBe('ENOENT')
  })

  test('a directory is made with those above it, and told which was the topmost', async () => {
    expect(await disk.makeDirectory(`${root}/a/b/c`)).toBe(`${root}/a`)
    expect(await disk.makeDirectory(`${root}/a/b/d`)).toBe(`${root}/a/b/d`)
    expect(await disk.makeDirectory(`${root}/a/b/d`)).toBeUndefined()
    expect(await disk.list(`${root}/a/b`)).toEqual(['c', 'd'])
    await disk.syncDirectory(`${root}/a`)
  })

  test('a list has the names of one directory only, sorted', async () => {
    for (const directory of ['b', 'a', 'ab']) await disk.makeDirectory(`${root}/${directory}`)
    for (const path of ['b/x', 'a/y', 'ab/z', 'c']) await makeFile(`${root}/${path}`, path)
    expect(await disk.list(root)).toEqual(['a', 'ab', 'b', 'c'])
    expect(await disk.list(`${root}/a`)).toEqual(['y'])
    expect(await codeOf(disk.list(`${root}/no`))).toBe('ENOENT')
  })

  test('a directory is renamed with all that is in it', async () => {
    await disk.makeDirectory(`${root}/a/b`)
    await makeFile(`${root}/a/b/f`, 'inside')
    await makeFile(`${root}/ab`, 'beside')
    await disk.rename(`${root}/a`, `${root}/c`)
    expect(await disk.list(root)).toEqual(['ab', 'c'])
    expect(await text(`${root}/c/b/f`)).toBe('inside')
    expect(await text(`${root}/a/b/f`)).toBeUndefined()
    expect(await codeOf(disk.rename(`${root}/a`, `${root}/d`))).toBe('ENOENT')
  })

  test('a directory is removed with all that is in it; nothing is no error', async () => {
    await disk.makeDirectory(`${root}/a/b`)
    await makeFile(`${root}/a/b/f`, 'inside')
    await makeFile(`${root}/ab`, 'beside')
    await disk.remove(`${root}/a`)
    await disk.remove(`${root}/a`)
    expect(await disk.list(root)).toEqual(['ab'])
  })

  test('a file is replaced whole, over one that is there and over what an earlier try left', async () => {
    await makeFile(`${root}/f.tmp`, 'half of someth')
    await replaceFile(disk, `${root}/f`, Buffer.from('first'))
    await replaceFile(disk, `${root}/f`, Buffer.from('second'))
    await replaceFile(disk, `${root}/f`, Buffer.alloc(0))
    expect(await text(`${root}/f`)).toBe('')
    expect(await disk.list(root)).toEqual(['f'])
  })

  test('a lock is held by one at a time', async () => {
    const lock = await disk.lock(`${root}/lock`)
    expect(lock).toBeDefined()
    expect(await disk.lock(`${root}/lock`)).toBeUndefined()
    await lock?.release()
    const again = await disk.lock(`${root}/lock`)
    expect(again).toBeDefined()
    await again?.release()
  })

  test('a shared lock and another keep each other out', async () => {
    const lock = await disk.lock(`${root}/lock`)
    expect(await disk.lock(`${root}/lock`, { shared: true })).toBeUndefined()
    await lock?.release()
    const shared = await disk.lock(`${root}/lock`, { shared: true })
    expect(shared).toBeDefined()
    expect(await disk.lock(`${root}/lock`)).toBeUndefined()
    await shared?.release()
    const again = await disk.lock(`${root}/lock`)
    expect(again).toBeDefined()
    await again?.release()
  })
})

describe('an error of a disk', () => {
  test.each([
    ['ENOSPC', 'DISK_FULL'],
    ['EDQUOT', 'DISK_FULL'],
    ['EIO', 'STORAGE_FAILED'],
    ['EROFS', 'STORAGE_FAILED'],
  ])('%s is %s, with its cause', (system, code) => {
    const cause = Object.assign(new Error(`${system}: something`), { code: system })
    const error = storageError(cause, 'writing')
    expect(error.code).toBe(code)
    expect(error.message).toBe(`writing: ${system}: something`)
    expect(error.cause).toBe(cause)
  })

  test('that is a MillraceError stays what it is; what is no error is told', () => {
    const error = new MillraceError('CORRUPT_BATCH', 'rotten')
    expect(storageError(error, 'reading')).toBe(error)
    expect(storageError('odd', 'reading').message).toBe('reading: odd')
  })
})

test('the directory above', () => {
  expect(['/a/b', '/a', '/', 'a'].map(parentOf)).toEqual(['/a', '/', '/', '/'])
})
