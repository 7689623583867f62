import type { TopicDetails } from '@millrace/broker'
import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import {
  AlterTopicBody,
  CreateTopicBody,
  DeleteRecordsAnswer,
  DeleteRecordsQuery,
  NoQuery,
  PartitionPath,
  Problem,
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
        summary: 'Make a topic',
        body: CreateTopicBody,
        querystring: NoQuery,
        response: { 201: Topic, '4xx': Problem },
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
    { schema: { summary: 'List the topics', querystring: NoQuery, response: { 200: TopicList, '4xx': Problem } } },
    async () => ({ topics: (await broker.topics.list()).map(topicJson) }),
  )

  app.get<{ Params: Static<typeof TopicPath> }>(
    '/v1/topics/:topic',
    {
      schema: {
        summary: 'Describe a topic',
        params: TopicPath,
        querystring: NoQuery,
        response: { 200: TopicDetail, '4xx': Problem },
      },
    },
    async ({ params }): Promise<TopicDetail> => detailJson(await broker.topics.describe(params.topic)),
  )

  app.patch<{ Params: Static<typeof TopicPath>; Body: Static<typeof AlterTopicBody> }>(
    '/v1/topics/:topic',
    {
      schema: {
        summary: 'Change settings of a topic, add partitions to it, or both',
        description: 'All or nothing. It holds from the answer on, for what is open too.',
        params: TopicPath,
        querystring: NoQuery,
        body: AlterTopicBody,
        response: { 200: TopicDetail, '4xx': Problem, '5xx': Problem },
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
        summary: 'Delete a topic and its records',
        params: TopicPath,
        querystring: NoQuery,
        response: { '4xx': Problem },
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
        summary: 'Delete the records before an offset',
        description: 'For good; an offset at or below the log start changes nothing.',
        params: PartitionPath,
        querystring: DeleteRecordsQuery,
        response: { 200: DeleteRecordsAnswer, '4xx': Problem, '5xx': Problem },
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
