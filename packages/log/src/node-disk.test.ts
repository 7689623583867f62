import fs from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { readFile } from './disk.ts'
import { nodeDisk } from './node-disk.ts'

type Done = (error: NodeJS.ErrnoException | null, bytes?: number) => void

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-node-disk-'))
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(root, { recursive: true, force: true })
})

/** Lets the system write at most `maxBytes` with each call; counts the calls that wait and those that do not. */
function writeAtMost(maxBytes: number) {
  const { write, writeSync } = fs
  const part = (list: readonly Buffer[]): Buffer => Buffer.concat(list).subarray(0, maxBytes)
  const calls = { waiting: 0, direct: 0 }
  vi.spyOn(fs, 'writev').mockImplementation(((fd: number, list: Buffer[], at: number, done: Done) => {
    calls.waiting++
    const bytes = part(list)
    write(fd, bytes, 0, bytes.length, at, done)
  }) as typeof fs.writev)
  vi.spyOn(fs, 'writevSync').mockImplementation(((fd: number, list: Buffer[], at: number) => {
    calls.direct++
    const bytes = part(list)
    return writeSync(fd, bytes, 0, bytes.length, at)
  }) as typeof fs.writevSync)
  return calls
}

/** Makes both ways of writing fail. */
function failWrites(error: Error) {
  vi.spyOn(fs, 'writev').mockImplementation(((_fd: number, _list: Buffer[], _at: number, done: Done) =>
    done(error)) as typeof fs.writev)
  vi.spyOn(fs, 'writevSync').mockImplementation(() => {
    throw error
  })
}

const LARGE = 20_000

describe('files of the machine', () => {
  test.each([1, 2, 3, 4, 7, 100])('a write that the system does in parts of %i bytes arrives whole', async (part) => {
    const calls = writeAtMost(part)
    const file = await nodeDisk().open(`${root}/f`, { create: true })
    await file.writev([Buffer.from('abc'), Buffer.alloc(0), Buffer.from('defg'), Buffer.from('h')], 2)
    await file.close()
    expect((await readFile(nodeDisk(), `${root}/f`))?.toString()).toBe('\0\0abcdefgh')
    expect(calls).toEqual({ waiting: 0, direct: Math.ceil(8 / part) })
  })

  test.each([1_000, 7_000, 19_999, LARGE])('a large one in parts of %i bytes does, too', async (part) => {
    const calls = writeAtMost(part)
    const file = await nodeDisk().open(`${root}/f`, { create: true })
    const buffers = [Buffer.alloc(LARGE / 4, 'a'), Buffer.alloc(LARGE / 2, 'b'), Buffer.alloc(LARGE / 4, 'c')]
    await file.writev(buffers, 0)
    await file.close()
    expect(await readFile(nodeDisk(), `${root}/f`)).toEqual(Buffer.concat(buffers))
    expect(calls.waiting).toBeGreaterThan(0)
    expect(calls.waiting + calls.direct).toBe(Math.ceil(LARGE / part))
  })

  test.each([3, LARGE])(
    'a write of %i bytes of which the system takes nothing fails and does not go on',
    async (size) => {
      writeAtMost(0)
      const file = await nodeDisk().open(`${root}/f`, { create: true })
      await expect(file.writev([Buffer.alloc(size)], 0)).rejects.toThrow('wrote nothing')
      await file.close()
    },
  )

  test.each([1, 2, 5])('a read that the system does in parts of %i bytes fills the buffer', async (part) => {
    const file = await nodeDisk().open(`${root}/f`, { create: true })
    await file.writev([Buffer.from('abcdefgh')], 0)
    const { read } = fs
    vi.spyOn(fs, 'read').mockImplementation(((...call: [number, Buffer, number, number, number, Done]) => {
      const [fd, buffer, into, length, at, done] = call
      read(fd, buffer, into, Math.min(length, part), at, done)
    }) as typeof fs.read)
    const buffer = Buffer.alloc(10, '.')
    expect(await file.read(buffer, 1)).toBe(7)
    expect(buffer.toString()).toBe('bcdefgh...')
    await file.close()
  })

  test('errors of the system keep their codes', async () => {
    const file = await nodeDisk().open(`${root}/f`, { create: true })
    const full = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
    failWrites(full)
    await expect(file.writev([Buffer.from('abc')], 0)).rejects.toBe(full)
    await expect(file.writev([Buffer.alloc(LARGE)], 0)).rejects.toBe(full)
    await file.close()
    await expect(file.datasync()).rejects.toMatchObject({ code: 'EBADF' })
    await expect(nodeDisk().open(`${root}/f/below`)).rejects.toMatchObject({ code: 'ENOTDIR' })
    expect(await readFile(nodeDisk(), `${root}/f/below`)).toBeUndefined()
  })
})
