import { closeSync, fdatasyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { median } from './statistics.ts'

/** By the magic number that statfs(2) tells. */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  801189825: 'zfs',
  2035054128: 'overlayfs',
  16914836: 'tmpfs',
  2240043254: 'ramfs',
}
const IN_MEMORY: readonly string[] = ['tmpfs', 'ramfs']
const PROBES = 200
/** No disk that keeps its word answers a sync faster than this. */
const BELIEVABLE_SYNC_MS = 0.01

export interface Machine {
  readonly processors: string
  readonly memoryBytes: number
  readonly system: string
  readonly node: string
  readonly fileSystem: string
  /** Median of writing 100 bytes to the end of a file and syncing them, one at a time. */
  readonly writeAndSyncMs: number
  readonly loadAverage: readonly number[]
}

/** What the benchmarks run on, with data in `directory`. */
export function describeMachine(directory: string): Machine {
  const processors = cpus()
  return {
    processors: `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown'}`,
    memoryBytes: totalmem(),
    system: `${type()} ${release()}`,
    node: process.version,
    fileSystem: fileSystem(directory),
    writeAndSyncMs: writeAndSyncMs(directory),
    loadAverage: loadavg(),
  }
}

/** Why figures with data in this place say nothing about durable writes; undefined where they do. */
export function whyNotDurable(machine: Machine): string | undefined {
  if (IN_MEMORY.includes(machine.fileSystem)) return `the data directory is on ${machine.fileSystem}, which is memory`
  if (machine.writeAndSyncMs < BELIEVABLE_SYNC_MS)
    return `a write with fdatasync takes ${machine.writeAndSyncMs.toFixed(4)} ms here: nothing reaches a disk in that time`
  return undefined
}

function fileSystem(directory: string): string {
  const magic = statfsSync(directory).type
  return FILE_SYSTEMS[magic] ?? `type 0x${magic.toString(16)}`
}

function writeAndSyncMs(directory: string): number {
  const path = join(directory, 'probe')
  const file = openSync(path, 'w')
  try {
    const bytes = Buffer.alloc(100, 1)
    const times = Array.from({ length: PROBES }, () => {
      const startMs = performance.now()
      writeSync(file, bytes)
      fdatasyncSync(file)
      return performance.now() - startMs
    })
    return median(times)
  } finally {
    closeSync(file)
    rmSync(path)
  }
}
