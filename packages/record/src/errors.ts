/**
 * What kind of failure a code is. A gateway's mapper turns the kind into its protocol's status, so that a new code
 * needs no new line there.
 */
export type ErrorKind =
  | 'invalid' // the request can never work as it is
  | 'not-found'
  | 'conflict'
  | 'out-of-range'
  | 'too-large'
  | 'media-type'
  | 'method'
  | 'forbidden'
  | 'reused' // a name that stands for another request
  | 'precondition' // the caller's view of the state is stale or wrong
  | 'timeout'
  | 'cancelled'
  | 'busy' // a limit is reached; later it may work
  | 'unavailable'
  | 'storage'
  | 'corrupt'
  | 'unimplemented'
  | 'internal'

interface ErrorSpec {
  readonly kind: ErrorKind
  /** True when the same request, sent again, may succeed. */
  readonly retriable: boolean
  readonly title: string
}

const spec = (kind: ErrorKind, title: string, retriable = false): ErrorSpec => ({ kind, title, retriable })

/** Every error code there is. Codes are permanent: one that is no longer used is never given another meaning. */
export const ERRORS = {
  TOPIC_NOT_FOUND: spec('not-found', 'There is no such topic'),
  PARTITION_NOT_FOUND: spec('not-found', 'The topic has no such partition'),
  TOPIC_EXISTS: spec('conflict', 'A topic of this name exists'),
  TOPIC_NAME_CONFLICT: spec('conflict', 'A topic exists whose name differs only in case'),
  INVALID_TOPIC_NAME: spec('invalid', 'The topic name is not allowed'),
  INVALID_PARTITIONS: spec('invalid', 'The number of partitions is not allowed'),
  INVALID_CONFIG: spec('invalid', 'The configuration has an unknown key or a value that is not allowed'),
  OFFSET_OUT_OF_RANGE: spec('out-of-range', 'The partition does not have this offset'),
  CORRUPT_BATCH: spec('corrupt', 'A record batch fails its checksum or is cut off'),
  INVALID_BATCH: spec('invalid', 'A record batch contradicts itself'),
  UNSUPPORTED_COMPRESSION: spec('invalid', 'The compression codec is not known'),
  INVALID_RECORD: spec('invalid', 'A record for a compacted topic has no key'),
  INVALID_TIMESTAMP: spec('invalid', 'A timestamp is out of the allowed bounds'),
  BATCH_TOO_LARGE: spec('too-large', 'A record batch is larger than the topic allows'),
  REQUEST_TOO_LARGE: spec('too-large', 'The request is larger than the server allows'),
  OUT_OF_ORDER_SEQUENCE: spec('precondition', 'A batch of an idempotent producer leaves a gap in its sequence'),
  PRODUCER_FENCED: spec('precondition', 'A newer instance of this producer is active'),
  TRANSACTION_ABORTED: spec('precondition', 'The transaction was aborted'),
  INVALID_TRANSACTION_STATE: spec('precondition', 'The transaction is not in a state that allows this'),
  INVALID_TRANSACTIONAL_ID: spec('invalid', 'The transactional id is not allowed'),
  GROUP_NOT_FOUND: spec('not-found', 'There is no such consumer group'),
  INVALID_GROUP_NAME: spec('invalid', 'The name of the consumer group is not allowed'),
  INVALID_SUBSCRIPTION: spec('invalid', 'The subscription of a consumer is not allowed'),
  GROUP_NOT_EMPTY: spec('conflict', 'The consumer group has members'),
  INSTANCE_ID_IN_USE: spec('conflict', 'Another member of the consumer group has this instance id'),
  UNKNOWN_MEMBER: spec('precondition', 'The consumer group has no such member'),
  STALE_MEMBER_EPOCH: spec('precondition', 'The epoch of the member is over'),
  PARTITION_NOT_OWNED: spec('precondition', 'The partition is not assigned to this member'),
  OFFSETS_PENDING: spec('busy', 'A transaction that commits offsets is still open', true),
  METADATA_TOO_LARGE: spec('too-large', 'The metadata of a committed offset is too large'),
  HANDLER_FAILED: spec('internal', 'The handler of a consumer failed'),
  INVALID_REQUEST: spec('invalid', 'The request is malformed'),
  IDEMPOTENCY_KEY_REUSED: spec('reused', 'The idempotency key was used for another request'),
  NUMBER_NOT_EXACT: spec('invalid', 'A number cannot be kept exactly'),
  UNSUPPORTED_MEDIA_TYPE: spec('media-type', 'The content type is not supported'),
  ROUTE_NOT_FOUND: spec('not-found', 'There is nothing at this path'),
  METHOD_NOT_ALLOWED: spec('method', 'The path does not answer to this method'),
  HOST_NOT_ALLOWED: spec('forbidden', 'The Host header names another server'),
  ORIGIN_NOT_ALLOWED: spec('forbidden', 'Requests from this origin are not allowed'),
  UNIMPLEMENTED: spec('unimplemented', 'There is no such call'),
  TIMED_OUT: spec('timeout', 'The time allowed has run out', true),
  CANCELLED: spec('cancelled', 'The caller gave up'),
  LIMIT_REACHED: spec('busy', 'A limit of the server is reached', true),
  NOT_READY: spec('unavailable', 'The server cannot do its work', true),
  SHUTTING_DOWN: spec('unavailable', 'The server is shutting down', true),
  CONNECTION_FAILED: spec('unavailable', 'The server cannot be reached', true),
  CLOSED: spec('precondition', 'The object is closed'),
  DISK_FULL: spec('storage', 'The disk is full; nothing was stored', true),
  STORAGE_FAILED: spec('storage', 'Writing or reading failed'),
  COMMIT_UNKNOWN: spec('storage', 'Syncing failed; whether the records were stored is not known', true),
  ADDRESS_UNAVAILABLE: spec('conflict', 'The server cannot listen at this address'),
  BACKUP_EXISTS: spec('conflict', 'A backup of this name exists'),
  DATA_DIR_LOCKED: spec('conflict', 'Another process uses the data directory'),
  DATA_DIR_INVALID: spec('storage', 'The data directory cannot be used'),
  INTERNAL: spec('internal', 'The server has a defect'),
} as const satisfies Record<string, ErrorSpec>

export type ErrorCode = keyof typeof ERRORS

/** Facts about an error that a program may want, for example the range of offsets that a partition has. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean>>

interface MillraceErrorOptions {
  readonly cause?: unknown
  readonly details?: ErrorDetails
  readonly retriable?: boolean
}

/** The one error class of Millrace: `code` says what happened, for ever in the same word. */
export class MillraceError extends Error {
  override readonly name = 'MillraceError'
  readonly code: ErrorCode
  readonly details: ErrorDetails
  /** True when the same request, sent again, may succeed. */
  readonly retriable: boolean

  /** @param options.retriable where it is known better than by the code alone */
  constructor(code: ErrorCode, message: string, options: MillraceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.details = options.details ?? {}
    this.retriable = options.retriable ?? ERRORS[code].retriable
  }

  get kind(): ErrorKind {
    return ERRORS[this.code].kind
  }
}

/** Whether `code`, as it came over a wire, is one that this version knows. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code)
}

/** `error` itself when it is a MillraceError, otherwise an INTERNAL error caused by it. */
export function asMillraceError(error: unknown): MillraceError {
  if (error instanceof MillraceError) return error
  return new MillraceError('INTERNAL', error instanceof Error ? error.message : String(error), { cause: error })
}
