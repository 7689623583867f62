import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import { READ_ERRORS, WRITE_ERRORS } from '../declaration.ts'
import { CreateTopicBody, Deleted, NoQuery, Topic, TopicDetail, TopicList, TopicPath } from '../schemas.ts'
import type { RouteContext } from './context.ts'

/** Making, listing, describing and deleting topics. */
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
    async ({ params }): Promise<TopicDetail> => {
      const { topic, settings, partitions } = await broker.topics.describe(params.topic)
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
}

/** Without what the engine has beside. */
function topicJson({ name, id, partitions, createdAtMs }: Topic): Topic {
  return { name, id, partitions, createdAtMs }
}
