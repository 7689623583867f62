import { MillraceError } from '@millrace/record'
import type { Fetch } from '../fetch/fetch.ts'
import { notEmpty } from './group-registry.ts'
import type { GroupStore } from './group-store.ts'
import type { OffsetReset, ResetRequest } from './group-types.ts'
import type { LiveGroup } from './live-group.ts'
import type { OffsetCommits } from './offset-commits.ts'
import { namedPartitions, type PartitionId } from './partition-id.ts'
import type { TopicIndex } from './topic-index.ts'

export interface OffsetResetOptions {
  readonly fetch: Fetch
  readonly topics: TopicIndex
  readonly commits: OffsetCommits
}

interface PlannedReset extends OffsetReset {
  readonly id: PartitionId
}

/** Sets the offsets of a group anew. */
export class OffsetResets {
  private readonly options: OffsetResetOptions
  /** By group: one after another. */
  private readonly running = new Map<LiveGroup, Promise<unknown>>()

  constructor(options: OffsetResetOptions) {
    this.options = options
  }

  /**
   * What the offsets would be.
   * @throws MillraceError TOPIC_NOT_FOUND, PARTITION_NOT_FOUND, OFFSET_OUT_OF_RANGE, INVALID_REQUEST
   */
  plan(store: GroupStore | undefined, request: ResetRequest): Promise<PlannedReset[]> {
    const committed = store?.offsets(request.group)
    const wanted = request.partitions ?? namedPartitions(committed?.keys() ?? [], this.options.topics.nameOf)
    const partitions = wanted.flatMap(({ topic, partitions: numbers }) => {
      const all = numbers.length > 0 ? numbers : this.allOf(topic)
      return [...new Set(all)].map((partition) => ({ topic, partition }))
    })
    return Promise.all(
      partitions.map(async ({ topic, partition }) => {
        const { id } = this.options.commits.partition(topic, partition)
        const before = committed?.get(id)?.offset
        return { id, topic, partition, before, after: await this.target(topic, partition, request.to, before) }
      }),
    )
  }

  /**
   * Sets the offsets. Members lose the partitions first: they get them anew when the offsets are on disk, so that none goes
   * on from where it was, or commits it.
   * @throws MillraceError as `plan`; GROUP_NOT_EMPTY; SHUTTING_DOWN; as `Table.batch`
   */
  async apply(group: LiveGroup, store: GroupStore, request: ResetRequest): Promise<PlannedReset[]> {
    const before = this.running.get(group)
    const applied = (before ?? Promise.resolve()).then(() => this.applyNow(group, store, request))
    const over = applied.catch(() => {})
    this.running.set(group, over)
    try {
      return await applied
    } finally {
      if (this.running.get(group) === over) this.running.delete(group)
    }
  }

  private async applyNow(group: LiveGroup, store: GroupStore, request: ResetRequest): Promise<PlannedReset[]> {
    if (!group.isEmpty && !request.force) throw notEmpty(group.name)
    // What cannot be done must be known before anybody loses a partition.
    const ids = (await this.plan(store, request)).map(({ id }) => id)
    if (group.isEmpty) return this.write(group, store, request)
    try {
      await group.withhold(ids)
      return await this.write(group, store, request)
    } finally {
      group.giveOut(ids)
    }
  }

  private async write(group: LiveGroup, store: GroupStore, request: ResetRequest): Promise<PlannedReset[]> {
    // Commits that came before may still change what a shift begins at.
    await Promise.allSettled(group.commits)
    const planned = await this.plan(store, request)
    if (!group.isEmpty && !request.force) throw notEmpty(group.name)
    const metadata = ''
    await this.options.commits.write(
      group,
      store,
      planned.map(({ id, topic, partition, after }) => ({
        id,
        topicId: '',
        topic,
        partition,
        offset: after,
        metadata,
      })),
    )
    return planned
  }

  private async target(
    topic: string,
    partition: number,
    to: ResetRequest['to'],
    before: number | undefined,
  ): Promise<number> {
    const source = await this.options.fetch.source(topic, partition)
    if (!('shift' in to)) return (await source.offsetAt(to)).offset
    if (!Number.isSafeInteger(to.shift)) throw new MillraceError('INVALID_REQUEST', `a shift cannot be ${to.shift}`)
    const [first, end] = await Promise.all([source.offsetAt({ at: 'earliest' }), source.offsetAt({ at: 'latest' })])
    return Math.min(Math.max((before ?? first.offset) + to.shift, first.offset), end.offset)
  }

  private allOf(topic: string): number[] {
    const partitions = this.options.topics.named(topic)?.partitions
    // Naming one of a topic that is not there tells the caller so.
    return Array.from({ length: partitions ?? 1 }, (_, partition) => partition)
  }
}
