import type { TopicDetails } from '@millrace/broker'
import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import { PARTITION_ERRORS, READ_ERRORS, WRITE_ERRORS } from '../declaration.ts'
import {
  AlterTopicBody,
  CreateTopicBody,
  Deleted,
  DeleteRecordsAnswer,
  DeleteRecordsQuery,
  NoQuery,
  PartitionPath,
  Topic,
  TopicDetail,
  TopicList,
  TopicPath,
} from '../schemas.ts'
import type { RouteContext } from './context.ts'

/** Making, listing, describing, changing and deleting topics, and deleting their records. */
export function topicRoutes(app: FastifyInstance, { broker }: RouteContext): void {
  app.post<{ Body: Static<typeof CreateTopicBody> }>(
    '/v1/topics',
    {
      schema: {
        operationId: 'createTopic',
        tags: ['Topics'],
        summary: 'Make a topic',
        body: CreateTopicBody,
        querystring: NoQuery,
        response: { 201: Topic },
        answerHeaders: { Location: { type: 'string', description: 'The path of the topic.' } },
        errors: [
          'INVALID_TOPIC_NAME',
          'INVALID_PARTITIONS',
          'INVALID_CONFIG',
          'TOPIC_EXISTS',
          'TOPIC_NAME_CONFLICT',
          ...WRITE_ERRORS,
        ],
      },
    },
    async ({ body }, reply) => {
      const { name, partitions = 1, config = {} } = body
      const settings = Object.fromEntries(Object.entries(config).map(([key, value]) => [key, String(value)]))
      const topic = await broker.topics.create({ name, partitions, settings })
      reply.code(201).header('location', `/v1/topics/${encodeURIComponent(name)}`)
      return topicJson(topic)
    },
  )

  app.get(
    '/v1/topics',
    {
      schema: {
        operationId: 'listTopics',
        tags: ['Topics'],
        summary: 'List the topics',
        querystring: NoQuery,
        response: { 200: TopicList },
        errors: ['STORAGE_FAILED'],
      },
    },
    async () => ({ topics: (await broker.topics.list()).map(topicJson) }),
  )

  app.get<{ Params: Static<typeof TopicPath> }>(
    '/v1/topics/:topic',
    {
      schema: {
        operationId: 'describeTopic',
        tags: ['Topics'],
        summary: 'Describe a topic',
        params: TopicPath,
        querystring: NoQuery,
        response: { 200: TopicDetail },
        errors: ['TOPIC_NOT_FOUND', ...READ_ERRORS],
      },
    },
    async ({ params }): Promise<TopicDetail> => detailJson(await broker.topics.describe(params.topic)),
  )

  app.patch<{ Params: Static<typeof TopicPath>; Body: Static<typeof AlterTopicBody> }>(
    '/v1/topics/:topic',
    {
      schema: {
        operationId: 'alterTopic',
        tags: ['Topics'],
        summary: 'Change settings of a topic, add partitions to it, or both',
        description: 'All or nothing. It holds from the answer on, for what is open too.',
        params: TopicPath,
        querystring: NoQuery,
        body: AlterTopicBody,
        response: { 200: TopicDetail },
        errors: ['TOPIC_NOT_FOUND', 'INVALID_TOPIC_NAME', 'INVALID_PARTITIONS', 'INVALID_CONFIG', ...WRITE_ERRORS],
      },
    },
    async ({ params, body: { partitions, config = {} } }): Promise<TopicDetail> => {
      const entries = Object.entries(config)
      const set = Object.fromEntries(entries.flatMap(([key, value]) => (value === null ? [] : [[key, String(value)]])))
      const unset = entries.filter(([, value]) => value === null).map(([key]) => key)
      return detailJson(await broker.topics.alter(params.topic, { partitions, set, unset }))
    },
  )

  app.delete<{ Params: Static<typeof TopicPath> }>(
    '/v1/topics/:topic',
    {
      schema: {
        operationId: 'deleteTopic',
        tags: ['Topics'],
        summary: 'Delete a topic and its records',
        params: TopicPath,
        querystring: NoQuery,
        response: { 204: Deleted },
        errors: ['TOPIC_NOT_FOUND', 'INVALID_TOPIC_NAME', ...WRITE_ERRORS],
      },
    },
    async ({ params }, reply) => {
      await broker.topics.delete(params.topic)
      return reply.code(204).send()
    },
  )

  app.delete<{ Params: Static<typeof PartitionPath>; Querystring: Static<typeof DeleteRecordsQuery> }>(
    '/v1/topics/:topic/partitions/:partition/records',
    {
      schema: {
        operationId: 'deleteRecords',
        tags: ['Topics'],
        summary: 'Delete the records before an offset',
        description: 'For good; an offset at or below the log start changes nothing.',
        params: PartitionPath,
        querystring: DeleteRecordsQuery,
        response: { 200: DeleteRecordsAnswer },
        errors: [...PARTITION_ERRORS, 'INVALID_TOPIC_NAME', 'OFFSET_OUT_OF_RANGE', ...WRITE_ERRORS],
      },
    },
    async ({ params: { topic, partition }, query: { before } }) => ({
      logStartOffset: await broker.topics.deleteRecords(topic, partition, before),
    }),
  )
}

function detailJson({ topic, settings, partitions }: TopicDetails): TopicDetail {
  return {
    name: topic.name,
    id: topic.id,
    createdAtMs: topic.createdAtMs,
    config: { ...settings },
    partitions: partitions.map((status) => ({
      partition: status.partition,
      logStartOffset: status.logStartOffset,
      highWatermark: status.highWatermark,
      lastStableOffset: status.lastStableOffset,
      sizeBytes: status.sizeBytes,
      leaderEpoch: status.leaderEpoch,
    })),
  }
}

/** Without what the engine has beside. */
function topicJson({ name, id, partitions, createdAtMs }: Topic): Topic {
  return { name, id, partitions, createdAtMs }
}
