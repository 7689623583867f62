import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import { CreateTopicBody, NoQuery, Problem, Topic, TopicDetail, TopicList, TopicPath } from '../schemas.ts'
import type { RouteContext } from './context.ts'

/** Making, listing, describing and deleting topics. */
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
}

/** Without what the engine has beside. */
function topicJson({ name, id, partitions, createdAtMs }: Topic): Topic {
  return { name, id, partitions, createdAtMs }
}
