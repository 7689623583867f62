import type { IncomingHttpHeaders } from 'node:http'
import type { Position } from '@millrace/broker'
import { MillraceError } from '@millrace/record'
import type { FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import { preferredType } from './accept.ts'
import type { TailRequest } from './live-tails.ts'
import type { FetchQuery, PartitionPath } from './schemas.ts'
import { EVENT_STREAM, JSON_LINES, type TailFormat } from './tail-format.ts'

const FORMATS: Readonly<Record<string, TailFormat>> = {
  [EVENT_STREAM.contentType]: EVENT_STREAM,
  [JSON_LINES.contentType]: JSON_LINES,
}

/** The live tail that a request to read prefers; undefined when it prefers one answer of JSON. */
export function tailFormatOf({ accept }: IncomingHttpHeaders): TailFormat | undefined {
  return FORMATS[preferredType(accept, ['application/json', EVENT_STREAM.contentType, JSON_LINES.contentType])]
}

/**
 * What a request asks to follow. Last-Event-ID, which says what its client has seen, beats the query.
 * @throws MillraceError INVALID_REQUEST for a Last-Event-ID that is no id of ours, and for parameters that only one
 *   answer can have
 */
export function tailRequest(
  { params, query, headers }: FastifyRequest<{ Params: Static<typeof PartitionPath>; Querystring: FetchQuery }>,
  from: Position,
  format: TailFormat,
): TailRequest {
  const foreign = (['maxBytes', 'waitMs'] as const).find((name) => query[name] !== undefined)
  if (foreign !== undefined) {
    throw new MillraceError('INVALID_REQUEST', `${foreign} is for a single answer; a live tail waits and goes on`)
  }
  return {
    ...params,
    from: lastSeen(headers) ?? from,
    isolation: query.isolation ?? 'committed',
    values: query.as ?? 'bytes',
    limit: query.limit ?? Number.POSITIVE_INFINITY,
    format,
  }
}

const ID = /^(?:-1|0|[1-9]\d{0,15})$/

function lastSeen({ 'last-event-id': id }: IncomingHttpHeaders): Position | undefined {
  if (id === undefined || id === '') return undefined
  const offset = Number(id) + 1
  if (typeof id !== 'string' || !ID.test(id) || !Number.isSafeInteger(offset)) {
    const shown = JSON.stringify(String(id).slice(0, 60))
    throw new MillraceError('INVALID_REQUEST', `Last-Event-ID ${shown} is not an offset, and not -1`)
  }
  return { offset }
}
