import type { Figures, StorageTasks, TaskAnswer, TaskMessage, Tasks } from './tasks.ts'

const PROGRESS_EVERY_MS = 100

type AnyTask = (where: string, task: TaskMessage['task'], progress: (done: number) => void) => Promise<Figures>

/** Turns this process into a program that does the tasks that its parent sends, one after another. */
export function serveTasks(tasks: Tasks | StorageTasks): void {
  const send = (answer: TaskAnswer): void => {
    process.send?.(answer)
  }
  let reportedAtMs = 0
  const progress = (done: number): void => {
    const nowMs = performance.now()
    if (nowMs - reportedAtMs < PROGRESS_EVERY_MS) return
    reportedAtMs = nowMs
    send({ done })
  }
  // Whatever is still open then: connections, readers without end.
  process.on('disconnect', () => process.exit())
  process.on('message', async ({ where, task }: TaskMessage) => {
    try {
      const before = process.cpuUsage()
      const run = (tasks as Record<string, AnyTask>)[task.kind]
      if (run === undefined) throw new Error(`there is no ${task.kind} here`)
      const figures = await run(where, task, progress)
      const { user, system } = process.cpuUsage(before)
      send({ figures, cpuMs: (user + system) / 1000 })
    } catch (error) {
      send({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    }
  })
}

/** `count` different values of `bytes` bytes, made before the clock starts. */
export function makeValues(count: number, bytes: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => {
    const value = Buffer.alloc(bytes, `${index} The quick brown fox jumps over the lazy dog. `)
    return value
  })
}
