import { type Static, Type } from 'typebox'
import { besides, insteadOf, named, type SchemaNotes } from './schema-notes.ts'

/** The shapes of REST's requests and answers, as JSON Schema. What is described here is what users are told. */

const Count = (description: string, notes: SchemaNotes = {}) =>
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description, ...notes })
const Closed = { additionalProperties: false } as const

/** The answer 204, which has no body. */
export const Deleted = Type.Null({ description: 'It is gone.' })

export const About = Type.Object(
  {
    name: Type.Literal('Millrace'),
    what: Type.String(),
    links: Type.Record(Type.String(), Type.String(), { description: 'Paths by what is there.' }),
  },
  named('About'),
)
export const OpenApi = Type.Object({ openapi: Type.String(), info: Type.Unknown(), paths: Type.Unknown() })
export const Health = Type.Object({ status: Type.Literal('ok') }, named('Health'))
export const Readiness = Type.Object({ status: Type.Literal('ready') }, named('Readiness'))

const Bytes = 'A string stands for its UTF-8 bytes, null for none, any other value for its compact JSON text.'

const Base64 = (description: string) =>
  Type.String({
    description,
    ...besides({
      pattern: '^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$',
    }),
  })
const WITH_A_VALUE = [{ required: ['value'] }, { required: ['valueBase64'] }]

export const HeaderJson = Type.Object(
  {
    key: Type.String({ description: 'Name of the header. Names may repeat.' }),
    value: Type.Optional(Type.Unknown({ description: `${Bytes} This or \`valueBase64\` must be there.` })),
    valueBase64: Type.Optional(Base64('The value as base64, instead of `value`.')),
  },
  { ...Closed, ...named('Header'), ...besides({ oneOf: WITH_A_VALUE }) },
)

export const RecordJson = Type.Object(
  {
    key: Type.Optional(Type.Unknown({ description: `${Bytes} Absent: no key.` })),
    keyBase64: Type.Optional(Base64('The key as base64, instead of `key`.')),
    value: Type.Optional(
      Type.Unknown({ description: `${Bytes} Null is a tombstone. This or \`valueBase64\` must be there.` }),
    ),
    valueBase64: Type.Optional(Base64('The value as base64, instead of `value`.')),
    headers: Type.Optional(
      Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Array(HeaderJson)], {
        description: 'An object of names and values, or an array of {"key", "value" or "valueBase64"}.',
      }),
    ),
    partition: Type.Optional(Type.Integer({ description: 'Absent: chosen by the key, or else by the broker.' })),
    timestamp: Type.Optional(Type.Integer({ description: "Milliseconds since 1970. Absent: the broker's time." })),
  },
  {
    ...Closed,
    ...named('Record'),
    ...besides({ oneOf: WITH_A_VALUE, dependentSchemas: { keyBase64: { properties: { key: false } } } }),
  },
)
export type RecordJson = Static<typeof RecordJson>

export const ProduceBody = Type.Object(
  {
    records: Type.Array(RecordJson, { minItems: 1, description: 'The records, in order.' }),
    acks: Type.Optional(
      Type.Enum(['committed', 'none'], {
        description: 'When to answer: when the records are committed (the default), or when they have their offsets.',
      }),
    ),
  },
  { ...Closed, ...named('ProduceRequest') },
)

export const ProduceHeaders = Type.Object({
  'Idempotency-Key': Type.Optional(
    Type.String({
      description: '1 to 255 visible ASCII characters, bare or in quotes; one for each request.',
      ...besides({
        pattern: '^(?:[\\x21\\x23-\\x7e][\\x21-\\x7e]{0,254}|"[\\x21\\x23-\\x5b\\x5d-\\x7e]{1,255}")$',
      }),
    }),
  ),
})

export const ProduceAnswer = Type.Object(
  {
    results: Type.Array(
      Type.Object({
        partition: Type.Integer({
          description: 'Partition of the record; where there is none, the one that was asked for.',
        }),
        offset: Type.Optional(Count('Offset of the record.')),
        timestamp: Type.Optional(Count('Timestamp of the record, in ms since 1970.')),
        error: Type.Optional(
          Type.Object({
            code: Type.String({ description: 'Permanent literal.' }),
            detail: Type.String({ description: 'What happened, in words.' }),
          }),
        ),
      }),
      { description: 'One for each record, in the order given.' },
    ),
  },
  named('ProduceResults'),
)
export type ProduceAnswer = Static<typeof ProduceAnswer>

