import { type Logger, MillraceError, silentLogger } from '@millrace/record'
import type { LoggerOptions, Logger as PinoLogger } from 'pino'
import type { LogLevel } from './settings.ts'

const STDERR = 2
/** Messages that wait for room on a full disk, or in a pipe that nobody reads; what comes when there are more is lost. */
const WAITING_BYTES = 1_048_576
/** When messages wait and no other comes, they are tried again after this. */
const RETRY_MS = 1_000

/** Where messages go, and which. */
export interface LogOutput {
  readonly logger: Logger
  setLevel(level: LogLevel): Promise<void>
  /**
   * Goes on in a new file of the same name, where a log rotation has moved the old one away.
   * @throws the system's error when there can be none; the old one is still written to
   */
  reopen(): void
}

/**
 * Messages go to a file, or else to standard error: lines for people on a terminal, JSON lines otherwise. They are
 * written at once, so that nothing is lost when the process ends, unless whoever reads them is behind; where that fails,
 * the server goes on without them. pino is loaded only when something is to be logged.
 * @param file what is there stays
 * @throws MillraceError INVALID_CONFIG when the file cannot be written
 */
export async function openLogOutput(level: LogLevel, file: string | undefined): Promise<LogOutput> {
  let current: { logger: PinoLogger; reopen: () => void } | undefined
  const open = async (first: LogLevel): Promise<void> => {
    if (current === undefined && first !== 'silent') current = await openPino(first, file)
  }
  await open(level)
  const logger: Logger = {
    debug: (fields, message) => (current?.logger ?? silentLogger).debug(fields, message),
    info: (fields, message) => (current?.logger ?? silentLogger).info(fields, message),
    warn: (fields, message) => (current?.logger ?? silentLogger).warn(fields, message),
    error: (fields, message) => (current?.logger ?? silentLogger).error(fields, message),
  }
  return {
    logger,
    async setLevel(next) {
      await open(next)
      if (current !== undefined) current.logger.level = next
    },
    reopen: () => current?.reopen(),
  }
}

async function openPino(
  level: LogLevel,
  file: string | undefined,
): Promise<{ logger: PinoLogger; reopen: () => void }> {
  const { pino } = await import('pino')
  const options: LoggerOptions = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  if (file === undefined && process.stderr.isTTY) {
    const { default: pretty } = await import('pino-pretty')
    const output = pretty({ destination: STDERR, sync: true, singleLine: true, translateTime: 'SYS:HH:MM:ss.l' })
    return { logger: pino(options, output), reopen: () => {} }
  }
  try {
    const output = pino.destination({
      dest: file ?? STDERR,
      sync: true,
      maxLength: WAITING_BYTES,
      // It would sleep, and everybody with it, until there is room in a pipe that its reader is slow to empty.
      retryEAGAIN: () => false,
      periodicFlush: RETRY_MS,
      // Without one nothing is flushed.
      minLength: 1,
    })
    // Without a listener, the call that has something to log would fail: on a full disk, those that deal with it.
    output.on('error', () => {})
    return { logger: pino(options, output), reopen: () => file !== undefined && output.reopen() }
  } catch (cause) {
    const message = `logFile=${file}: cannot be written: ${(cause as Error).message}`
    throw new MillraceError('INVALID_CONFIG', message, { cause })
  }
}
