import type { GroupCalls, GroupDescription, GroupSummary, MemberDescription, MemberIdentity } from '@millrace/broker'
import type { Limits } from '@millrace/record'
import { fromInt64, type millrace, toInt64, UNARY } from '@millrace/wire'
import { offsetCommitsOf, optionalInt64, partitionMessages, partitionsOf, resetOf } from './group-messages.ts'
import type { AddRoute } from './unary-call.ts'

/** The unary calls of consumer groups. */
export function groupRoutes(
  groups: GroupCalls,
  { partitions: max }: Pick<Limits, 'partitions'>,
  route: AddRoute,
): void {
  route(UNARY.listGroups, async () => ({ groups: (await groups.list()).map(summaryMessage) }))
  route(UNARY.describeGroup, async ({ name }) => descriptionMessage(await groups.describe(name)))
  route(UNARY.deleteGroup, async ({ name }) => {
    await groups.delete(name)
    return {}
  })
  route(UNARY.commitOffsets, async (request) => {
    const offsets = offsetCommitsOf(request.offsets, max)
    const transaction = transactionOf(request.transaction)
    await groups.commit({ group: request.group, offsets, member: memberOf(request), transaction })
    return {}
  })
  route(UNARY.fetchOffsets, async (request) => {
    const { group, allowPending } = request
    const partitions = request.partitions.length === 0 ? undefined : partitionsOf(request.partitions, max)
    const offsets = await groups.offsets(group, { partitions, member: memberOf(request), allowPending })
    return {
      offsets: offsets.map(({ topic, partition, offset, metadata, committedAtMs }) => ({
        topic,
        partition,
        offset: toInt64(offset),
        metadata,
        committedAtMs: toInt64(committedAtMs),
      })),
    }
  })
  route(UNARY.resetOffsets, async (request) => {
    const resets = await groups.reset(resetOf(request, max))
    return {
      offsets: resets.map(({ topic, partition, before, after }) => ({
        topic,
        partition,
        before: optionalInt64(before),
        after: toInt64(after),
      })),
    }
  })
}

function memberOf({ memberId, memberEpoch }: MemberIdentity): MemberIdentity | undefined {
  return memberId === '' ? undefined : { memberId, memberEpoch }
}

function transactionOf(
  identity: millrace.v1.TransactionIdentity | null,
): Parameters<GroupCalls['commit']>[0]['transaction'] {
  if (identity === null) return undefined
  const { transactionalId, producerId, producerEpoch } = identity
  return { transactionalId, producerId: fromInt64(producerId), producerEpoch }
}

function summaryMessage({ name, state, members, epoch }: GroupSummary): millrace.v1.GroupSummary.$Properties {
  return { name, state, members, epoch }
}

function descriptionMessage(group: GroupDescription): millrace.v1.DescribeGroupResponse.$Properties {
  return {
    summary: summaryMessage(group),
    assignor: group.assignor,
    members: group.memberList.map(memberMessage),
    partitions: group.partitions.map((status) => ({
      topic: status.topic,
      partition: status.partition,
      memberId: status.memberId ?? '',
      committedOffset: optionalInt64(status.committedOffset),
      metadata: status.metadata,
      logStartOffset: toInt64(status.logStartOffset),
      highWatermark: toInt64(status.highWatermark),
      lag: optionalInt64(status.lag),
    })),
  }
}

function memberMessage(member: MemberDescription): millrace.v1.GroupMember.$Properties {
  const { memberId, instanceId = '', clientId, memberEpoch: epoch, subscription } = member
  return {
    memberId,
    instanceId,
    clientId,
    epoch,
    topics: 'topics' in subscription ? [...subscription.topics] : [],
    topicPattern: 'pattern' in subscription ? subscription.pattern : '',
    owned: partitionMessages(member.owned),
    target: partitionMessages(member.target),
  }
}
