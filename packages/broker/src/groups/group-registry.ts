import type { Engine } from '@millrace/engine'
import { asMillraceError, type Clock, type Limits, type Logger, MillraceError, type Timer } from '@millrace/record'
import { fullTableProblem } from '@millrace/table'
import type { Topics } from '../topics/topics.ts'
import { groupKey, offsetKey } from './group-records.ts'
import { GroupStore, type SavedGroup } from './group-store.ts'
import { checkGroupName } from './join-request.ts'
import { LiveGroup } from './live-group.ts'
import { type PartitionId, topicOf } from './partition-id.ts'
import { TopicIndex } from './topic-index.ts'

export interface GroupRegistryOptions {
  readonly engine: Engine
  readonly clock: Clock
  readonly limits: Limits
  readonly logger: Logger
  readonly topics: Topics
}

/** The groups and what they keep, opened. */
export interface OpenGroups {
  readonly store: GroupStore
  readonly groups: ReadonlyMap<string, LiveGroup>
}

const NO_GROUP: SavedGroup = { record: undefined, members: [] }

/** Opens the groups' table, makes groups of what is in it, and forgets those that nobody needs any more. */
export class GroupRegistry {
  readonly topics = new TopicIndex()
  private readonly options: GroupRegistryOptions
  private readonly groups = new Map<string, LiveGroup>()
  private members = 0
  private store: GroupStore | undefined
  private opening: Promise<GroupStore | undefined> | undefined
  private failure: MillraceError | undefined
  private housekeeping: Timer | undefined
  /** What happened to topics while they were listed. */
  private missed: (() => void)[] | undefined
  private isIndexed = false
  private ended: MillraceError | undefined

  constructor(options: GroupRegistryOptions) {
    this.options = options
    options.topics.watch((change) => {
      if (this.missed !== undefined) this.missed.push(() => this.follow(change))
      else if (this.isIndexed) this.follow(change)
    })
  }

  /** Why groups cannot be served as they should, in words; empty when they can, or were not asked for. */
  problems(): string[] {
    const full = fullTableProblem('consumer groups', this.sizeBytes, this.options.limits.tableBytes)
    return [
      ...(this.failure === undefined ? [] : [`consumer groups cannot be read: ${this.failure.message}`]),
      ...(full === undefined ? [] : [full]),
    ]
  }

  /** Keys and values of the groups' table, encoded. */
  get sizeBytes(): number {
    return this.store?.sizeBytes ?? 0
  }

  /** Members of all groups. */
  get memberCount(): number {
    return this.members
  }

  /**
   * The groups; undefined when there has never been one.
   * @throws MillraceError SHUTTING_DOWN; what opening failed with
   */
  async open(): Promise<OpenGroups | undefined> {
    const store = await this.opened(false)
    return store && { store, groups: this.groups }
  }

  /** The groups, after making the place where they are kept if there is none. */
  async make(): Promise<OpenGroups> {
    const store = (await this.opened(true)) ?? (await this.opened(true))
    if (store === undefined) throw new MillraceError('INTERNAL', 'the topic of the groups was made and is not there')
    return { store, groups: this.groups }
  }

  /** Whether there is a group of this name, among those that were taken up. */
  has(name: string): boolean {
    return this.groups.has(name)
  }

  /**
   * The group of this name.
   * @throws MillraceError GROUP_NOT_FOUND
   */
  async find(name: string): Promise<{ group: LiveGroup; store: GroupStore }> {
    const open = await this.open()
    const group = open?.groups.get(name)
    if (open === undefined || group === undefined) {
      throw new MillraceError('GROUP_NOT_FOUND', `there is no group ${JSON.stringify(name)}`)
    }
    return { group, store: open.store }
  }

  /**
   * The group of this name, a new one where there is none.
   * @throws MillraceError INVALID_GROUP_NAME, LIMIT_REACHED
   */
  async findOrMake(name: string): Promise<{ group: LiveGroup; store: GroupStore }> {
    checkGroupName(name)
    const { store } = await this.make()
    const known = this.groups.get(name)
    if (known !== undefined) return { group: known, store }
    const { groups: limit } = this.options.limits
    if (this.groups.size >= limit) throw new MillraceError('LIMIT_REACHED', `there are ${limit} groups already`)
    return { group: this.start(name, NO_GROUP, store), store }
  }

  /**
   * Forgets a group without members, and its offsets.
   * @throws MillraceError GROUP_NOT_FOUND, GROUP_NOT_EMPTY, OFFSETS_PENDING
   */
  async delete(name: string): Promise<void> {
    const { group, store } = await this.find(name)
    do {
      await Promise.allSettled(group.commits)
      if (await store.pending.has(name)) throw pendingOffsets(name)
      if (!group.isEmpty) throw notEmpty(name)
    } while (group.commits.size > 0)
    await this.forget(group, store)
    this.options.logger.info({ group: name }, 'group deleted')
  }

