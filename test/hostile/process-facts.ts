import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'

/** What Linux tells of a process. */
export interface ProcessFacts {
  /** The most memory since `resetPeak`, or since the start. */
  readonly peakMB: number
  readonly nowMB: number
  readonly cpuMs: number
  readonly sockets: number
}

export function factsOf(pid: number): ProcessFacts {
  return { peakMB: statusOf(pid, 'VmHWM'), nowMB: statusOf(pid, 'VmRSS'), cpuMs: cpuMs(pid), sockets: socketsOf(pid) }
}

/** `peakMB` begins anew at what the process has now. */
export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

function statusOf(pid: number, name: string): number {
  const [, kB] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Math.round(Number(kB) / 1_024)
}

function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

function socketsOf(pid: number): number {
  let sockets = 0
  for (const name of readdirSync(`/proc/${pid}/fd`)) {
    try {
      if (readlinkSync(`/proc/${pid}/fd/${name}`).startsWith('socket:')) sockets++
    } catch {
      // Closed meanwhile.
    }
  }
  return sockets
}
