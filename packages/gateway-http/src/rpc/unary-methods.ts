import type { Broker, ProduceResult, TopicDetails } from '@millrace/broker'
import { type Limits, type Logger, MillraceError } from '@millrace/record'
import {
  acksOf,
  errorToMessage,
  frameFetchResponse,
  frameMessage,
  fromInt64,
  HEALTH_CHECK,
  type millrace,
  recordFromMessage,
  toInt64,
  UNARY,
  type UnaryMethod,
} from '@millrace/wire'
import type { Answers } from '../answers.ts'
import type { RequestStats } from '../request-stats.ts'
import type { Call } from './call.ts'
import { logFailure, publicError } from './failures.ts'
import { groupRoutes } from './group-methods.ts'
import type { Health } from './health.ts'
import { isolationOf, positionOf } from './positions.ts'
import type { AddRoute, UnaryAnswer, UnaryHandler } from './unary-call.ts'

/** A call and the largest request that it takes. */
export interface UnaryRoute {
  readonly handle: UnaryHandler
  readonly maxRequestBytes: number
}

/** What the calls need beside the broker. */
export interface UnaryContext {
  readonly limits: Limits
  readonly logger: Logger
  readonly answers: Answers
  readonly requests: RequestStats
}

/** Requests that carry no records are small. */
const SMALL_REQUEST_BYTES = 262_144

/** What changes nothing may be refused after its work was done. */
const SAFE: ReadonlySet<string> = new Set(
  [
    UNARY.listTopics,
    UNARY.describeTopic,
    UNARY.listGroups,
    UNARY.describeGroup,
    UNARY.fetchOffsets,
    UNARY.listTransactions,
  ].map(({ path }) => path),
)

/** The unary calls by their paths. Nothing is decided here: each turns a request into a broker's call, and back. */
export function unaryRoutes(broker: Broker, health: Health, context: UnaryContext): ReadonlyMap<string, UnaryRoute> {
  const { limits, answers } = context
  const routes = new Map<string, UnaryRoute>()
  const counted = (answer: Buffer, { budget }: Call): UnaryAnswer => ({
    parts: [answer],
    release: answers.hold(budget, answer.length),
  })
  function route<Request, Response>(
    method: UnaryMethod<Request, never, unknown, Response>,
    run: (request: Request) => Promise<Response>,
  ): void {
    const isSafe = SAFE.has(method.path)
    routes.set(method.path, {
      maxRequestBytes: SMALL_REQUEST_BYTES,
      handle: async (bytes, _signal, call) => {
        const answer = frameMessage(method.encodeResponse(await run(method.decodeRequest(bytes))))
        if (isSafe) answers.checkRoom(answer.length)
        return counted(answer, call)
      },
    })
  }
  topicRoutes(broker, route)
  groupRoutes(broker.groups, limits, route)
  producerRoutes(broker, route)
  route(UNARY.createBackup, async ({ name }) => {
    const { path, partitions, ...made } = await broker.backups.create(name === '' ? undefined : name)
    return {
      name: made.name,
      path,
      partitions,
      sizeBytes: toInt64(made.sizeBytes),
      copiedBytes: toInt64(made.copiedBytes),
      pausedMs: toInt64(made.pausedMs),
    }
  })
  route(HEALTH_CHECK, async ({ service }) => ({ status: await health.check(service) }))
  route(UNARY.getOffset, async ({ topic, partition, at }) => {
    const source = await broker.fetch.source(topic, partition)
    const { offset, timestamp, found } = await source.offsetAt(positionOf(at))
    return { offset: toInt64(offset), timestamp: timestamp === undefined ? null : toInt64(timestamp), found }
  })
  routes.set(UNARY.produce.path, {
    get maxRequestBytes() {
      return limits.requestBytes
    },
    handle: async (bytes, _signal, call) =>
      counted(frameMessage(UNARY.produce.encodeResponse(await produce(broker, bytes, context))), call),
  })
  routes.set(UNARY.fetch.path, {
    maxRequestBytes: SMALL_REQUEST_BYTES,
    handle: (bytes, signal, call) => fetch(broker, answers, bytes, signal, call),
  })
  return routes
}

function topicRoutes({ topics }: Broker, route: AddRoute): void {
  route(UNARY.createTopic, async ({ name, partitions, config }) => {
    const topic = await topics.create({ name, partitions: partitions === 0 ? 1 : partitions, settings: config })
    return { topic: topicMessage(topic) }
  })
  route(UNARY.listTopics, async () => ({ topics: (await topics.list()).map(topicMessage) }))
  route(UNARY.describeTopic, async ({ name }) => detailsMessage(await topics.describe(name)))
  route(UNARY.alterTopic, async ({ name, partitions, config, unset }) => {
    const count = partitions === 0 ? undefined : partitions
    return detailsMessage(await topics.alter(name, { partitions: count, set: config, unset }))
  })
  route(UNARY.deleteTopic, async ({ name }) => {
    await topics.delete(name)
    return {}
  })
  route(UNARY.deleteRecords, async ({ topic, partition, before }) => ({
    logStartOffset: toInt64(await topics.deleteRecords(topic, partition, fromInt64(before))),
  }))
}

