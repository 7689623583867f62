import { MillraceError, type RecordBatch } from '@millrace/record'

export interface AppendedBatch {
  /** -1 for a repeat of a batch that is too old to be remembered. */
  readonly baseOffset: number
  readonly timestamp: number
  readonly duplicate: boolean
}

/** A batch that has its place and is not committed. */
export interface PendingAppend {
  readonly batch: RecordBatch
  readonly baseOffset: number
  readonly nextOffset: number
  /** How it ends a transaction; undefined for all but markers. */
  readonly outcome: 'commit' | 'abort' | undefined
  readonly done: Promise<AppendedBatch>
  readonly resolve: (appended: AppendedBatch) => void
  readonly reject: (error: MillraceError) => void
}

export function pendingAppend(
  batch: RecordBatch,
  baseOffset: number,
  outcome: PendingAppend['outcome'],
): PendingAppend {
  const { promise: done, resolve, reject } = Promise.withResolvers<AppendedBatch>()
  return { batch, baseOffset, nextOffset: batch.nextOffset, outcome, done, resolve, reject }
}

export function placeOf(append: PendingAppend): AppendedBatch {
  return { baseOffset: append.baseOffset, timestamp: append.batch.maxTimestamp, duplicate: false }
}

/** What an append fails with when nobody can tell whether it was stored. */
export function unknownOutcome(error: unknown): MillraceError {
  const reason = error instanceof Error ? error.message : String(error)
  return new MillraceError(
    'COMMIT_UNKNOWN',
    `the records may or may not be stored, because writing or syncing failed: ${reason}`,
    { cause: error },
  )
}
