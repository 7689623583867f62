import { SingleBar } from 'cli-progress'

/** Shows how far a long command is. */
export interface Progress {
  /** @param doneBytes of the total; @param what so far, as `12 records` */
  update(doneBytes: number, what: string): void
  /** Makes room for a line of output; the next update shows the bar again. */
  clear(): void
  /** Prints a line for people without spoiling the bar. */
  note(line: string): void
  stop(): void
}

/**
 * A bar on standard error while a person watches there; otherwise nothing.
 * @param note prints a line to standard error
 */
export function openProgress(totalBytes: number | undefined, note: (line: string) => void): Progress {
  if (totalBytes === undefined || totalBytes === 0 || !process.stderr.isTTY) {
    return { update: () => {}, clear: () => {}, note, stop: () => {} }
  }
  const bar = new SingleBar({
    format: '{bar} {percentage}%  {what}  {eta_formatted} left',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false,
    stream: process.stderr,
  })
  bar.start(totalBytes, 0, { what: '' })
  return {
    update: (doneBytes, what) => bar.update(Math.min(doneBytes, totalBytes), { what }),
    clear: () => process.stderr.write(CLEAR_LINE),
    note: (line) => {
      process.stderr.write(CLEAR_LINE)
      note(line)
    },
    stop: () => bar.stop(),
  }
}

/** Moves to the beginning of the line and empties it; the bar draws itself again below. */
const CLEAR_LINE = '\r\x1b[K'
