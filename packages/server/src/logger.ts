import { type Logger, silentLogger } from '@millrace/record'
import type { LoggerOptions } from 'pino'
import type { LogLevel } from './settings.ts'

const STDERR = 2

/**
 * A logger that writes to standard error: lines for people on a terminal, JSON lines otherwise. Both are written at
 * once, so that nothing is lost when the process ends. pino is loaded only when something is to be logged.
 */
export async function openLogger(level: LogLevel): Promise<Logger> {
  if (level === 'silent') return silentLogger
  const { pino } = await import('pino')
  const options: LoggerOptions = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  if (!process.stderr.isTTY) return pino(options, pino.destination({ dest: STDERR, sync: true }))
  const { default: pretty } = await import('pino-pretty')
  return pino(options, pretty({ destination: STDERR, sync: true, singleLine: true, translateTime: 'SYS:HH:MM:ss.l' }))
}
