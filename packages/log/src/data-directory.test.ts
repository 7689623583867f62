import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CrashDisk, seededRandom } from '@millrace/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { diskWith, failureOf } from '../test/log-harness.ts'
import { DataDirectory } from './data-directory.ts'
import { type Disk, replaceFile } from './disk.ts'
import { memoryDisk } from './memory-disk.ts'
import { nodeDisk } from './node-disk.ts'

describe('the marker of a clean shutdown', () => {
  test('is there only between a clean end and the next start', async () => {
    const disk = memoryDisk()
    const open = () => DataDirectory.open(disk, '/data')
    const first = await open()
    expect(first.wasClean).toBe(false)
    await first.close(true)
    const second = await open()
    expect(second.wasClean).toBe(true)
    await second.close(false)
    const third = await open()
    expect(third.wasClean).toBe(false)
    await third.close(true)
  })

  test('is believed by no second start, wherever a crash falls', async () => {
    for (let seed = 1; seed <= 80; seed++) {
      const disk = new CrashDisk(seededRandom(seed))
      await (await DataDirectory.open(disk, '/data')).close(true)
      const opening = DataDirectory.open(disk, '/data').then(
        () => true,
        () => false,
      )
      for (let turn = seed % 8; turn > 0; turn--) await new Promise<void>((resolve) => setImmediate(resolve))
      disk.crash()
      const wasOpened = await opening
      const next = await DataDirectory.open(disk, '/data')
      if (wasOpened) expect(next.wasClean, `seed ${seed}`).toBe(false)
      disk.crash()
      expect((await DataDirectory.open(disk, '/data')).wasClean, `seed ${seed}`).toBe(false)
    }
  })

  test('that cannot be written is an error, and the lock is given back all the same', async () => {
    const disk = new CrashDisk(seededRandom(1))
    const directory = await DataDirectory.open(disk, '/data')
    disk.failNext({ operation: 'write', code: 'ENOSPC' })
    disk.failNext({ operation: 'create', code: 'ENOSPC' })
    expect((await failureOf(directory.close(true))).code).toBe('DISK_FULL')
    const again = await DataDirectory.open(disk, '/data')
    expect(again.wasClean).toBe(false)
  })
})

describe('a data directory', () => {
  test('is made with those above it, and its name outlives a crash', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const disk = new CrashDisk(seededRandom(seed))
      await DataDirectory.open(disk, '/var/lib/millrace')
      disk.crash()
      expect(disk.paths()).toContain('/var/lib/millrace')
    }
  })

  test('is one holder at a time', async () => {
    const disk = memoryDisk()
    const first = await DataDirectory.open(disk, '/data')
    expect((await failureOf(DataDirectory.open(disk, '/data'))).code).toBe('DATA_DIR_LOCKED')
    await first.close(true)
    await (await DataDirectory.open(disk, '/data')).close(true)
  })

  test.each(['remove', 'syncDirectory', 'list'] as const)(
    'that fails to open after the lock was taken (%s) gives the lock back',
    async (call) => {
      const disk = memoryDisk()
      await disk.makeDirectory('/data')
      const broken = diskWith(disk, { [call]: () => Promise.reject(new Error('EIO')) } as Partial<Disk>)
      expect((await failureOf(DataDirectory.open(broken, '/data'))).code).toBe('DATA_DIR_INVALID')
      await (await DataDirectory.open(disk, '/data')).close(true)
    },
  )

  test('is probed by writing, and no trace of it stays', async () => {
    const disk = new CrashDisk(seededRandom(1))
    const directory = await DataDirectory.open(disk, '/data')
    const before = disk.paths()
    await directory.probe()
    expect(disk.paths()).toEqual(before)
    for (const operation of ['create', 'write', 'datasync'] as const) {
      disk.failNext({ operation, path: 'probe', code: 'ENOSPC' })
      await expect(directory.probe()).rejects.toMatchObject({ code: 'ENOSPC' })
    }
    await directory.probe()
    expect(disk.paths()).toEqual(before)
  })
})

