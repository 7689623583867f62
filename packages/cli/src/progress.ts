import { SingleBar } from 'cli-progress'

/** Shows how far a long command is. */
export interface Progress {
  /** @param doneBytes of the total; @param records so far */
  update(doneBytes: number, records: number): void
  stop(): void
}

/** A bar on standard error while a person watches there; otherwise nothing. */
export function openProgress(totalBytes: number | undefined): Progress {
  if (totalBytes === undefined || totalBytes === 0 || !process.stderr.isTTY) return { update: () => {}, stop: () => {} }
  const bar = new SingleBar({
    format: '{bar} {percentage}%  {records} records  {eta_formatted} left',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false,
    stream: process.stderr,
  })
  bar.start(totalBytes, 0, { records: 0 })
  return {
    update: (doneBytes, records) => bar.update(Math.min(doneBytes, totalBytes), { records }),
    stop: () => bar.stop(),
  }
}
