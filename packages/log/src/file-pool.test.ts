import { seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { diskWith, fileWith, turns } from '../test/log-harness.ts'
import type { Disk, DiskFile } from './disk.ts'
import { FilePool } from './file-pool.ts'
import { memoryDisk } from './memory-disk.ts'

/** A memory disk that counts handles; a handle that was closed refuses every call. */
class CountingDisk {
  readonly disk: Disk
  opens = 0
  closes = 0
  /** Paths whose opening fails. */
  readonly broken = new Set<string>()
  /** The most handles that were open at one moment. */
  most = 0

  constructor() {
    const inner = memoryDisk()
    const open: Disk['open'] = async (path, options) => {
      if (this.broken.has(path)) throw Object.assign(new Error(`EIO: ${path}`), { code: 'EIO' })
      return this.handle(await inner.open(path, options))
    }
    this.disk = diskWith(inner, { open })
  }

  get openHandles(): number {
    return this.opens - this.closes
  }

  /** Files `/0` to `/<count - 1>`, each with its number in it. */
  async makeFiles(count: number): Promise<void> {
    for (let number = 0; number < count; number++) {
      const file = await this.disk.open(`/${number}`, { create: true })
      await file.writev([Buffer.of(number)], 0)
      await file.close()
    }
    this.opens = 0
    this.closes = 0
    this.most = 0
  }

  private handle(file: DiskFile): DiskFile {
    this.opens++
    this.most = Math.max(this.most, this.openHandles)
    let closed = false
    return fileWith(file, {
      read: async (buffer, position) => {
        if (closed) throw new Error('the file was closed')
        return file.read(buffer, position)
      },
      close: async () => {
        closed = true
        this.closes++
      },
    })
  }
}

const read = async (file: DiskFile): Promise<number> => {
  const byte = Buffer.alloc(1)
  await file.read(byte, 0)
  return byte[0] as number
}

async function bench(files: number, maxOpen: number) {
  const counting = new CountingDisk()
  await counting.makeFiles(files)
  return { counting, pool: new FilePool(counting.disk, maxOpen) }
}

/** A use of the file that lasts until `end` is called. */
function hold(pool: FilePool, path: string) {
  const { promise, resolve } = Promise.withResolvers<void>()
  let started = false
  const used = pool.use(path, async (file) => {
    started = true
    await promise
    return read(file)
  })
  return { used, end: resolve, started: () => started }
}

describe('the pool of open files', () => {
  test('opens a file once, also for several at once', async () => {
    const { counting, pool } = await bench(1, 4)
    expect(await Promise.all([pool.use('/0', read), pool.use('/0', read)])).toEqual([0, 0])
    expect(await pool.use('/0', read)).toBe(0)
    expect([counting.opens, counting.closes]).toEqual([1, 0])
  })

  test('keeps to its bound and closes the file that was idle longest', async () => {
    const { counting, pool } = await bench(3, 2)
    for (const path of ['/0', '/1', '/0', '/2']) await pool.use(path, read)
    await turns(1)
    expect([pool.openFiles, counting.openHandles]).toEqual([2, 2])
    await pool.use('/0', read)
    expect(counting.opens).toBe(3)
    await pool.use('/1', read)
    expect(counting.opens).toBe(4)
  })

  test('closes no file that is in use; past the bound there are only such', async () => {
    const { counting, pool } = await bench(4, 2)
    const held = [0, 1, 2, 3].map((number) => hold(pool, `/${number}`))
    await turns(1)
    expect(counting.openHandles).toBe(4)
    for (const { end } of held) end()
    expect(await Promise.all(held.map(({ used }) => used))).toEqual([0, 1, 2, 3])
    await turns(1)
    expect([pool.openFiles, counting.openHandles]).toEqual([2, 2])
  })

  test('forgets a file in use at once, and closes it after its use', async () => {
    const { counting, pool } = await bench(1, 2)
    const held = hold(pool, '/0')
    await turns(1)
    await pool.drop('/0')
    expect([pool.openFiles, counting.closes]).toEqual([0, 0])
    expect(await pool.use('/0', read)).toBe(0)
    expect(counting.opens).toBe(2)
    held.end()
    expect(await held.used).toBe(0)
    expect(counting.closes).toBe(1)
    await pool.dropWhere(() => true)
    expect(counting.openHandles).toBe(0)
  })

  test('forgets a file that is just being opened, and closes it after its use', async () => {
    const { counting, pool } = await bench(1, 2)
    const used = pool.use('/0', read)
    await pool.dropWhere(() => true)
    expect(await used).toBe(0)
    expect(counting.openHandles).toBe(0)
  })

  test('drops only what it is told to', async () => {
    const { counting, pool } = await bench(3, 3)
    for (const path of ['/0', '/1', '/2']) await pool.use(path, read)
    await pool.drop('/1')
    expect([pool.openFiles, counting.openHandles]).toEqual([2, 2])
    await pool.drop('/1')
    await pool.dropWhere((path) => path !== '/2')
    expect([pool.openFiles, counting.openHandles]).toEqual([1, 1])
    expect(await pool.use('/2', read)).toBe(2)
    expect(counting.opens).toBe(3)
  })

  test('tells everybody who waits that a file does not open, and tries anew the next time', async () => {
    const { counting, pool } = await bench(1, 1)
    counting.broken.add('/0')
    const used = await Promise.allSettled([pool.use('/0', read), pool.use('/0', read)])
    expect(used.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(pool.openFiles).toBe(0)
    counting.broken.clear()
    expect(await pool.use('/0', read)).toBe(0)
    expect(counting.openHandles).toBe(1)
  })

  test('gives a file back when its use fails', async () => {
    const { counting, pool } = await bench(2, 1)
    await expect(pool.use('/0', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await pool.use('/1', read)
    await turns(1)
    expect(counting.openHandles).toBe(1)
  })

  test('does not mind a file that fails to close', async () => {
    const disk = memoryDisk()
    for (const path of ['/0', '/1']) await disk.open(path, { create: true })
    const close = () => Promise.reject(new Error('EIO'))
    const open: Disk['open'] = async (path) => fileWith(await disk.open(path), { close })
    const failing = diskWith(disk, { open })
    const pool = new FilePool(failing, 1)
    await pool.use('/0', read)
    await pool.use('/1', read)
    await turns(1)
    expect(pool.openFiles).toBe(1)
  })

  test('leaks nothing and gives out no closed file, whatever is used and dropped', async () => {
    const random = seededRandom(11)
    const { counting, pool } = await bench(8, 3)
    const running: Promise<unknown>[] = []
    for (let step = 0; step < 2_000; step++) {
      const number = random.int(0, 7)
      const path = `/${number}`
      if (random.bool(0.05)) counting.broken.add(path)
      if (random.bool(0.1)) counting.broken.clear()
      if (random.bool(0.1)) await pool.drop(path)
      else {
        const pause = random.int(0, 3)
        const used = pool.use(path, async (file) => {
          await turns(pause)
          expect(await read(file)).toBe(number)
        })
        running.push(used.catch((error: unknown) => expect((error as { code?: string }).code).toBe('EIO')))
      }
      if (random.bool(0.3)) await turns(1)
    }
    await Promise.all(running)
    await turns(1)
    expect(counting.openHandles).toBe(pool.openFiles)
    expect(pool.openFiles).toBeLessThanOrEqual(3)
    await pool.dropWhere(() => true)
    expect(counting.openHandles).toBe(0)
  })
})
