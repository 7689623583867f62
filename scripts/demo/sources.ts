import { stat } from 'node:fs/promises'
import type { Event } from './event.ts'
import { describeClone, fileEvents, historyEvents, trackedFileEvents } from './git-events.ts'

/** Below this many changed lines the demo takes the lines of the tracked files too. */
const ENOUGH_EVENTS = 100_000

/** Where the demo's events come from. */
export interface Source {
  /** What it is, in lines for the user. */
  readonly about: readonly string[]
  readonly total: number
  events(): AsyncIterable<Event>
}

/**
 * The lines of `file`, or the history of the clone at `root`.
 * @throws Error that says what is missing
 */
export async function openSource(root: string, file: string | undefined): Promise<Source> {
  return file === undefined ? cloneSource(root) : fileSource(file)
}

async function fileSource(file: string): Promise<Source> {
  if (!(await stat(file)).isFile()) throw new Error(`${file} is not a file`)
  const total = await countOf(fileEvents(file))
  return { about: [`the lines of ${file}`], total, events: () => fileEvents(file) }
}

async function cloneSource(root: string): Promise<Source> {
  const { commits, shallow } = await describeClone(root).catch((error: Error) => {
    throw new Error(`no git history to take: ${error.message}; name a text file with --file`)
  })
  const changed = await countOf(historyEvents(root))
  const about = [
    `the git history of this clone: ${number(commits)} ${commits === 1 ? 'commit' : 'commits'}, ${number(changed)} changed lines`,
  ]
  if (shallow) about.push('(this is a shallow clone: its history does not go back to the first commit)')
  if (changed >= ENOUGH_EVENTS) return { about, total: changed, events: () => historyEvents(root) }

  const lines = await countOf(trackedFileEvents(root))
  about.push(`that is less than ${number(ENOUGH_EVENTS)}, so the tracked files too: ${number(lines)} lines`)
  return { about, total: changed + lines, events: () => chain(historyEvents(root), trackedFileEvents(root)) }
}

async function countOf(events: AsyncIterable<Event>): Promise<number> {
  let count = 0
  for await (const _ of events) count += 1
  return count
}

async function* chain(...parts: AsyncIterable<Event>[]): AsyncGenerator<Event> {
  for (const part of parts) yield* part
}

/** `12,345` */
export function number(value: number): string {
  return value.toLocaleString('en-US')
}
