import type { GroupFigures, TopicFigures } from '@millrace/broker'
import { counter, durations, each, type Family, gauge } from './family.ts'

/** Stands for all topics, or groups, that have no metrics of their own; no topic can be called so. */
export const OTHERS = '(others)'

const topicLabels = ({ name }: TopicFigures) => ({ topic: name ?? OTHERS })
const topicGauge = each('gauge', ({ topics }) => topics, topicLabels)
const topicCounter = each('counter', ({ topics }) => topics, topicLabels)
const groupLabels = ({ name }: GroupFigures) => ({ group: name ?? OTHERS })
const groupGauge = each('gauge', ({ groups }) => groups, groupLabels)
// Which groups have a name changes, and so would what a count of the others stands for.
const namedGroupCounter = each('counter', ({ groups }) => groups.filter(({ name }) => name !== undefined), groupLabels)

const SERVER: readonly Family[] = [
  {
    name: 'millrace_build_info',
    help: 'Always 1; the label tells the version',
    type: 'gauge',
    samples: ({ version }) => [{ labels: { version, node: process.versions.node }, value: 1 }],
  },
  gauge('millrace_uptime_seconds', 'Time since the server began to serve', ({ uptimeMs }) => uptimeMs / 1_000),
  gauge('millrace_ready', '1 when /readyz says ready, otherwise 0', ({ problems }) => (problems.length === 0 ? 1 : 0)),
  gauge('millrace_problems', 'Causes that /readyz names', ({ problems }) => problems.length),
]

const TRAFFIC: readonly Family[] = [
  counter('millrace_produced_records_total', 'Records that were appended', ({ traffic }) => traffic.producedRecords),
  counter('millrace_produced_batches_total', 'Batches that were appended', ({ traffic }) => traffic.producedBatches),
  counter('millrace_produced_bytes_total', 'Bytes of appended batches', ({ traffic }) => traffic.producedBytes),
  counter(
    'millrace_duplicate_batches_total',
    'Repeated batches of idempotent producers, which were there already',
    ({ traffic }) => traffic.duplicates,
  ),
  counter(
    'millrace_fetched_records_total',
    'Records in batches read for clients',
    ({ traffic }) => traffic.fetchedRecords,
  ),
  counter('millrace_fetched_batches_total', 'Batches read for clients', ({ traffic }) => traffic.fetchedBatches),
  counter('millrace_fetched_bytes_total', 'Bytes of batches read for clients', ({ traffic }) => traffic.fetchedBytes),
  durations(
    'millrace_produce_duration_seconds',
    'From the arrival of a batch until it is committed',
    ({ produceMs }) => produceMs,
  ),
  durations(
    'millrace_commit_duration_seconds',
    'A round of commits: from taking up what was appended until it is written and, where asked for, synced',
    ({ engine }) => engine.work.commitMs,
  ),
  durations(
    'millrace_fetch_duration_seconds',
    'A read that found something, from cache or disk, without waiting for data',
    ({ engine }) => engine.work.readMs,
  ),
]

const TOPICS: readonly Family[] = [
  gauge('millrace_topics', "Topics, Millrace's own included", ({ engine }) => engine.topics.length),
  gauge('millrace_partitions', "Partitions, Millrace's own included", ({ engine }) =>
    engine.topics.reduce((sum, { partitions }) => sum + partitions, 0),
  ),
  gauge(
    'millrace_unopened_partitions',
    'Partitions that could not be opened',
    ({ engine }) => engine.unopenedPartitions,
  ),
  topicGauge('millrace_topic_partitions', 'Partitions of a topic', ({ partitions }) => partitions),
  topicGauge('millrace_topic_segments', 'Segment files of a topic', ({ segments }) => segments),
  topicGauge('millrace_topic_log_bytes', 'Bytes of batches in the log of a topic', ({ sizeBytes }) => sizeBytes),
  topicGauge(
    'millrace_topic_reader_lag_records',
    'Records that the slowest live reader of a topic is behind',
    ({ readerLag }) => readerLag,
  ),
  topicCounter(
    'millrace_topic_produced_records_total',
    'Records appended to a topic',
    (t) => t.traffic.producedRecords,
  ),
  topicCounter(
    'millrace_topic_produced_batches_total',
    'Batches appended to a topic',
    (t) => t.traffic.producedBatches,
  ),
  topicCounter('millrace_topic_produced_bytes_total', 'Bytes appended to a topic', (t) => t.traffic.producedBytes),
  topicCounter('millrace_topic_fetched_records_total', 'Records read from a topic', (t) => t.traffic.fetchedRecords),
  topicCounter('millrace_topic_fetched_bytes_total', 'Bytes read from a topic', (t) => t.traffic.fetchedBytes),
]

const READERS: readonly Family[] = [
  gauge('millrace_readers', 'Partitions that live streams follow', ({ readers }) => readers),
  gauge(
    'millrace_reader_lag_max_records',
    'Records that the slowest live reader is behind',
    ({ slowestReaderLag }) => slowestReaderLag,
  ),
  gauge('millrace_groups', 'Consumer groups', ({ groupCount }) => groupCount),
  groupGauge('millrace_group_members', 'Members of a consumer group', ({ members }) => members),
  groupGauge(
    'millrace_group_lag_records',
    'Records that a consumer group has not committed, over all its partitions',
    ({ lag }) => lag,
  ),
  namedGroupCounter(
    'millrace_group_rebalances_total',
    'Rebalances of a consumer group',
    ({ rebalances }) => rebalances,
  ),
]

