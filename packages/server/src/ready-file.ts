import { rename, rm, writeFile } from 'node:fs/promises'
import { MillraceError } from '@millrace/record'

/** What a ready file tells, as one JSON line. */
export interface ReadyLine {
  readonly url: string
  /** The bound `HOST:PORT` of REST and gRPC. */
  readonly http: string
  readonly data: string
  readonly pid: number
}

/**
 * Puts `line` into `path` at once: a reader sees the whole line or no file.
 * @throws MillraceError INVALID_CONFIG when the file cannot be written
 */
export async function writeReadyFile(path: string, line: ReadyLine): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    await writeFile(temporary, `${JSON.stringify(line)}\n`)
    await rename(temporary, path)
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {})
    throw new MillraceError('INVALID_CONFIG', `readyFile=${path}: cannot be written: ${(cause as Error).message}`, {
      cause,
    })
  }
}

/** Removes a ready file, also one that a killed server left. */
export async function removeReadyFile(path: string): Promise<void> {
  await rm(path, { force: true })
}
