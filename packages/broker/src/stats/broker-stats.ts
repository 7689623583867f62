import type { EngineStats } from '@millrace/engine'
import type { HistogramView, Limits } from '@millrace/record'
import type { Fetch } from '../fetch/fetch.ts'
import type { GroupStats } from '../groups/group-views.ts'
import type { Groups } from '../groups/groups.ts'
import type { TopicTraffic, Traffic } from './traffic.ts'

/** A topic, or several together. */
export interface TopicFigures {
  /** Undefined: all topics that are not named. */
  readonly name: string | undefined
  readonly partitions: number
  readonly segments: number
  readonly sizeBytes: number
  /** Of its slowest live reader, in records. */
  readonly readerLag: number
  readonly traffic: Readonly<TopicTraffic>
}

/** A consumer group, or several together. */
export interface GroupFigures extends Pick<GroupStats, 'members' | 'rebalances' | 'lag'> {
  /** Undefined: all groups that are not named. */
  readonly name: string | undefined
}

/** What the broker and its engine hold at the moment, and have done since the start, for metrics. */
export interface BrokerStats {
  readonly engine: EngineStats
  /** At most `limits.metricsTopics` by name, then one for the rest, if there is any. */
  readonly topics: readonly TopicFigures[]
  /** Of all topics since the start, also of those that are gone. */
  readonly traffic: Readonly<TopicTraffic>
  /** From a batch's arrival to its commit. */
  readonly produceMs: HistogramView
  readonly readers: number
  /** Of the live reader that is furthest behind, in records. */
  readonly slowestReaderLag: number
  readonly groupCount: number
  /** Keys and values of what groups keep. */
  readonly groupTableBytes: number
  /** At most `limits.metricsGroups` by name, then one for the rest, if there is any. */
  readonly groups: readonly GroupFigures[]
}

interface Sources {
  readonly engine: EngineStats
  readonly traffic: Traffic
  readonly fetch: Fetch
  readonly groups: Groups
  readonly limits: Limits
}

export async function collectBrokerStats({ engine, traffic, fetch, groups, limits }: Sources): Promise<BrokerStats> {
  const lag = await fetch.readerLag()
  const there = new Set(engine.topics.map(({ id }) => id))
  traffic.keep((id) => there.has(id))
  const named: TopicFigures[] = []
  const rest = { name: undefined, partitions: 0, segments: 0, sizeBytes: 0, readerLag: 0, traffic: traffic.others }
  for (const { id, name, partitions, segments, sizeBytes } of engine.topics) {
    const own = traffic.own(id)
    const readerLag = lag.byTopic.get(id) ?? 0
    if (own !== undefined) {
      named.push({ name, partitions, segments, sizeBytes, readerLag, traffic: own })
      continue
    }
    rest.partitions += partitions
    rest.segments += segments
    rest.sizeBytes += sizeBytes
    rest.readerLag = Math.max(rest.readerLag, readerLag)
  }
  // A series that was there stays: what it counted would seem to be lost.
  const hasRest = rest.partitions > 0 || rest.traffic.producedBatches + rest.traffic.fetchedBatches > 0
  const allGroups = await groups.stats()
  return {
    engine,
    topics: hasRest ? [...named, rest] : named,
    traffic: traffic.total(),
    produceMs: traffic.produceMs,
    readers: lag.readers,
    slowestReaderLag: lag.slowest,
    groupCount: allGroups.length,
    groupTableBytes: groups.sizeBytes,
    groups: boundedGroups(allGroups, limits.metricsGroups),
  }
}

/** Those whose lag is greatest have a name: they are who one looks for. */
function boundedGroups(all: readonly GroupStats[], maxGroups: number): GroupFigures[] {
  if (all.length <= maxGroups) return [...all]
  const sorted = [...all].sort((a, b) => b.lag - a.lag || (a.name < b.name ? -1 : 1))
  const rest = { name: undefined, members: 0, rebalances: 0, lag: 0 }
  for (const { members, rebalances, lag } of sorted.slice(maxGroups)) {
    rest.members += members
    rest.rebalances += rebalances
    rest.lag += lag
  }
  return [...sorted.slice(0, maxGroups), rest]
}
