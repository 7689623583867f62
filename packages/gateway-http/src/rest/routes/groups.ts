import type { GroupDescription, GroupSummary, MemberDescription, ResetRequest, TopicPartitions } from '@millrace/broker'
import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import { PARTITION_ERRORS, READ_ERRORS, WRITE_ERRORS } from '../declaration.ts'
import {
  CommitBody,
  Committed,
  type Group,
  GroupDetail,
  GroupList,
  GroupOffsets,
  GroupOffsetsQuery,
  GroupPath,
  ResetAnswer,
  ResetBody,
} from '../group-schemas.ts'
import { Deleted, NoQuery } from '../schemas.ts'
import type { RouteContext } from './context.ts'

/** Listing, describing and deleting consumer groups, and their offsets. */
export function groupRoutes(app: FastifyInstance, context: RouteContext): void {
  listRoute(app, context)
  describeRoute(app, context)
  deleteRoute(app, context)
  offsetsRoute(app, context)
  commitRoute(app, context)
  resetRoute(app, context)
}

type Path = { Params: Static<typeof GroupPath> }

function listRoute(app: FastifyInstance, { broker }: RouteContext): void {
  app.get(
    '/v1/groups',
    {
      schema: {
        operationId: 'listGroups',
        tags: ['Groups'],
        summary: 'List the consumer groups',
        querystring: NoQuery,
        response: { 200: GroupList },
        errors: [...READ_ERRORS],
      },
    },
    async () => ({ groups: (await broker.groups.list()).map(groupJson) }),
  )
}

function describeRoute(app: FastifyInstance, { broker }: RouteContext): void {
  app.get<Path>(
    '/v1/groups/:group',
    {
      schema: {
        operationId: 'describeGroup',
        tags: ['Groups'],
        summary: 'Describe a consumer group',
        description: 'Its members, what they own, the committed offsets and how many records lie behind them.',
        params: GroupPath,
        querystring: NoQuery,
        response: { 200: GroupDetail },
        errors: ['GROUP_NOT_FOUND', ...READ_ERRORS],
      },
    },
    async ({ params }) => detailJson(await broker.groups.describe(params.group)),
  )
}

function deleteRoute(app: FastifyInstance, { broker }: RouteContext): void {
  app.delete<Path>(
    '/v1/groups/:group',
    {
      schema: {
        operationId: 'deleteGroup',
        tags: ['Groups'],
        summary: 'Delete a consumer group without members, and its offsets',
        params: GroupPath,
        querystring: NoQuery,
        response: { 204: Deleted },
        errors: ['GROUP_NOT_FOUND', 'GROUP_NOT_EMPTY', 'OFFSETS_PENDING', ...READ_ERRORS, ...WRITE_ERRORS],
      },
    },
    async ({ params }, reply) => {
      await broker.groups.delete(params.group)
      return reply.code(204).send()
    },
  )
}

function offsetsRoute(app: FastifyInstance, { broker }: RouteContext): void {
  app.get<Path & { Querystring: GroupOffsetsQuery }>(
    '/v1/groups/:group/offsets',
    {
      schema: {
        operationId: 'fetchOffsets',
        tags: ['Groups'],
        summary: 'Tell the committed offsets',
        params: GroupPath,
        querystring: GroupOffsetsQuery,
        response: { 200: GroupOffsets },
        errors: ['GROUP_NOT_FOUND', 'OFFSETS_PENDING', ...READ_ERRORS],
      },
    },
    async ({ params, query }): Promise<GroupOffsets> => {
      const offsets = await broker.groups.offsets(params.group, { allowPending: query.pending === 'allow' })
      return {
        offsets: offsets.map(({ topic, partition, offset, metadata, committedAtMs }) => ({
          topic,
          partition,
          offset,
          metadata,
          committedAtMs,
        })),
      }
    },
  )
}

