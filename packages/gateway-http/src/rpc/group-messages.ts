import type { AssignorName, JoinRequest, OffsetCommit, ResetRequest, TopicPartitions } from '@millrace/broker'
import { MillraceError } from '@millrace/record'
import { fromInt64, type Int64, type millrace, toInt64 } from '@millrace/wire'
import { positionOf } from './positions.ts'

/** @throws MillraceError INVALID_SUBSCRIPTION, REQUEST_TOO_LARGE */
export function joinOf(message: millrace.v1.Join, maxPartitions: number): JoinRequest {
  const { topics, topicPattern, assignor, instanceId } = message
  if (topics.length > 0 && topicPattern !== '') {
    throw new MillraceError('INVALID_SUBSCRIPTION', 'a member asks for topics by name or by a pattern, not both')
  }
  checkCount(topics.length, 'topics', maxPartitions)
  return {
    group: message.group,
    memberId: message.memberId,
    memberEpoch: message.memberEpoch,
    instanceId: instanceId === '' ? undefined : instanceId,
    subscription: topicPattern === '' ? { topics } : { pattern: topicPattern },
    // The broker refuses one that there is not.
    assignor: assignor === '' ? 'uniform' : (assignor as AssignorName),
    sessionTimeoutMs: message.sessionTimeoutMs,
    rebalanceTimeoutMs: message.rebalanceTimeoutMs,
    owned: partitionsOf(message.owned, maxPartitions),
    clientId: message.clientId,
  }
}

/** @throws MillraceError REQUEST_TOO_LARGE for more than `max` */
export function partitionsOf(messages: readonly millrace.v1.TopicPartitions[], max: number): TopicPartitions[] {
  let count = messages.length
  for (const { partitions } of messages) count += partitions.length
  checkCount(count, 'topics and partitions', max)
  return messages.map(({ topic, partitions }) => ({ topic, partitions }))
}

/** @throws MillraceError REQUEST_TOO_LARGE for more than `max`, NUMBER_NOT_EXACT */
export function offsetCommitsOf(messages: readonly millrace.v1.OffsetCommit[], max: number): OffsetCommit[] {
  checkCount(messages.length, 'offsets', max)
  return messages.map(({ topic, partition, offset, metadata }) => ({
    topic,
    partition,
    offset: fromInt64(offset),
    metadata,
  }))
}

/** @throws MillraceError INVALID_REQUEST, REQUEST_TOO_LARGE, NUMBER_NOT_EXACT */
export function resetOf(message: millrace.v1.ResetOffsetsRequest, maxPartitions: number): ResetRequest {
  const { group, partitions, position, shift, dryRun, force } = message
  return {
    group,
    partitions: partitions.length === 0 ? undefined : partitionsOf(partitions, maxPartitions),
    to: targetOf(message.to, position, shift),
    dryRun,
    force,
  }
}

function targetOf(
  to: millrace.v1.ResetOffsetsRequest['to'],
  position: millrace.v1.ResetOffsetsRequest['position'],
  shift: millrace.v1.ResetOffsetsRequest['shift'],
): ResetRequest['to'] {
  if (to === 'shift') return { shift: fromInt64(shift as NonNullable<typeof shift>) }
  // Elsewhere a position that says nothing means the first record; to put offsets there, it must be said.
  if (to === 'position' && position?.at !== undefined) return positionOf(position)
  throw new MillraceError('INVALID_REQUEST', 'a reset needs a position or a shift')
}

export function partitionMessages(partitions: readonly TopicPartitions[]): millrace.v1.TopicPartitions.$Properties[] {
  return partitions.map((one) => ({ topic: one.topic, partitions: [...one.partitions] }))
}

export function optionalInt64(value: number | undefined): Int64 | null {
  return value === undefined ? null : toInt64(value)
}

function checkCount(count: number, what: string, max: number): void {
  if (count > max) throw new MillraceError('REQUEST_TOO_LARGE', `${count} ${what}; a message may have ${max}`)
}
