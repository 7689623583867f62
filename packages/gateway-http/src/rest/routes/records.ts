import type { Broker, Position, ProduceResult } from '@millrace/broker'
import { MillraceError } from '@millrace/record'
import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import { PARTITION_ERRORS, READ_ERRORS, WRITE_ERRORS } from '../declaration.ts'
import { logFailure, publicMessage, retryAfterOf } from '../problem.ts'
import { decodeRecord, fetchedJson, withinBytes } from '../record-json.ts'
import { connectionOf, isGone } from '../response.ts'
import {
  EventStream,
  FetchAnswer,
  FetchHeaders,
  FetchQuery,
  JsonLines,
  NoQuery,
  OffsetsAnswer,
  OffsetsQuery,
  PartitionPath,
  ProduceAnswer,
  ProduceBody,
  ProduceHeaders,
  TopicPath,
} from '../schemas.ts'
import { tailFormatOf, tailRequest } from '../tail-request.ts'
import type { RouteContext } from './context.ts'

/** Writing and reading records, and finding offsets. */
export function recordRoutes(app: FastifyInstance, context: RouteContext): void {
  produceRoute(app, context)
  fetchRoute(app, context)
  offsetsRoute(app, context)
}

function produceRoute(app: FastifyInstance, context: RouteContext): void {
  const { broker } = context
  app.post<{ Params: Static<typeof TopicPath>; Body: Static<typeof ProduceBody> }>(
    '/v1/topics/:topic/records',
    {
      schema: {
        operationId: 'produce',
        tags: ['Records'],
        summary: 'Append records',
        description:
          'All or nothing for each partition. 207 when some partitions failed: their errors stand in place. A repeat ' +
          'with the same Idempotency-Key is answered as the first was, and stores nothing again.',
        headers: ProduceHeaders,
        params: TopicPath,
        querystring: NoQuery,
        body: ProduceBody,
        response: { 200: ProduceAnswer, 207: ProduceAnswer },
        answerHeaders: {
          'Idempotent-Replayed': { type: 'string', description: '`true`: this is the answer to the first request.' },
          'Retry-After': { type: 'integer', description: 'Seconds after which what failed may work.' },
        },
        errors: [
          ...PARTITION_ERRORS,
          'INVALID_TOPIC_NAME',
          'INVALID_TIMESTAMP',
          'INVALID_BATCH',
          'BATCH_TOO_LARGE',
          'INVALID_RECORD',
          'IDEMPOTENCY_KEY_REUSED',
          ...WRITE_ERRORS,
        ],
      },
    },
    async ({ params, body, raw, headers }, reply): Promise<ProduceAnswer> => {
      const { records, acks = 'committed' } = body
      const plain = records.map((record, index) => decodeRecord(record, `records/${index}`))
      const key = headers['idempotency-key']
      let results: readonly ProduceResult[]
      if (key === undefined) results = await broker.produce.records(params.topic, plain, { acks })
      else {
        const idempotencyKey = keyOf(String(key))
        const once = await broker.produce.recordsOnce(params.topic, plain, { acks, idempotencyKey })
        results = once.results
        if (once.isRepeat) reply.header('idempotent-replayed', 'true')
      }
      const failures = distinctErrors(results)
      if (failures.length === 1 && results.every((result) => 'error' in result)) throw failures[0]!
      if (failures.length > 0) reply.code(207)
      const retryAfter = retryAfterOf(failures)
      if (retryAfter !== undefined) reply.header('retry-after', retryAfter)
      for (const error of failures) logFailure(context, error, { method: raw.method ?? '', url: raw.url ?? '' })
      return { results: results.map(resultJson) }
    },
  )
}