function commitRoute(app: FastifyInstance, { broker }: RouteContext): void {
  app.post<Path & { Body: Static<typeof CommitBody> }>(
    '/v1/groups/:group/offsets',
    {
      schema: {
        operationId: 'commitOffsets',
        tags: ['Groups'],
        summary: 'Commit offsets from outside',
        description: 'All or nothing, into a group without members. A group that there is not is made.',
        params: GroupPath,
        querystring: NoQuery,
        body: CommitBody,
        response: { 204: Committed },
        errors: [
          'INVALID_GROUP_NAME',
          'GROUP_NOT_EMPTY',
          ...PARTITION_ERRORS,
          'OFFSET_OUT_OF_RANGE',
          'METADATA_TOO_LARGE',
          'BATCH_TOO_LARGE',
          ...READ_ERRORS,
          ...WRITE_ERRORS,
        ],
      },
    },
    async ({ params, body }, reply) => {
      const offsets = body.offsets.map(({ metadata = '', ...offset }) => ({ ...offset, metadata }))
      await broker.groups.commit({ group: params.group, offsets, member: undefined })
      return reply.code(204).send()
    },
  )
}

function resetRoute(app: FastifyInstance, { broker }: RouteContext): void {
  app.post<Path & { Body: ResetBody }>(
    '/v1/groups/:group/offsets/reset',
    {
      schema: {
        operationId: 'resetOffsets',
        tags: ['Groups'],
        summary: 'Set offsets anew',
        description: 'Or, with `dryRun`, tell what they would be.',
        params: GroupPath,
        querystring: NoQuery,
        body: ResetBody,
        response: { 200: ResetAnswer },
        errors: [
          'INVALID_GROUP_NAME',
          'GROUP_NOT_FOUND',
          'GROUP_NOT_EMPTY',
          ...PARTITION_ERRORS,
          'OFFSET_OUT_OF_RANGE',
          'BATCH_TOO_LARGE',
          ...READ_ERRORS,
          ...WRITE_ERRORS,
        ],
      },
    },
    async ({ params, body }): Promise<ResetAnswer> => {
      const { to, partitions, dryRun = false, force = false } = body
      const resets = await broker.groups.reset({ group: params.group, to: targetOf(to), partitions, dryRun, force })
      return {
        offsets: resets.map(({ topic, partition, before, after }) => ({
          topic,
          partition,
          ...present({ before }),
          after,
        })),
      }
    },
  )
}

/** Exactly one is given. */
function targetOf({ offset, timestamp, shift, latest }: ResetBody['to']): ResetRequest['to'] {
  if (offset !== undefined) return { offset }
  if (timestamp !== undefined) return { timestampMs: timestamp }
  if (shift !== undefined) return { shift }
  return { at: latest ? 'latest' : 'earliest' }
}

function groupJson({ name, state, members, epoch }: GroupSummary): Group {
  return { name, state, members, epoch }
}

function detailJson({ name, state, epoch, assignor, memberList, partitions }: GroupDescription): GroupDetail {
  return {
    name,
    state,
    epoch,
    assignor,
    members: memberList.map(memberJson),
    partitions: partitions.map((status) => {
      const { topic, partition, memberId, committedOffset, metadata, logStartOffset, highWatermark, lag } = status
      const committed = committedOffset === undefined ? {} : { committedOffset, metadata }
      return {
        topic,
        partition,
        ...present({ memberId }),
        ...committed,
        logStartOffset,
        highWatermark,
        ...present({ lag }),
      }
    }),
  }
}

function memberJson(member: MemberDescription): GroupDetail['members'][number] {
  const { memberId, instanceId, clientId, memberEpoch: epoch, subscription, owned, target } = member
  const asked = 'topics' in subscription ? { topics: [...subscription.topics] } : { topicPattern: subscription.pattern }
  return {
    memberId,
    ...present({ instanceId }),
    clientId,
    epoch,
    ...asked,
    owned: partitionsJson(owned),
    target: partitionsJson(target),
  }
}

function partitionsJson(partitions: readonly TopicPartitions[]): { topic: string; partitions: number[] }[] {
  return partitions.map((one) => ({ topic: one.topic, partitions: [...one.partitions] }))
}

/** The members of `values` that are not undefined. */
function present<T extends Record<string, unknown>>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>
  }
}