  /** Ends all memberships; calls fail from then on. */
  end(): void {
    if (this.ended !== undefined) return
    this.ended = new MillraceError('SHUTTING_DOWN', 'the server is shutting down')
    this.housekeeping?.cancel()
    for (const group of this.groups.values()) group.end(this.ended)
  }

  /** Ends all memberships, and waits until what was called before is on disk. */
  async close(): Promise<void> {
    this.end()
    await this.opening?.catch(() => {})
    await this.store?.close()
  }

  private async opened(create: boolean): Promise<GroupStore | undefined> {
    if (this.ended !== undefined) throw this.ended
    if (this.store !== undefined) return this.store
    this.opening ??= this.load(create).finally(() => {
      this.opening = undefined
    })
    return this.opening
  }

  private async load(create: boolean): Promise<GroupStore | undefined> {
    const { engine, clock, limits, logger } = this.options
    try {
      await this.indexTopics()
      const store = await GroupStore.open({ engine, clock, limits, logger }, create)
      if (store === undefined) return undefined
      if (this.ended !== undefined) {
        await store.close()
        throw this.ended
      }
      this.store = store
      for (const [name, saved] of store.groups()) this.start(name, saved, store)
      this.dropOffsets((id) => !this.topics.has(topicOf(id)))
      this.keepHouse()
      this.failure = undefined
      return store
    } catch (error) {
      const failure = asMillraceError(error)
      this.failure = failure.code === 'SHUTTING_DOWN' ? undefined : failure
      throw error
    }
  }

  private async indexTopics(): Promise<void> {
    if (this.isIndexed) return
    this.missed = []
    try {
      for (const topic of await this.options.engine.topics.list()) this.topics.set(topic)
      this.isIndexed = true
    } finally {
      const { missed } = this
      this.missed = undefined
      if (this.isIndexed) for (const follow of missed) follow()
    }
  }

  private start(name: string, saved: SavedGroup, store: GroupStore): LiveGroup {
    const { clock, logger } = this.options
    const onMembers = (more: number): void => {
      this.members += more
    }
    const group = new LiveGroup({ name, saved, topics: this.topics, store, clock, logger, onMembers })
    this.groups.set(name, group)
    return group
  }

  private follow(change: Parameters<Parameters<Topics['watch']>[0]>[0]): void {
    const { topic, isDeleted } = change
    if (isDeleted) this.topics.delete(topic.id)
    else this.topics.set(topic)
    for (const group of this.groups.values()) if (group.isAbout(topic.name)) group.topicsChanged()
    if (isDeleted) this.dropOffsets((id) => topicOf(id) === topic.id)
  }

  private dropOffsets(isGone: (id: PartitionId) => boolean): void {
    const { store } = this
    if (store === undefined) return
    const gone = [...this.groups.keys()].flatMap((name) =>
      [...store.offsets(name).keys()].filter(isGone).map((id) => [{ key: offsetKey(name, id), value: undefined }]),
    )
    store.write(gone).catch((error: unknown) => {
      this.options.logger.warn({ err: error }, 'offsets of deleted topics are still there; the next start drops them')
    })
  }

  private keepHouse(): void {
    const { clock, limits, logger } = this.options
    this.housekeeping = clock.setTimer(limits.housekeepingIntervalMs, () => {
      if (this.ended !== undefined) return
      this.expire().catch((error: unknown) => logger.warn({ err: error }, 'expired groups could not be deleted'))
      this.keepHouse()
    })
  }

  private async expire(): Promise<void> {
    const { clock, limits, logger } = this.options
    const { store } = this
    if (store === undefined) return
    const untilMs = clock.nowMs() - limits.offsetsRetentionMs
    for (const group of [...this.groups.values()]) {
      if (group.commits.size > 0 || (group.emptySince ?? Number.POSITIVE_INFINITY) > untilMs) continue
      const committedAtMs = Array.from(store.offsets(group.name).values(), (offset) => offset.committedAtMs)
      if (committedAtMs.some((atMs) => atMs > untilMs) || (await store.pending.has(group.name))) continue
      if (group.commits.size > 0 || !group.isEmpty) continue
      await this.forget(group, store)
      logger.info({ group: group.name }, 'a group without members and commits expired')
    }
  }

  private async forget(group: LiveGroup, store: GroupStore): Promise<void> {
    const { name } = group
    this.groups.delete(name)
    group.end(new MillraceError('GROUP_NOT_FOUND', `group ${JSON.stringify(name)} was deleted`))
    const offsets = Array.from(store.offsets(name).keys(), (id) => [{ key: offsetKey(name, id), value: undefined }])
    await store.write([...offsets, [{ key: groupKey(name), value: undefined }]])
  }
}

export function pendingOffsets(name: string): MillraceError {
  return new MillraceError('OFFSETS_PENDING', `an open transaction commits offsets of group ${JSON.stringify(name)}`)
}

export function notEmpty(name: string): MillraceError {
  return new MillraceError('GROUP_NOT_EMPTY', `group ${JSON.stringify(name)} has members`)
}
