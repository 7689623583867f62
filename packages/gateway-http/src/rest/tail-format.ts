import type { Problem } from './problem.ts'

/** An offset that a reader asked for and that is gone, and the range that there is. */
export interface Reset {
  readonly offset: number
  readonly logStartOffset: number
  readonly highWatermark: number
}

/** How a live tail is written. Every text is whole, so that a reader never sees half of something as all of it. */
export interface TailFormat {
  readonly contentType: string
  /** The beginning: where reading begins. */
  opening(nextOffset: number): string
  /** Where reading goes on, when no record says it. Also the sign of life. */
  position(nextOffset: number): string
  /** A record, of which `json` is the text on one line. */
  record(offset: number, json: string): string
  /** The offset that was asked for is gone; reading goes on at the log start. */
  reset(reset: Reset): string
  /** What ended the tail. */
  error(problem: Problem): string
}

/** How long an EventSource waits before it connects again; their own defaults differ, and are longer. */
const RETRY_MS = 1_000

/**
 * Server-sent events (WHATWG HTML, 9.2). The id is the last offset that was passed, -1 before the first: any text but an
 * empty one comes back as Last-Event-ID. An id without data raises no event, but is remembered.
 */
export const EVENT_STREAM: TailFormat = {
  contentType: 'text/event-stream',
  opening: (nextOffset) => `retry: ${RETRY_MS}\nid: ${nextOffset - 1}\n\n`,
  position: (nextOffset) => `id: ${nextOffset - 1}\n\n`,
  record: (offset, json) => `id: ${offset}\ndata: ${json}\n\n`,
  reset: (reset) => `id: ${reset.logStartOffset - 1}\nevent: reset\ndata: ${JSON.stringify(reset)}\n\n`,
  error: (problem) => `event: error\ndata: ${JSON.stringify(problem)}\n\n`,
}

/** JSON lines. Which kind a line is, is told by the member that only this kind has. */
export const JSON_LINES: TailFormat = {
  contentType: 'application/x-ndjson',
  opening: (nextOffset) => `{"nextOffset":${nextOffset}}\n`,
  position: (nextOffset) => `{"nextOffset":${nextOffset}}\n`,
  record: (_offset, json) => `${json}\n`,
  reset: (reset) => `${JSON.stringify({ reset })}\n`,
  error: (problem) => `${JSON.stringify({ error: problem })}\n`,
}
