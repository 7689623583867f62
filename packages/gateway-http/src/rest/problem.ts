import { asMillraceError, ERRORS, type ErrorCode, MillraceError } from '@millrace/record'
import type { FailureBook } from '../request-stats.ts'
import { httpStatus } from './statuses.ts'

export const PROBLEM_TYPE = 'application/problem+json'

/**
 * What `Retry-After` says of what was refused for being too much now, or while the server is away: `retryAfterSeconds` of
 * the errors' details, the longest, otherwise a second. Undefined: none of them passes by itself.
 */
export function retryAfterOf(errors: readonly MillraceError[]): number | undefined {
  const passing = errors.filter(({ kind }) => kind === 'busy' || kind === 'unavailable')
  if (passing.length === 0) return undefined
  return Math.max(...passing.map(({ details }) => Number(details.retryAfterSeconds ?? 1)))
}

/** An error as RFC 9457 has it, with Millrace's code; an error's details stand beside these members. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  /** Permanent literal. */
  readonly code: ErrorCode
  readonly [detail: string]: unknown
}

export function problemOf(error: MillraceError): Problem {
  const { code, details } = error
  const members = {
    type: `urn:millrace:error:${code}`,
    title: ERRORS[code].title,
    status: httpStatus(code),
    detail: publicMessage(error),
    code,
  }
  // First for the order, again because no detail may stand in their place.
  return { ...members, ...details, ...members }
}

/** What a caller is told: a defect's own words stay in the log. */
export function publicMessage(error: MillraceError): string {
  return error.code === 'INTERNAL' ? 'The server met a defect; its log has more' : error.message
}

/** Our code for each error that Fastify itself may raise on a request; one that is missing goes by its status. */
const CODE_BY_FASTIFY_CODE: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_BAD_URL: 'INVALID_REQUEST',
  FST_ERR_MAX_PARAM_LENGTH: 'INVALID_REQUEST',
  FST_ERR_CTP_BODY_TOO_LARGE: 'REQUEST_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'INVALID_REQUEST',
  FST_ERR_NOT_FOUND: 'ROUTE_NOT_FOUND',
}
const CODE_BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'INVALID_REQUEST',
  404: 'ROUTE_NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  408: 'TIMED_OUT',
  413: 'REQUEST_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
}

/** `error` as one of ours. Fastify's own get the code that says the same; all others are defects. */
export function mapError(error: unknown): MillraceError {
  if (!(error instanceof Error) || error instanceof MillraceError) return asMillraceError(error)
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown }
  if (typeof code !== 'string' || !code.startsWith('FST_')) return asMillraceError(error)
  const ours = CODE_BY_FASTIFY_CODE[code] ?? (typeof statusCode === 'number' ? CODE_BY_STATUS[statusCode] : undefined)
  return ours === undefined ? asMillraceError(error) : new MillraceError(ours, error.message, { cause: error })
}

/** What a log line says about the request that failed. */
export interface RequestSummary {
  readonly method: string
  readonly url: string
}

/**
 * Counts and logs a failed request, or one failed part of it: defects and failing storage as errors, what passes by
 * itself as warnings, callers' as info.
 */
export function logFailure({ logger, requests }: FailureBook, error: MillraceError, summary: RequestSummary): void {
  const { method, url } = summary
  requests.rejected(error.code)
  const fields = { code: error.code, status: httpStatus(error.code), method, url: url.slice(0, 500) }
  switch (error.kind) {
    case 'internal':
    case 'storage':
    case 'corrupt':
      logger.error({ ...fields, err: error }, error.message)
      break
    case 'busy':
    case 'unavailable':
    case 'timeout':
      logger.warn(fields, error.message)
      break
    default:
      logger.info(fields, error.message)
  }
}

/**
 * A whole HTTP/1.1 answer for what never became a request, such as a malformed request line: for a server's
 * `clientError` event.
 */
export function rawProblem(error: Error & { code?: string }): { error: MillraceError; answer: string } {
  const mapped = ofHttpParser(error)
  return { error: mapped, answer: rawAnswer(mapped) }
}

/** A whole HTTP/1.1 answer, after which the connection ends. */
export function rawAnswer(error: MillraceError): string {
  const problem = JSON.stringify(problemOf(error))
  const lines = [
    `HTTP/1.1 ${httpStatus(error.code)} ${error.code}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(problem)}`,
    'connection: close',
  ]
  return `${lines.join('\r\n')}\r\n\r\n${problem}`
}

function ofHttpParser(error: Error & { code?: string }): MillraceError {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new MillraceError('REQUEST_TOO_LARGE', 'the headers are larger than the server allows', { cause: error })
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new MillraceError('TIMED_OUT', 'the request did not arrive in time', { cause: error })
    default:
      return new MillraceError('INVALID_REQUEST', 'this is not an HTTP request', { cause: error })
  }
}
