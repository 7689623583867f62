import { ERRORS, type ErrorCode } from '@millrace/record'
import type { FastifySchema } from 'fastify'
import { httpStatus } from './statuses.ts'

/*
 * What a route says of itself beside the schemas that validate. All of it goes into /openapi.json: `operationId` (as
 * the call's name in gRPC, where there is one), `tags`, `summary`, `description`, `response` for what is no failure,
 * and `errors`. A test fails for a route without them, and one that sends requests for an answer that is not declared.
 */
declare module 'fastify' {
  interface FastifySchema {
    /** Codes that the call itself may fail with, beside those of every call: see `codesOf`. */
    errors?: readonly ErrorCode[]
    /** Headers that answers may have which are no failures. */
    answerHeaders?: Readonly<Record<string, { readonly type: string; readonly description: string }>>
  }
}

/** What writing to the log may fail with. */
export const WRITE_ERRORS = ['LIMIT_REACHED', 'DISK_FULL', 'STORAGE_FAILED', 'COMMIT_UNKNOWN'] as const
/** What reading from the log may fail with. */
export const READ_ERRORS = ['CORRUPT_BATCH', 'STORAGE_FAILED'] as const
/** What naming a topic or one of its partitions may fail with. */
export const PARTITION_ERRORS = ['TOPIC_NOT_FOUND', 'PARTITION_NOT_FOUND'] as const

/** A route as far as its description goes. */
export interface DescribedRoute {
  readonly method: string
  /** With parameters as Fastify has them: `/v1/topics/:topic`. */
  readonly url: string
  readonly schema: FastifySchema
}

const EVERY_CALL: readonly ErrorCode[] = [
  'HOST_NOT_ALLOWED',
  'ORIGIN_NOT_ALLOWED',
  'REQUEST_TOO_LARGE',
  'LIMIT_REACHED',
  'INTERNAL',
]
const WITH_A_BODY: readonly ErrorCode[] = ['UNSUPPORTED_MEDIA_TYPE', 'NUMBER_NOT_EXACT', 'TIMED_OUT']

/** All codes that a call may be answered with, in the order of `ERRORS`. */
export function codesOf({ url, schema }: DescribedRoute): ErrorCode[] {
  const codes = new Set<ErrorCode>([...EVERY_CALL, 'INVALID_REQUEST', ...(schema.errors ?? [])])
  if (schema.body !== undefined) for (const code of WITH_A_BODY) codes.add(code)
  if (hasNumbers(schema.querystring) || hasNumbers(schema.params)) codes.add('NUMBER_NOT_EXACT')
  if (url.startsWith('/v1')) codes.add('SHUTTING_DOWN')
  return (Object.keys(ERRORS) as ErrorCode[]).filter((code) => codes.has(code))
}

/** The same by their statuses. */
export function codesByStatus(route: DescribedRoute): Map<number, ErrorCode[]> {
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of codesOf(route)) {
    const status = httpStatus(code)
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  return byStatus
}

function hasNumbers(schema: unknown): boolean {
  const { properties = {} } = (schema ?? {}) as { properties?: Record<string, { type?: string }> }
  return Object.values(properties).some(({ type }) => type === 'integer')
}
