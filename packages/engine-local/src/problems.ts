import type { TableUsage } from '@millrace/engine'
import type { LogContext } from '@millrace/log'
import { fullTableProblem } from '@millrace/table'
import type { LocalTopicCatalog } from './topic-catalog.ts'

/** Partitions that are named; of more, only their number is told. */
const NAMED = 10
const MiB = 1_048_576

export interface ProblemSources {
  readonly context: LogContext
  readonly dataDir: string
  readonly topics: LocalTopicCatalog
  readonly tables: readonly TableUsage[]
}

/** What keeps the engine from doing its work, in words that tell whoever runs it what to look at. */
export async function engineProblems({ context, dataDir, topics, tables }: ProblemSources): Promise<string[]> {
  const { committer, disk, limits } = context
  const problems: string[] = []
  if (committer.problem !== undefined) problems.push(`writing to disk fails: ${committer.problem}`)
  // Whether there is room matters only where it is asked for; not every file system can tell.
  const freeBytes = limits.minFreeBytes === 0 ? Number.POSITIVE_INFINITY : await freeBytesOf(disk, dataDir)
  if (typeof freeBytes === 'string') problems.push(`the free space of the disk cannot be read: ${freeBytes}`)
  else if (freeBytes < limits.minFreeBytes) {
    const free = `${Math.floor(freeBytes / MiB)} MiB are free, and ${Math.ceil(limits.minFreeBytes / MiB)} MiB wanted`
    problems.push(`the disk is nearly full: ${free} (minFreeBytes)`)
  }
  const unopened = topics.unopened()
  if (unopened.length > 0) {
    const more = unopened.length > NAMED ? ` and ${unopened.length - NAMED} more` : ''
    const names = unopened.slice(0, NAMED).join(', ')
    problems.push(`partitions that could not be opened at the start: ${unopened.length} (${names}${more})`)
  }
  for (const { name, sizeBytes } of tables) {
    const problem = fullTableProblem(name, sizeBytes, limits.tableBytes)
    if (problem !== undefined) problems.push(problem)
  }
  return problems
}

async function freeBytesOf(disk: LogContext['disk'], directory: string): Promise<number | string> {
  try {
    return await disk.freeBytes(directory)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