const SettingValue = Type.Union([Type.String(), Type.Number(), Type.Boolean()], {
  description: 'a string, a number or a boolean',
})

export const CreateTopicBody = Type.Object(
  {
    name: Type.String({ description: '1 to 249 of ASCII letters, digits, `.`, `_` and `-`.' }),
    partitions: Type.Optional(Type.Integer({ description: 'Number of partitions. Default 1.' })),
    config: Type.Optional(Type.Record(Type.String(), SettingValue, { description: 'Settings by their Kafka names.' })),
  },
  { ...Closed, ...named('NewTopic') },
)

export const AlterTopicBody = Type.Object(
  {
    partitions: Type.Optional(
      Type.Integer({ description: 'How many partitions there are to be; never fewer than there are.' }),
    ),
    config: Type.Optional(
      Type.Record(
        Type.String(),
        Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()], {
          description: 'a string, a number, a boolean, or null for the default',
        }),
        { description: 'New values of settings by their Kafka names; null gives the default back. Others stay.' },
      ),
    ),
  },
  { ...Closed, ...named('TopicAlteration') },
)

export const Topic = Type.Object(
  {
    name: Type.String(),
    id: Type.String({ description: "UUID, the topic's for life." }),
    partitions: Count('Number of partitions.'),
    createdAtMs: Count('Milliseconds since 1970.'),
  },
  named('Topic'),
)
export type Topic = Static<typeof Topic>

export const TopicList = Type.Object({ topics: Type.Array(Topic, { description: 'By name.' }) }, named('Topics'))

export const TopicDetail = Type.Object(
  {
    name: Type.String(),
    id: Type.String({ description: "UUID, the topic's for life." }),
    createdAtMs: Count('Milliseconds since 1970.'),
    config: Type.Record(Type.String(), Type.String(), { description: 'All settings, defaults included.' }),
    partitions: Type.Array(
      Type.Object({
        partition: Count('Number of the partition, from 0 on.'),
        logStartOffset: Count('The first offset that can be read.'),
        highWatermark: Count('The offset after the last committed record.'),
        lastStableOffset: Count('The offset up to which transactions are decided.'),
        sizeBytes: Count('Bytes of log.'),
        leaderEpoch: Count('Rises with each unclean start.'),
      }),
    ),
  },
  named('TopicDetails'),
)
export type TopicDetail = Static<typeof TopicDetail>

const TopicName = Type.String({ description: 'Name of the topic.' })

export const NoQuery = Type.Object({}, Closed)
export const TopicPath = Type.Object({ topic: TopicName }, Closed)
export const PartitionPath = Type.Object(
  { topic: TopicName, partition: Count('Number of the partition, from 0 on.') },
  Closed,
)

const Timestamp = 'The first record at or after this time, in ms since 1970.'

export const FetchQuery = Type.Object(
  {
    offset: Type.Optional(Count('Offset of the first record.', insteadOf('from', 'timestamp'))),
    from: Type.Optional(
      Type.Enum(['earliest', 'latest'], {
        description: 'The first record there is (default), or the next to come.',
        ...insteadOf('offset', 'timestamp'),
      }),
    ),
    timestamp: Type.Optional(Count(Timestamp, insteadOf('offset', 'from'))),
    limit: Type.Optional(Type.Integer({ minimum: 1, description: 'Records at most.' })),
    maxBytes: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Bytes of records at most; the first comes whatever its size.' }),
    ),
    waitMs: Type.Optional(Count('How long to wait when there is nothing yet. Default 0.')),
    isolation: Type.Optional(
      Type.Enum(['committed', 'uncommitted'], {
        description: '`committed` (default) leaves out what open and aborted transactions wrote.',
      }),
    ),
    as: Type.Optional(Type.Enum(['json'], { description: '`json`: values that are JSON come as such.' })),
  },
  Closed,
)
export type FetchQuery = Static<typeof FetchQuery>

const StoredBytes = (name: string) => ({
  [name]: Type.Optional(Type.Unknown({ description: 'Bytes that are valid UTF-8, as a string; null is null.' })),
  [`${name}Base64`]: Type.Optional(Type.String({ description: 'All other bytes.' })),
})

export const FetchAnswer = Type.Object(
  {
    records: Type.Array(
      Type.Object({
        offset: Count('Offset of the record.'),
        timestamp: Count('Milliseconds since 1970.'),
        ...StoredBytes('key'),
        ...StoredBytes('value'),
        headers: Type.Array(Type.Object({ key: Type.String(), ...StoredBytes('value') })),
      }),
    ),
    nextOffset: Count('Where to read on.'),
    highWatermark: Count('The offset after the last committed record.'),
    logStartOffset: Count('The first offset that can be read.'),
  },
  named('FetchedRecords'),
)

