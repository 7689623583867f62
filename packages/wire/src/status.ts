import { type ErrorCode, type ErrorDetails, type ErrorKind, MillraceError } from '@millrace/record'
import { errorFromCode } from './errors.ts'

/** The status codes of gRPC. */
export const GRPC_STATUS = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const

const STATUS_OF_KIND: Readonly<Record<ErrorKind, number>> = {
  invalid: GRPC_STATUS.INVALID_ARGUMENT,
  'not-found': GRPC_STATUS.NOT_FOUND,
  conflict: GRPC_STATUS.ALREADY_EXISTS,
  'out-of-range': GRPC_STATUS.OUT_OF_RANGE,
  'too-large': GRPC_STATUS.RESOURCE_EXHAUSTED,
  'media-type': GRPC_STATUS.INVALID_ARGUMENT,
  method: GRPC_STATUS.UNIMPLEMENTED,
  forbidden: GRPC_STATUS.PERMISSION_DENIED,
  precondition: GRPC_STATUS.FAILED_PRECONDITION,
  reused: GRPC_STATUS.FAILED_PRECONDITION,
  timeout: GRPC_STATUS.DEADLINE_EXCEEDED,
  cancelled: GRPC_STATUS.CANCELLED,
  busy: GRPC_STATUS.RESOURCE_EXHAUSTED,
  unavailable: GRPC_STATUS.UNAVAILABLE,
  storage: GRPC_STATUS.UNAVAILABLE,
  corrupt: GRPC_STATUS.DATA_LOSS,
  unimplemented: GRPC_STATUS.UNIMPLEMENTED,
  internal: GRPC_STATUS.INTERNAL,
}

/** What a status means that came without a `millrace-code`, from a proxy or a client library. */
const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  [GRPC_STATUS.CANCELLED]: 'CANCELLED',
  [GRPC_STATUS.INVALID_ARGUMENT]: 'INVALID_REQUEST',
  [GRPC_STATUS.DEADLINE_EXCEEDED]: 'TIMED_OUT',
  [GRPC_STATUS.RESOURCE_EXHAUSTED]: 'LIMIT_REACHED',
  [GRPC_STATUS.UNIMPLEMENTED]: 'UNIMPLEMENTED',
  [GRPC_STATUS.UNAVAILABLE]: 'CONNECTION_FAILED',
}

/** Trailers as HTTP/2 gives and takes them. */
export type Trailers = Readonly<Record<string, string>>

export const OK_TRAILERS: Trailers = { 'grpc-status': '0' }

/** The trailers of a call that failed with `error`. The details are JSON, percent-encoded as the message is. */
export function errorTrailers(error: MillraceError): Trailers {
  const trailers: Record<string, string> = {
    'grpc-status': String(STATUS_OF_KIND[error.kind]),
    'grpc-message': percentEncode(error.message),
    'millrace-code': error.code,
  }
  if (Object.keys(error.details).length > 0) trailers['millrace-details'] = percentEncode(JSON.stringify(error.details))
  return trailers
}

/** The error that a call's trailers tell of; undefined when they say that all is well. */
export function errorFromTrailers(trailers: Readonly<Record<string, unknown>>): MillraceError | undefined {
  const status = trailers['grpc-status']
  if (status === '0') return undefined
  if (typeof status !== 'string') return new MillraceError('CONNECTION_FAILED', 'the call ended without a status')
  const message = percentDecode(text(trailers['grpc-message']))
  const code = text(trailers['millrace-code']) || (CODE_OF_STATUS[Number(status)] ?? 'INTERNAL')
  return errorFromCode(code, message || `gRPC status ${status}`, readDetails(text(trailers['millrace-details'])))
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function readDetails(encoded: string): ErrorDetails {
  if (encoded === '') return {}
  try {
    const details: unknown = JSON.parse(percentDecode(encoded))
    return typeof details === 'object' && details !== null ? (details as ErrorDetails) : {}
  } catch {
    return {}
  }
}

/** The longest text in a trailer, in characters; what a client sent may stand in a message. */
const MAX_TEXT = 1_000

/** As gRPC has it: bytes of UTF-8 outside of printable ASCII, and '%', as %XX. */
export function percentEncode(value: string): string {
  const plain = value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value
  return Array.from(Buffer.from(plain), (byte) =>
    byte >= 0x20 && byte <= 0x7e && byte !== 0x25
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('')
}

/** Undoes it; a '%' that begins no escape stands for itself. */
export function percentDecode(value: string): string {
  if (!value.includes('%')) return value
  const bytes = Buffer.from(value)
  let end = 0
  for (let at = 0; at < bytes.length; at++) {
    const hex = bytes[at] === 0x25 ? /^[0-9a-f]{2}$/i.exec(bytes.toString('latin1', at + 1, at + 3)) : null
    bytes[end++] = hex === null ? (bytes[at] as number) : Number.parseInt(hex[0], 16)
    if (hex !== null) at += 2
  }
  return bytes.toString('utf8', 0, end)
}