function producerRoutes({ produce, transactions }: Broker, route: AddRoute): void {
  route(UNARY.initProducer, async ({ transactionalId, transactionTimeoutMs }) => {
    if (transactionalId === '') return identityMessage(await produce.initProducer())
    const timeoutMs = transactionTimeoutMs === 0 ? undefined : transactionTimeoutMs
    return identityMessage(await transactions.init(transactionalId, { timeoutMs }))
  })
  route(UNARY.endTransaction, async ({ transactionalId, producerId, producerEpoch, commit }) => {
    const transaction = { transactionalId, producerId: fromInt64(producerId), producerEpoch }
    return identityMessage(await transactions.end(transaction, commit ? 'commit' : 'abort'))
  })
  route(UNARY.listTransactions, async () => ({
    transactions: (await transactions.list()).map(({ partitions, startedAtMs, state, timeoutMs, ...ids }) => ({
      transactionalId: ids.transactionalId,
      ...identityMessage(ids),
      state,
      timeoutMs,
      startedAtMs: startedAtMs === undefined ? null : toInt64(startedAtMs),
      partitions: partitions.length,
    })),
  }))
}

type ProducerIdentity = Awaited<ReturnType<Broker['produce']['initProducer']>>

function identityMessage({
  producerId,
  producerEpoch,
}: ProducerIdentity): millrace.v1.InitProducerResponse.$Properties {
  return { producerId: toInt64(producerId), producerEpoch }
}

type TopicDescription = Awaited<ReturnType<Broker['topics']['create']>>

function topicMessage({ name, id, partitions, createdAtMs }: TopicDescription): millrace.v1.Topic.$Properties {
  return { name, id, partitions, createdAtMs: toInt64(createdAtMs) }
}

function detailsMessage({ topic, settings, partitions }: TopicDetails): millrace.v1.DescribeTopicResponse.$Properties {
  return {
    topic: topicMessage(topic),
    config: settings,
    partitions: partitions.map((status) => ({
      partition: status.partition,
      logStartOffset: toInt64(status.logStartOffset),
      highWatermark: toInt64(status.highWatermark),
      lastStableOffset: toInt64(status.lastStableOffset),
      sizeBytes: toInt64(status.sizeBytes),
      leaderEpoch: status.leaderEpoch,
    })),
  }
}

async function produce(
  broker: Broker,
  bytes: Buffer,
  context: UnaryContext,
): Promise<millrace.v1.ProduceResponse.$Properties> {
  const { topic, acks, records } = UNARY.produce.decodeRequest(bytes)
  const results = await broker.produce.records(topic, records.map(recordFromMessage), { acks: acksOf(acks) })
  logFailures(results, topic, context)
  return { results: results.map(resultMessage) }
}

/** Logs the first failure of each code. */
function logFailures(results: readonly ProduceResult[], topic: string, context: UnaryContext): void {
  const codes = new Set<string>()
  for (const result of results) {
    if (!('error' in result) || codes.has(result.error.code)) continue
    codes.add(result.error.code)
    logFailure(context, result.error, { call: UNARY.produce.path, topic, partition: result.partition })
  }
}

function resultMessage(result: ProduceResult): millrace.v1.ProduceResult.$Properties {
  const { partition } = result
  if ('error' in result) return { partition, error: errorToMessage(publicError(result.error)) }
  return { partition, offset: toInt64(result.offset), timestamp: toInt64(result.timestamp) }
}

async function fetch(
  broker: Broker,
  answers: Answers,
  bytes: Buffer,
  signal: AbortSignal,
  { budget }: Call,
): Promise<UnaryAnswer> {
  const { topic, partition, from, maxBytes, waitMs, isolation } = UNARY.fetch.decodeRequest(bytes)
  if (maxBytes < 0 || waitMs < 0) throw new MillraceError('INVALID_REQUEST', 'max_bytes and wait_ms are 0 or more')
  const source = await broker.fetch.source(topic, partition)
  const options = { isolation: isolationOf(isolation), signal }
  const offset = await source.resolve(positionOf(from), options.isolation)
  const wantedBytes = maxBytes > 0 ? Math.min(maxBytes, broker.limits.fetchBytes) : broker.limits.fetchBytes
  const { answer, release } = await answers.make(budget, { wantedBytes, waits: waitMs > 0 }, async (most) => {
    const result = await source.read(offset, { ...options, maxBytes: most, waitMs })
    source.given(result)
    const parts = frameFetchResponse(result, result.batches)
    return { parts, length: parts.reduce((sum, part) => sum + part.length, 0) }
  })
  return { parts: answer.parts, release }
}
