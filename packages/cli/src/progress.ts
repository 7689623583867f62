import { SingleBar } from 'cli-progress'

/** Shows how far a long command is. */
export interface Progress {
  /** @param doneBytes of the total; @param what so far, as `12 records` */
  update(doneBytes: number, what: string): void
  /** Makes room for a line of output; the next update shows the bar again. */
  clear(): void
  stop(): void
}

/** A bar on standard error while a person watches there; otherwise nothing. */
export function openProgress(totalBytes: number | undefined): Progress {
  if (totalBytes === undefined || totalBytes === 0 || !process.stderr.isTTY) return NO_PROGRESS
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
    clear: () => process.stderr.write('\r\x1b[K'),
    stop: () => bar.stop(),
  }
}

const NO_PROGRESS: Progress = { update: () => {}, clear: () => {}, stop: () => {} }