/** `Accept` chooses between the types of the answer, and is not listed: OpenAPI has it of these. */
export const FetchHeaders = Type.Object({
  'Last-Event-ID': Type.Optional(
    Type.String({
      pattern: '^(-1|0|[1-9][0-9]{0,14})?$',
      description: 'Of a live tail: the offset of the last record that was seen. Beats the query. Browsers send it.',
    }),
  ),
})

export const EventStream = Type.String({
  description:
    'Server-sent events. The id is the offset that was passed last; a record is the data of an event without a name. ' +
    '`event: reset`: the offset was gone, reading goes on at `logStartOffset`. `event: error`: a problem, and the end.',
})
export const JsonLines = Type.String({
  description:
    'A line for each record; `{"nextOffset"}` where reading goes on, also as a sign of life; `{"reset"}` when the ' +
    'offset was gone; `{"error"}` with a problem before the end.',
})

export const DeleteRecordsQuery = Type.Object({ before: Count('The first offset that stays.') }, Closed)

export const DeleteRecordsAnswer = Type.Object(
  { logStartOffset: Count('The first offset that can be read now.') },
  named('LogStart'),
)

export const OffsetsQuery = Type.Object(
  {
    at: Type.Optional(
      Type.Enum(['earliest', 'latest'], { description: 'One end of the partition.', ...insteadOf('timestamp') }),
    ),
    timestamp: Type.Optional(Count(Timestamp, insteadOf('at'))),
  },
  Closed,
)
export type OffsetsQuery = Static<typeof OffsetsQuery>

export const OffsetsAnswer = Type.Object(
  {
    earliest: Type.Optional(Count('The first offset that can be read; when nothing was asked for.')),
    latest: Type.Optional(Count('The offset after the last committed record; when nothing was asked for.')),
    offset: Type.Optional(Count('The offset that was asked for; the latest, when no record is that young.')),
    timestamp: Type.Optional(Count('Timestamp of the record that was found by time.')),
    found: Type.Optional(Type.Boolean({ description: 'False when there is no record at or after the time.' })),
  },
  named('Offsets'),
)
export type OffsetsAnswer = Static<typeof OffsetsAnswer>

export const TransactionList = Type.Object(
  {
    transactions: Type.Array(
      Type.Object({
        transactionalId: Type.String(),
        producerId: Count('Of the live instance.'),
        producerEpoch: Count('Rises with each transaction and each new instance.'),
        state: Type.Enum(['empty', 'open', 'ending'], { description: '`open`: records wait for its outcome.' }),
        timeoutMs: Count('How long a transaction may stay open.'),
        startedAtMs: Type.Optional(Count('When the open transaction began, in ms since 1970.')),
        partitions: Count('Number of partitions that the open transaction has written to.'),
      }),
      { description: 'By transactional id.' },
    ),
  },
  named('Transactions'),
)
export type TransactionList = Static<typeof TransactionList>

export const CreateBackupBody = Type.Object(
  {
    name: Type.Optional(
      Type.String({
        description: '1 to 100 letters, digits, `.`, `_` and `-`, not with `.` first. Absent: the time.',
        ...besides({ pattern: '^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$' }),
      }),
    ),
  },
  { ...Closed, ...named('NewBackup') },
)

export const Backup = Type.Object(
  {
    name: Type.String(),
    path: Type.String({ description: "Where it is, on the server's machine." }),
    partitions: Count("Partitions in it, Millrace's own included."),
    sizeBytes: Count('Bytes of log in it; those of closed segments share the disk with the data, while it has them.'),
    copiedBytes: Count('Bytes of log that were copied.'),
    pausedMs: Count('How long nothing was committed.'),
  },
  named('Backup'),
)
export type Backup = Static<typeof Backup>

export const Problem = Type.Object(
  {
    type: Type.String({ description: 'A URN made of the code.' }),
    title: Type.String({ description: 'What the code means.' }),
    status: Type.Integer(),
    detail: Type.String({ description: 'What happened, in words.' }),
    code: Type.String({ description: 'Permanent literal, for example TOPIC_NOT_FOUND.' }),
  },
  {
    ...named('Problem'),
    description: 'An error (RFC 9457). Further members tell facts about it, such as the offsets that there are.',
  },
)
