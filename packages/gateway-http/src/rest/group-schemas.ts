import { type Static, Type } from 'typebox'
import { named } from './schema-notes.ts'

/** The shapes of what REST says about consumer groups, as `schemas.ts` has those of topics and records. */

const Count = (description: string) => Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description })
const Closed = { additionalProperties: false } as const

/** The answer 204, which has no body. */
export const Committed = Type.Null({ description: 'All are committed.' })
const Partition = Count('Number of the partition, from 0 on.')
const Metadata = 'What is kept beside the offset; up to 4,096 bytes.'

export const GroupPath = Type.Object({ group: Type.String({ description: 'Name of the group.' }) }, Closed)

const TopicPartitions = Type.Object(
  { topic: Type.String(), partitions: Type.Array(Partition) },
  { ...Closed, ...named('TopicPartitions') },
)

export const Group = Type.Object(
  {
    name: Type.String(),
    state: Type.Enum(['empty', 'reconciling', 'stable'], {
      description: '`reconciling` while members do not own what they should yet.',
    }),
    members: Count('Number of members.'),
    epoch: Count('Rises with each change of members, subscriptions or topics.'),
  },
  named('Group'),
)
export type Group = Static<typeof Group>

export const GroupList = Type.Object({ groups: Type.Array(Group, { description: 'By name.' }) }, named('Groups'))

export const GroupDetail = Type.Object(
  {
    name: Group.properties.name,
    state: Group.properties.state,
    epoch: Group.properties.epoch,
    assignor: Type.String({ description: 'How partitions are shared out: `range` or `uniform`.' }),
    members: Type.Array(
      Type.Object({
        memberId: Type.String(),
        instanceId: Type.Optional(Type.String({ description: 'Of a static member.' })),
        clientId: Type.String({ description: 'What people may know it by.' }),
        epoch: Count('The epoch of the last assignment that it has taken up.'),
        topics: Type.Optional(Type.Array(Type.String(), { description: 'What it asks for, by name.' })),
        topicPattern: Type.Optional(Type.String({ description: 'What it asks for, by a pattern.' })),
        owned: Type.Array(TopicPartitions, { description: 'What it has now.' }),
        target: Type.Array(TopicPartitions, { description: 'What it should own when all is settled.' }),
      }),
    ),
    partitions: Type.Array(
      Type.Object({
        topic: Type.String(),
        partition: Partition,
        memberId: Type.Optional(Type.String({ description: 'Whose it is. Absent: nobody has it.' })),
        committedOffset: Type.Optional(Count('Offset of the next record that is wanted. Absent: none was committed.')),
        metadata: Type.Optional(Type.String({ description: Metadata })),
        logStartOffset: Count('The first offset that can be read.'),
        highWatermark: Count('The offset after the last committed record.'),
        lag: Type.Optional(Count('Records that are not committed yet. Absent without a committed offset.')),
      }),
    ),
  },
  named('GroupDetails'),
)
export type GroupDetail = Static<typeof GroupDetail>

export const GroupOffsetsQuery = Type.Object(
  {
    pending: Type.Optional(
      Type.Enum(['refuse', 'allow'], {
        description: 'While a transaction that commits offsets is open: fail (the default), or tell those before it.',
      }),
    ),
  },
  Closed,
)
export type GroupOffsetsQuery = Static<typeof GroupOffsetsQuery>

export const GroupOffsets = Type.Object(
  {
    offsets: Type.Array(
      Type.Object({
        topic: Type.String(),
        partition: Partition,
        offset: Count('Offset of the next record that is wanted.'),
        metadata: Type.String({ description: Metadata }),
        committedAtMs: Count('Milliseconds since 1970.'),
      }),
      { description: 'Partitions without a committed offset are left out.' },
    ),
  },
  named('GroupOffsets'),
)
export type GroupOffsets = Static<typeof GroupOffsets>

export const CommitBody = Type.Object(
  {
    offsets: Type.Array(
      Type.Object(
        {
          topic: Type.String(),
          partition: Partition,
          offset: Count('Offset of the next record that is wanted.'),
          metadata: Type.Optional(Type.String({ description: Metadata })),
        },
        Closed,
      ),
      { minItems: 1, description: 'All are committed, or none.' },
    ),
  },
  { ...Closed, ...named('OffsetCommits') },
)

export const ResetBody = Type.Object(
  {
    to: Type.Object(
      {
        earliest: Type.Optional(Type.Literal(true)),
        latest: Type.Optional(Type.Literal(true)),
        offset: Type.Optional(Count('This offset.')),
        timestamp: Type.Optional(Count('The first record at or after this time, in ms since 1970.')),
        shift: Type.Optional(Type.Integer({ description: 'So many records forward or, negative, back.' })),
      },
      { ...Closed, minProperties: 1, maxProperties: 1, description: 'One of them.' },
    ),
    partitions: Type.Optional(
      Type.Array(TopicPartitions, { description: 'Absent: all for which the group has an offset.' }),
    ),
    dryRun: Type.Optional(Type.Boolean({ description: 'True: only tell what the offsets would be.' })),
    force: Type.Optional(Type.Boolean({ description: 'True: also while the group has members.' })),
  },
  { ...Closed, ...named('OffsetReset') },
)
export type ResetBody = Static<typeof ResetBody>

export const ResetAnswer = Type.Object(
  {
    offsets: Type.Array(
      Type.Object({
        topic: Type.String(),
        partition: Partition,
        before: Type.Optional(Count('Absent: none was committed.')),
        after: Count('Offset of the next record that is wanted, from now on.'),
      }),
    ),
  },
  named('OffsetResets'),
)
export type ResetAnswer = Static<typeof ResetAnswer>
