import { describe, expect, test } from 'vitest'
import { CrashDisk } from './crash-disk.ts'
import { seededRandom } from './seeded-random.ts'

const SEEDS = Array.from({ length: 200 }, (_, index) => index + 1)

/** A disk with a file `/f` whose name is durable and which holds `synced`, durably. */
async function diskWithFile(seed: number, synced = '') {
  const disk = new CrashDisk(seededRandom(seed))
  const file = await disk.open('/f', { create: true })
  await file.writev([Buffer.from(synced)], 0)
  await file.datasync()
  await disk.syncDirectory('/')
  return { disk, file }
}

const textOf = (disk: CrashDisk, path = '/f'): string => disk.contentOf(path).toString('latin1')

/** What a crash left in each of many simulated worlds. */
async function outcomes(
  world: (seed: number) => Promise<CrashDisk>,
  look: (disk: CrashDisk) => string,
): Promise<Set<string>> {
  const seen = new Set<string>()
  for (const seed of SEEDS) {
    const disk = await world(seed)
    disk.crash()
    seen.add(look(disk))
  }
  return seen
}

describe('a crash', () => {
  test('keeps what was synced, whatever else it takes', async () => {
    const seen = await outcomes(
      async (seed) => {
        const { disk, file } = await diskWithFile(seed, 'kept')
        await file.writev([Buffer.from('more')], 4)
        return disk
      },
      (disk) => textOf(disk).slice(0, 4),
    )
    expect([...seen]).toEqual(['kept'])
  })

  test('keeps an unsynced write, loses it, or tears it', async () => {
    const seen = await outcomes(
      async (seed) => {
        const { disk, file } = await diskWithFile(seed)
        await file.writev([Buffer.from('write')], 0)
        return disk
      },
      (disk) => textOf(disk),
    )
    expect([...seen].every((text) => 'write'.startsWith(text))).toBe(true)
    expect(seen).toContain('')
    expect(seen).toContain('write')
    expect(seen.size).toBeGreaterThan(3)
  })

  test('tears a large write into sectors, of which later ones may arrive without earlier ones', async () => {
    let isHoled = false
    for (const seed of SEEDS) {
      const { disk, file } = await diskWithFile(seed)
      await file.writev([Buffer.alloc(2_048, 1)], 0)
      disk.crash()
      const bytes = disk.contentOf('/f')
      const firstGap = bytes.indexOf(0)
      if (firstGap >= 0 && bytes.indexOf(1, firstGap) >= 0) isHoled = true
    }
    expect(isHoled).toBe(true)
  })

  test('may keep a later write and lose an earlier one', async () => {
    const seen = await outcomes(
      async (seed) => {
        const { disk, file } = await diskWithFile(seed)
        await file.writev([Buffer.from('aa')], 0)
        await file.writev([Buffer.from('bb')], 2)
        return disk
      },
      (disk) => textOf(disk),
    )
    for (const text of ['', 'aa', 'aabb', '\0\0bb']) expect(seen).toContain(text)
  })

  test('may undo a truncation that was not synced, and never one that was', async () => {
    const unsynced = await outcomes(
      async (seed) => {
        const { disk, file } = await diskWithFile(seed, 'abcd')
        await file.truncate(1)
        return disk
      },
      (disk) => textOf(disk),
    )
    expect([...unsynced].sort()).toEqual(['a', 'abcd'])
    const synced = await outcomes(
      async (seed) => {
        const { disk, file } = await diskWithFile(seed, 'abcd')
        await file.truncate(1)
        await file.datasync()
        return disk
      },
      (disk) => textOf(disk),
    )
    expect([...synced]).toEqual(['a'])
  })

  test('may take a new name when its directory was not synced, however synced the file is', async () => {
    const names = async (syncDirectory: boolean) =>
      outcomes(
        async (seed) => {
          const disk = new CrashDisk(seededRandom(seed))
          const file = await disk.open('/f', { create: true })
          await file.writev([Buffer.from('x')], 0)
          await file.datasync()
          if (syncDirectory) await disk.syncDirectory('/')
          return disk
        },
        (disk) => disk.paths().join(),
      )
    expect([...(await names(false))].sort()).toEqual(['/', '/,/f'])
    expect([...(await names(true))]).toEqual(['/,/f'])
  })

  test('gives a name to the file that was renamed, never to one that had its old name before', async () => {
    const seen = await outcomes(
      async (seed) => {
        const { disk } = await diskWithFile(seed, 'old')
        for (const text of ['torn', 'new']) {
          await disk.remove('/tmp')
          const file = await disk.open('/tmp', { create: true })
          await file.writev([Buffer.from(text)], 0)
          await file.datasync()
        }
        await disk.rename('/tmp', '/f')
        return disk
      },
      (disk) => textOf(disk),
    )
    expect([...seen].sort()).toEqual(['new', 'old'])
  })

  test('may undo a removal and a renaming, each on its own, until their directory is synced', async () => {
    const change = async (seed: number): Promise<CrashDisk> => {
      const { disk } = await diskWithFile(seed, 'x')
      await (await disk.open('/g', { create: true })).close()
      await disk.syncDirectory('/')
      await disk.rename('/f', '/h')
      await disk.remove('/g')
      return disk
    }
    const seen = await outcomes(change, (disk) => disk.paths().join())
    expect([...seen].sort()).toEqual(['/,/f', '/,/f,/g', '/,/g,/h', '/,/h'])
    const synced = await outcomes(
      async (seed) => {
        const disk = await change(seed)
        await disk.syncDirectory('/')
        return disk
      },
      (disk) => disk.paths().join(),
    )
    expect([...synced]).toEqual(['/,/h'])
  })

  test('leaves what was synced in a new directory, while the old one of its name is still on its way out', async () => {
    const seen = await outcomes(
      async (seed) => {
        const disk = new CrashDisk(seededRandom(seed))
        const make = async (name: string): Promise<void> => {
          await disk.makeDirectory('/d')
          await (await disk.open(`/d/${name}`, { create: true })).close()
          await disk.syncDirectory('/d')
        }
        await make('old')
        await disk.syncDirectory('/')
        await disk.rename('/d', '/e')
        await make('new')
        await disk.syncDirectory('/')
        return disk
      },
      (disk) => disk.paths().join(),
    )
    expect([...seen]).toEqual(['/,/d,/d/new,/e,/e/old'])
  })

  test('takes what lies in a directory whose own name it took', async () => {
    const seen = await outcomes(
      async (seed) => {
        const disk = new CrashDisk(seededRandom(seed))
        await disk.makeDirectory('/d')
        await (await disk.open('/d/f', { create: true })).close()
        await disk.syncDirectory('/d')
        return disk
      },
      (disk) => disk.paths().join(),
    )
    expect([...seen].sort()).toEqual(['/', '/,/d,/d/f'])
  })

  test('ends the program: its files fail, and its locks are free', async () => {
    const { disk, file } = await diskWithFile(1, 'x')
    await disk.lock('/lock')
    const late = file.writev([Buffer.from('late')], 0)
    disk.crash()
    await expect(late).rejects.toMatchObject({ code: 'EIO' })
    for (const call of [file.datasync(), file.truncate(0), file.size(), file.read(Buffer.alloc(1), 0)]) {
      await expect(call).rejects.toMatchObject({ code: 'EIO' })
    }
    expect(textOf(disk)).toBe('x')
    expect(await disk.lock('/lock')).toBeDefined()
  })

  test('happens in the same way for the same seed', async () => {
    const run = async (seed: number): Promise<string> => {
      const { disk, file } = await diskWithFile(seed)
      for (let at = 0; at < 4_096; at += 100) await file.writev([Buffer.alloc(100, at / 100)], at)
      disk.crash()
      return disk.contentOf('/f').toString('base64')
    }
    expect(await run(5)).toBe(await run(5))
    expect(await run(5)).not.toBe(await run(6))
  })

  test('counts what became of writes', async () => {
    const { disk, file } = await diskWithFile(1)
    for (let count = 0; count < 100; count++) await file.writev([Buffer.from('x')], count)
    disk.crash()
    const { kept, lost, torn, reordered } = disk.counts
    expect(kept + lost + torn).toBe(100)
    expect(reordered).toBeGreaterThan(0)
    expect(reordered).toBeLessThanOrEqual(kept + torn)
  })
})