const QUOTED_KEY = /^"((?:[^"\\]|\\["\\])*)"$/

/**
 * The key as it stands in the header: bare, or in quotes as draft-ietf-httpapi-idempotency-key-header has it.
 * @throws MillraceError INVALID_REQUEST for a quote that does not end
 */
function keyOf(header: string): string {
  if (!header.startsWith('"')) return header
  const quoted = QUOTED_KEY.exec(header)?.[1]
  if (quoted !== undefined) return quoted.replaceAll(/\\(.)/g, '$1')
  throw new MillraceError('INVALID_REQUEST', 'the Idempotency-Key begins with a quote, and does not end with one')
}

/** The first error of each code. */
function distinctErrors(results: readonly ProduceResult[]): MillraceError[] {
  const byCode = new Map<string, MillraceError>()
  for (const result of results) {
    if ('error' in result && !byCode.has(result.error.code)) byCode.set(result.error.code, result.error)
  }
  return [...byCode.values()]
}

function resultJson(result: ProduceResult): ProduceAnswer['results'][number] {
  const { partition } = result
  if ('error' in result) return { partition, error: { code: result.error.code, detail: publicMessage(result.error) } }
  return { partition, offset: result.offset, timestamp: result.timestamp }
}

function fetchRoute(app: FastifyInstance, { broker, waits, answers, liveTails }: RouteContext): void {
  app.get<{ Params: Static<typeof PartitionPath>; Querystring: FetchQuery }>(
    '/v1/topics/:topic/partitions/:partition/records',
    {
      schema: {
        operationId: 'fetch',
        tags: ['Records'],
        summary: 'Read records',
        description:
          'One answer, or, with `Accept: text/event-stream` or `application/x-ndjson`, a live tail, which waits and goes on: ' +
          '`limit` ends it, and `maxBytes` and `waitMs` are refused. `Last-Event-ID`, the last offset seen, beats the query.',
        params: PartitionPath,
        querystring: FetchQuery,
        headers: FetchHeaders,
        response: {
          200: {
            description: 'What was read; as `text/event-stream` or `application/x-ndjson`, what is read on and on.',
            content: {
              'application/json': { schema: FetchAnswer },
              'text/event-stream': { schema: EventStream },
              'application/x-ndjson': { schema: JsonLines },
            },
          },
        },
        errors: [
          ...PARTITION_ERRORS,
          'OFFSET_OUT_OF_RANGE',
          'INVALID_BATCH',
          'BATCH_TOO_LARGE',
          'UNSUPPORTED_COMPRESSION',
          'LIMIT_REACHED',
          ...READ_ERRORS,
        ],
      },
    },
    async (request, reply) => {
      const { params, query } = request
      const from = positionOf(query) ?? { at: 'earliest' }
      const format = tailFormatOf(request.headers)
      if (format !== undefined) return liveTails.follow(request, reply, tailRequest(request, from, format))
      const { limit, waitMs = 0, isolation } = query
      const wantedBytes = Math.min(query.maxBytes ?? broker.limits.fetchBytes, broker.limits.fetchBytes)
      const { answer, release } = await answers.make(
        connectionOf(reply.raw),
        { wantedBytes, waits: waitMs > 0, isQueued: true },
        (maxBytes, room) => {
          let mostBytes = maxBytes
          const roomNow = (): number => {
            if (isGone(reply.raw)) throw new MillraceError('CANCELLED', 'the caller went away before its turn came')
            mostBytes = room()
            return mostBytes
          }
          const read = (signal?: AbortSignal): Promise<Buffer> =>
            broker.fetch.answer(
              { ...params, from },
              { limit, maxBytes, waitMs, isolation, signal, room: roomNow, line: request.ip },
              (fetched) => fetchedJson(withinBytes(fetched, mostBytes), query.as),
            )
          return waitMs === 0 ? read() : waits.run(reply.raw, read)
        },
      )
      if (isGone(reply.raw)) release()
      reply.raw.once('close', release)
      request.isAnswerCounted = true
      return reply.type('application/json').send(answer)
    },
  )
}

function offsetsRoute(app: FastifyInstance, { broker }: RouteContext): void {
  app.get<{ Params: Static<typeof PartitionPath>; Querystring: OffsetsQuery }>(
    '/v1/topics/:topic/partitions/:partition/offsets',
    {
      schema: {
        operationId: 'getOffset',
        tags: ['Records'],
        summary: 'Find offsets',
        description: 'One end, the first offset at or after a time, or, when nothing is asked for, both ends.',
        params: PartitionPath,
        querystring: OffsetsQuery,
        response: { 200: OffsetsAnswer },
        errors: [...PARTITION_ERRORS, ...READ_ERRORS],
      },
    },
    async ({ params, query }): Promise<OffsetsAnswer> => {
      const position = positionOf({ from: query.at, timestamp: query.timestamp }, 'at')
      if (position !== undefined) return offsetAt(broker, params, position)
      const { offset: earliest } = await offsetAt(broker, params, { at: 'earliest' })
      const { offset: latest } = await offsetAt(broker, params, { at: 'latest' })
      return { earliest, latest }
    },
  )
}

async function offsetAt(
  broker: Broker,
  { topic, partition }: Static<typeof PartitionPath>,
  position: Position,
): Promise<{ offset: number; timestamp?: number; found: boolean }> {
  const source = await broker.fetch.source(topic, partition)
  return source.offsetAt(position)
}

interface AskedPosition {
  readonly offset?: number | undefined
  readonly from?: 'earliest' | 'latest' | undefined
  readonly timestamp?: number | undefined
}

/** @throws MillraceError INVALID_REQUEST when more than one position is asked for */
function positionOf({ offset, from, timestamp }: AskedPosition, fromName = 'from'): Position | undefined {
  const given = [offset, from, timestamp].filter((value) => value !== undefined)
  if (given.length > 1) {
    const names = fromName === 'from' ? 'offset, from and timestamp' : `${fromName} and timestamp`
    throw new MillraceError('INVALID_REQUEST', `only one of ${names} may be given`)
  }
  if (offset !== undefined) return { offset }
  if (from !== undefined) return { at: from }
  return timestamp === undefined ? undefined : { timestampMs: timestamp }
}