const STORAGE: readonly Family[] = [
  gauge('millrace_segments', 'Segment files', ({ engine }) =>
    engine.topics.reduce((sum, { segments }) => sum + segments, 0),
  ),
  gauge('millrace_log_bytes', 'Bytes of batches in all logs', ({ engine }) =>
    engine.topics.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  ),
  {
    name: 'millrace_disk_free_bytes',
    help: "What can still be written to the data's file system; missing for data in memory",
    type: 'gauge',
    samples: ({ engine: { freeBytes } }) => (Number.isFinite(freeBytes) ? [{ labels: {}, value: freeBytes }] : []),
  },
  gauge('millrace_open_files', 'Files of logs that are open', ({ engine }) => engine.openFiles),
  each(
    'gauge',
    ({ engine, groupTableBytes }) => [...engine.tables, { name: 'groups', sizeBytes: groupTableBytes }],
    ({ name }) => ({ table: name }),
  )('millrace_table_bytes', "Keys and values of one of Millrace's own tables", ({ sizeBytes }) => sizeBytes),
  counter(
    'millrace_disk_errors_total',
    'Writes, syncs and checkpoints that failed',
    ({ engine }) => engine.work.diskErrors,
  ),
  counter('millrace_checkpoints_total', 'Checkpoints of the journal', ({ engine }) => engine.work.checkpoints),
  counter(
    'millrace_maintenance_rounds_total',
    'Rounds of retention and compaction over all partitions',
    ({ engine }) => engine.work.maintenanceRounds,
  ),
  counter(
    'millrace_maintenance_failures_total',
    'Partitions of which retention or compaction failed in a round',
    ({ engine }) => engine.work.maintenanceFailures,
  ),
  counter(
    'millrace_deleted_segments_total',
    'Segments that retention, or deleting records, removed',
    ({ engine }) => engine.work.deletedSegments,
  ),
  counter('millrace_deleted_bytes_total', 'Bytes of removed segments', ({ engine }) => engine.work.deletedBytes),
  counter('millrace_compactions_total', 'Partitions that were compacted', ({ engine }) => engine.work.compactions),
  counter(
    'millrace_compaction_read_bytes_total',
    'Bytes of segments that compaction replaced',
    ({ engine }) => engine.work.compactionReadBytes,
  ),
  counter(
    'millrace_compaction_written_bytes_total',
    'Bytes of segments that compaction left in their place',
    ({ engine }) => engine.work.compactionWrittenBytes,
  ),
  gauge('millrace_transactional_ids', 'Producers with a transactional id', ({ engine }) => engine.transactionalIds),
  gauge('millrace_open_transactions', 'Transactions that are open', ({ engine }) => engine.openTransactions),
]

const BUFFERS: readonly Family[] = [
  {
    name: 'millrace_buffered_bytes',
    help: 'Memory for data on its way, by what it is for',
    type: 'gauge',
    samples: ({ engine, gateway }) =>
      Object.entries({
        in_flight: gateway.inFlightBytes,
        reserved: gateway.reservedBytes,
        bodies: gateway.bodyBytes,
        unread: gateway.unreadBytes,
        unsent: gateway.unsentBytes,
        pending: engine.pendingBytes,
        journal_backlog: engine.journalBacklogBytes,
        tail_cache: engine.tailCacheBytes,
        index_cache: engine.indexCacheBytes,
      }).map(([buffer, value]) => ({ labels: { buffer }, value })),
  },
]

const REQUESTS: readonly Family[] = [
  each(
    'counter',
    ({ gateway }) => gateway.requests,
    ({ protocol, call, outcome }) => ({ protocol, call, outcome }),
  )('millrace_requests_total', 'Answered REST requests and ended gRPC calls; a stream is one', ({ count }) => count),
  each(
    'counter',
    ({ gateway }) => gateway.rejections,
    ({ code }) => ({ code }),
  )(
    'millrace_rejected_total',
    'Requests, and single batches and subscriptions of streams, that were answered with an error',
    ({ count }) => count,
  ),
  {
    name: 'millrace_connections',
    help: 'Open connections, by what they speak',
    type: 'gauge',
    samples: ({ gateway: { connections } }) =>
      Object.entries(connections).map(([protocol, value]) => ({ labels: { protocol }, value })),
  },
  counter(
    'millrace_connections_refused_total',
    'Connections that were refused because too many were open',
    ({ gateway }) => gateway.connectionsRefused,
  ),
  each(
    'gauge',
    ({ gateway }) => gateway.calls,
    ({ call }) => ({ call }),
  )('millrace_open_calls', 'gRPC calls that are open, streams among them', ({ count }) => count),
  gauge(
    'millrace_waiting_fetches',
    'Fetches that may wait for data, but for live tails and streams',
    ({ gateway }) => gateway.waits,
  ),
  gauge('millrace_live_tails', 'Live tails of REST that are open', ({ gateway }) => gateway.liveTails),
]

/** Every metric of ours, in the order of the page. */
export const FAMILIES: readonly Family[] = [
  ...SERVER,
  ...TRAFFIC,
  ...REQUESTS,
  ...TOPICS,
  ...READERS,
  ...STORAGE,
  ...BUFFERS,
]