describe('a data directory on files', () => {
  let root: string
  const children: ChildProcess[] = []

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'millrace-data-'))
  })
  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await rm(root, { recursive: true, force: true })
  })

  /** Another process that opens the directory and says whether it got it; it lives until its stdin ends. */
  async function otherProcess(path: string): Promise<{ child: ChildProcess; said: string }> {
    const script = `
      import { DataDirectory } from ${JSON.stringify(new URL('./data-directory.ts', import.meta.url).href)}
      import { nodeDisk } from ${JSON.stringify(new URL('./node-disk.ts', import.meta.url).href)}
      const directory = await DataDirectory.open(nodeDisk(), process.argv[1]).catch((error) => error)
      process.stdin.resume().on('end', async () => directory.close?.(true))
      process.stdout.write(directory.code ?? 'opened')
    `
    const options = ['--conditions=development', '--no-warnings', '--input-type=module', '--eval', script, '--', path]
    const child = spawn(process.execPath, options, { stdio: ['pipe', 'pipe', 'inherit'] })
    children.push(child)
    const [said] = (await once(child.stdout, 'data')) as [Buffer]
    return { child, said: said.toString() }
  }

  const open = (path = root) => DataDirectory.open(nodeDisk(), path)

  test('is refused while another process has it, and free again when that is killed', async () => {
    const { child, said } = await otherProcess(root)
    expect(said).toBe('opened')
    const error = await failureOf(open())
    expect(error.code).toBe('DATA_DIR_LOCKED')
    expect(error.message).toContain(root)
    child.kill('SIGKILL')
    await once(child, 'exit')
    const directory = await open()
    expect(directory.wasClean).toBe(false)
    await directory.close(true)
  })

  test('is free again when another process closed it', async () => {
    const { child } = await otherProcess(root)
    child.stdin?.end()
    await once(child, 'exit')
    const directory = await open()
    expect(directory.wasClean).toBe(true)
    await directory.close(true)
  })

  test('is refused to another process while this one has it, also after one that tried has gone', async () => {
    const directory = await open()
    for (let attempt = 0; attempt < 2; attempt++) {
      const { child, said } = await otherProcess(root)
      expect(said).toBe('DATA_DIR_LOCKED')
      child.stdin?.end()
      await once(child, 'exit')
    }
    expect((await failureOf(open())).code).toBe('DATA_DIR_LOCKED')
    expect((await otherProcess(root)).said).toBe('DATA_DIR_LOCKED')
    await directory.close(true)
    expect((await otherProcess(root)).said).toBe('opened')
  })

  test('may have a path longer than that of a socket, with letters beyond ASCII', async () => {
    const path = join(root, 'a long name '.repeat(10), 'größer'.repeat(10))
    const directory = await open(path)
    expect((await failureOf(open(path))).code).toBe('DATA_DIR_LOCKED')
    await directory.close(true)
    expect(await readdir(path)).toContain('clean-shutdown')
  })

  test('cannot be a file, or lie below one', async () => {
    await writeFile(join(root, 'file'), 'text')
    for (const path of [join(root, 'file'), join(root, 'file', 'below')]) {
      const error = await failureOf(open(path))
      expect(error.code).toBe('DATA_DIR_INVALID')
      expect(error.message).toContain(path)
    }
  })

  test('cannot be used where the lock cannot be written', async () => {
    await mkdir(join(root, 'lock'))
    expect((await failureOf(open())).code).toBe('DATA_DIR_INVALID')
  })
})

describe('whose directory it is', () => {
  test('a directory that other programs filled is left alone', async () => {
    const disk = memoryDisk()
    await disk.makeDirectory('/etc')
    await (await disk.open('/etc/passwd', { create: true })).close()
    const error = await failureOf(DataDirectory.open(disk, '/etc'))
    expect([error.code, error.message]).toEqual(['DATA_DIR_INVALID', expect.stringContaining('passwd')])
    expect(await disk.list('/etc')).toEqual(['passwd'])
  })

  test('a first start that was cut short anywhere does not keep the next from it', async () => {
    for (let turns = 0; turns < 40; turns++) {
      const disk = new CrashDisk(seededRandom(turns))
      const opening = DataDirectory.open(disk.mount(), '/data').catch(() => {})
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
      disk.crash()
      await opening
      const directory = await DataDirectory.open(disk.mount(), '/data')
      await directory.close(true)
      const again = await DataDirectory.open(disk.mount(), '/data')
      expect([again.isNew, again.wasClean]).toEqual([false, true])
    }
  })

  test('a directory of a later version is refused', async () => {
    const disk = memoryDisk()
    await (await DataDirectory.open(disk, '/data')).close(true)
    await replaceFile(disk, '/data/format-version', Buffer.from('2\n'))
    const error = await failureOf(DataDirectory.open(disk, '/data'))
    expect([error.code, error.message]).toEqual(['DATA_DIR_INVALID', expect.stringContaining('version 2')])
  })
})