describe('a process that dies', () => {
  test('leaves all that it wrote, and its locks', async () => {
    const { disk, file } = await diskWithFile(1)
    await file.writev([Buffer.from('written')], 0)
    await (await disk.open('/g', { create: true })).close()
    const lock = await disk.lock('/lock')
    disk.kill()
    expect(textOf(disk)).toBe('written')
    expect(disk.paths()).toContain('/g')
    await expect(file.size()).rejects.toMatchObject({ code: 'EIO' })
    expect(await disk.lock('/lock')).toBeDefined()
    // The dead program's lock is not the new one's to lose.
    await lock?.release()
    expect(await disk.lock('/lock')).toBeUndefined()
  })
})

describe('a program that is dead and forgotten', () => {
  test('does not go on: its calls neither succeed nor fail', async () => {
    const disk = new CrashDisk(seededRandom(1))
    const calls: string[] = []
    disk.observer = (operation, path, fault) => calls.push(`${operation} ${path} ${fault ?? 'succeeds'}`)
    const mounted = disk.mount({ deadCalls: 'hang' })
    const file = await mounted.open('/f', { create: true })
    disk.failNext({ operation: 'write', code: 'EIO' })
    await expect(file.writev([Buffer.from('a')], 0)).rejects.toMatchObject({ code: 'EIO' })
    disk.kill()
    let ended = 0
    for (const call of [file.writev([Buffer.from('b')], 0), mounted.list('/')]) {
      const count = (): number => ended++
      call.then(count, count)
    }
    // The next program's call is answered after theirs would have been.
    expect(await disk.mount().list('/')).toEqual(['f'])
    expect(ended).toBe(0)
    expect(calls).toEqual(['create /f succeeds', 'write /f EIO', 'read / succeeds'])
  })
})

