/** A request and what it is answered with. */
export interface Example {
  readonly path?: Readonly<Record<string, string | number>>
  readonly query?: Readonly<Record<string, string | number>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly status: number
  /** Media type of the answer; default application/json. */
  readonly type?: string
  /** Absent: the answer has no body. */
  readonly answer?: unknown
}

const TIME = 1_795_248_000_000
const TOPIC = { topic: 'orders' }
const PARTITION = { topic: 'orders', partition: 0 }
const GROUP = { group: 'billing' }

const SETTINGS = {
  'cleanup.policy': 'delete',
  'delete.retention.ms': '86400000',
  'flush.ms': '1000',
  'flush.policy': 'commit',
  'index.interval.bytes': '4096',
  'max.compaction.lag.ms': '9007199254740991',
  'max.message.bytes': '1048588',
  'message.timestamp.after.max.ms': '3600000',
  'message.timestamp.before.max.ms': '9007199254740991',
  'message.timestamp.type': 'CreateTime',
  'min.cleanable.dirty.ratio': '0.5',
  'min.compaction.lag.ms': '0',
  'retention.bytes': '-1',
  'retention.ms': '86400000',
  'segment.bytes': '1073741824',
  'segment.ms': '604800000',
}

/**
 * An example of each call by its operationId. In this order, on a new server, they are answered as they say, but for ids,
 * times, sizes and paths: `test/docs/openapi.test.ts` sends them.
 */
export const EXAMPLES: Readonly<Record<string, Example>> = {
  about: {
    status: 200,
    answer: {
      name: 'Millrace',
      what: 'A durable, partitioned commit log, over REST (/v1) and gRPC (millrace.v1) on this port.',
      links: {
        topics: '/v1/topics',
        groups: '/v1/groups',
        transactions: '/v1/transactions',
        health: '/healthz',
        readiness: '/readyz',
        description: '/openapi.json',
        docs: '/docs',
        metrics: '/metrics',
      },
    },
  },
  getHealth: { status: 200, answer: { status: 'ok' } },
  getReadiness: { status: 200, answer: { status: 'ready' } },
  createTopic: {
    body: { name: 'orders', partitions: 2, config: { 'retention.ms': 86_400_000 } },
    status: 201,
    answer: { name: 'orders', id: '0f3a2c1e-7b64-4d8e-9a51-3c2b1d0e4f56', partitions: 2, createdAtMs: TIME },
  },
  listTopics: {
    status: 200,
    answer: {
      topics: [{ name: 'orders', id: '0f3a2c1e-7b64-4d8e-9a51-3c2b1d0e4f56', partitions: 2, createdAtMs: TIME }],
    },
  },
  describeTopic: {
    path: TOPIC,
    status: 200,
    answer: {
      name: 'orders',
      id: '0f3a2c1e-7b64-4d8e-9a51-3c2b1d0e4f56',
      createdAtMs: TIME,
      config: SETTINGS,
      partitions: [
        { partition: 0, logStartOffset: 0, highWatermark: 2, lastStableOffset: 2, sizeBytes: 132, leaderEpoch: 0 },
        { partition: 1, logStartOffset: 0, highWatermark: 0, lastStableOffset: 0, sizeBytes: 0, leaderEpoch: 0 },
      ],
    },
  },
  alterTopic: {
    path: TOPIC,
    body: { partitions: 3, config: { 'segment.ms': 86_400_000, 'retention.ms': null } },
    status: 200,
    answer: {
      name: 'orders',
      id: '0f3a2c1e-7b64-4d8e-9a51-3c2b1d0e4f56',
      createdAtMs: TIME,
      config: { ...SETTINGS, 'segment.ms': '86400000', 'retention.ms': '604800000' },
      partitions: [
        { partition: 0, logStartOffset: 0, highWatermark: 2, lastStableOffset: 2, sizeBytes: 132, leaderEpoch: 0 },
        { partition: 1, logStartOffset: 0, highWatermark: 0, lastStableOffset: 0, sizeBytes: 0, leaderEpoch: 0 },
        { partition: 2, logStartOffset: 0, highWatermark: 0, lastStableOffset: 0, sizeBytes: 0, leaderEpoch: 0 },
      ],
    },
  },
  produce: {
    path: TOPIC,
    headers: { 'Idempotency-Key': 'order-10' },
    body: {
      records: [
        { key: 'c42', value: { total: 10 }, headers: { source: 'web' }, partition: 0 },
        { key: 'c43', valueBase64: '/wA=', partition: 0 },
      ],
    },
    status: 200,
    answer: {
      results: [
        { partition: 0, offset: 0, timestamp: TIME },
        { partition: 0, offset: 1, timestamp: TIME },
      ],
    },
  },
  fetch: {
    path: PARTITION,
    query: { offset: 0, limit: 100, waitMs: 0, isolation: 'committed', as: 'json' },
    status: 200,
    answer: {
      records: [
        { offset: 0, timestamp: TIME, key: 'c42', value: { total: 10 }, headers: [{ key: 'source', value: 'web' }] },
        { offset: 1, timestamp: TIME, key: 'c43', valueBase64: '/wA=', headers: [] },
      ],
      nextOffset: 2,
      highWatermark: 2,
      logStartOffset: 0,
    },
  },
  getOffset: {
    path: PARTITION,
    query: { timestamp: 1_700_000_000_000 },
    status: 200,
    answer: { offset: 0, timestamp: TIME, found: true },
  },
  commitOffsets: {
    path: GROUP,
    body: { offsets: [{ topic: 'orders', partition: 0, offset: 1, metadata: 'by hand' }] },
    status: 204,
  },
  listGroups: { status: 200, answer: { groups: [{ name: 'billing', state: 'empty', members: 0, epoch: 0 }] } },
  describeGroup: {
    path: GROUP,
    status: 200,
    answer: {
      name: 'billing',
      state: 'empty',
      epoch: 0,
      assignor: 'uniform',
      members: [],
      partitions: [
        {
          topic: 'orders',
          partition: 0,
          committedOffset: 1,
          metadata: 'by hand',
          logStartOffset: 0,
          highWatermark: 2,
          lag: 1,
        },
      ],
    },
  },
  fetchOffsets: {
    path: GROUP,
    query: { pending: 'allow' },
    status: 200,
    answer: { offsets: [{ topic: 'orders', partition: 0, offset: 1, metadata: 'by hand', committedAtMs: TIME }] },
  },
  resetOffsets: {
    path: GROUP,
    body: { to: { earliest: true }, partitions: [{ topic: 'orders', partitions: [0] }], dryRun: false },
    status: 200,
    answer: { offsets: [{ topic: 'orders', partition: 0, before: 1, after: 0 }] },
  },
  deleteGroup: { path: GROUP, status: 204 },
  listTransactions: { status: 200, answer: { transactions: [] } },
  deleteRecords: {
    path: PARTITION,
    query: { before: 1 },
    status: 200,
    answer: { logStartOffset: 1 },
  },
  deleteTopic: { path: TOPIC, status: 204 },
  createBackup: {
    body: { name: 'before-upgrade' },
    status: 201,
    answer: {
      name: 'before-upgrade',
      path: '/var/lib/millrace/backups/before-upgrade',
      partitions: 6,
      sizeBytes: 524_288,
      copiedBytes: 65_536,
      pausedMs: 1,
    },
  },
}