describe('a sync', () => {
  test('covers what was written before it began, and not what came while it ran', async () => {
    const seen = await outcomes(
      async (seed) => {
        const { disk, file } = await diskWithFile(seed)
        await file.writev([Buffer.from('a')], 0)
        const release = disk.holdSyncs()
        const synced = file.datasync()
        await new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)))
        await file.writev([Buffer.from('b')], 1)
        release()
        await synced
        return disk
      },
      (disk) => textOf(disk),
    )
    expect([...seen].sort()).toEqual(['a', 'ab'])
  })

  test('that failed is never made good by a later one that succeeds', async () => {
    const seen = await outcomes(
      async (seed) => {
        const { disk, file } = await diskWithFile(seed, 'safe')
        await file.writev([Buffer.from('1')], 4)
        await file.writev([Buffer.from('2')], 5)
        disk.failNext({ operation: 'datasync', code: 'EIO' })
        await expect(file.datasync()).rejects.toMatchObject({ code: 'EIO' })
        // The program goes on seeing what it wrote: the system believes it to be on disk.
        expect(textOf(disk)).toBe('safe12')
        await file.datasync()
        return disk
      },
      (disk) => textOf(disk),
    )
    expect([...seen].sort()).toEqual(['safe', 'safe\x002', 'safe1', 'safe12'])
  })

  test('covers what is written again after one that failed', async () => {
    const seen = await outcomes(
      async (seed) => {
        const { disk, file } = await diskWithFile(seed)
        await file.writev([Buffer.from('12')], 0)
        disk.failNext({ operation: 'datasync', code: 'EIO' })
        await file.datasync().catch(() => {})
        await file.writev([Buffer.from('12')], 0)
        await file.datasync()
        return disk
      },
      (disk) => textOf(disk),
    )
    expect([...seen]).toEqual(['12'])
  })

  test('held when the power goes fails and has synced nothing', async () => {
    const seen = await outcomes(
      async (seed) => {
        const { disk, file } = await diskWithFile(seed)
        await file.writev([Buffer.from('a')], 0)
        disk.holdSyncs()
        void file.datasync().catch(() => {})
        return disk
      },
      (disk) => textOf(disk),
    )
    expect([...seen].sort()).toEqual(['', 'a'])
  })
})

describe('faults', () => {
  test('strike the operation and the path that they name, as often as they say', async () => {
    const { disk, file } = await diskWithFile(1, 'x')
    disk.failNext({ operation: 'read', path: '/f', code: 'EIO', times: 2 })
    await disk.list('/')
    for (let count = 0; count < 2; count++) await expect(file.size()).rejects.toMatchObject({ code: 'EIO' })
    expect(await file.size()).toBe(1)
    disk.failNext({ operation: 'read', code: 'EIO' })
    disk.clearFaults()
    expect(await file.size()).toBe(1)
  })

  test.each([
    ['create', (disk: CrashDisk) => disk.open('/new', { create: true })],
    ['create', (disk: CrashDisk) => disk.makeDirectory('/new')],
    ['open', (disk: CrashDisk) => disk.open('/f')],
    ['rename', (disk: CrashDisk) => disk.rename('/f', '/new')],
    ['remove', (disk: CrashDisk) => disk.remove('/f')],
    ['syncDirectory', (disk: CrashDisk) => disk.syncDirectory('/')],
  ] as const)('at %s change nothing', async (operation, call) => {
    const { disk } = await diskWithFile(1, 'x')
    disk.failNext({ operation, code: 'EIO' })
    await expect(call(disk)).rejects.toMatchObject({ code: 'EIO' })
    expect(disk.paths()).toEqual(['/', '/f'])
  })

  test('at a write leave a part of it', async () => {
    const parts = new Set<string>()
    for (const seed of SEEDS.slice(0, 50)) {
      const { disk, file } = await diskWithFile(seed)
      disk.failNext({ operation: 'write', code: 'EIO' })
      await expect(file.writev([Buffer.from('ab'), Buffer.from('cd')], 0)).rejects.toMatchObject({ code: 'EIO' })
      parts.add(textOf(disk))
    }
    expect([...parts].sort()).toEqual(['', 'a', 'ab', 'abc', 'abcd'])
  })

  test('a disk that is full takes what still fits, and writes over what is there', async () => {
    const { disk, file } = await diskWithFile(1, 'abcd')
    const other = await disk.open('/g', { create: true })
    disk.capacityBytes = 6
    await expect(other.writev([Buffer.from('123')], 0)).rejects.toMatchObject({ code: 'ENOSPC' })
    expect(textOf(disk, '/g')).toBe('12')
    await file.writev([Buffer.from('ABCD')], 0)
    expect(textOf(disk)).toBe('ABCD')
    await disk.remove('/g')
    await file.writev([Buffer.from('ef')], 4)
    expect(textOf(disk)).toBe('ABCDef')
  })

  test('damage is there after a crash too', async () => {
    const { disk } = await diskWithFile(1, 'abcd')
    disk.damage('/f', 1, Buffer.from('X'))
    disk.crash()
    expect(textOf(disk)).toBe('aXcd')
  })
})
