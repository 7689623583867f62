import type { Engine, ProducerIdentity, TopicSettings } from '@millrace/engine'
import { type Clock, INTERNAL_TOPIC_PREFIX, type Limits, type Logger } from '@millrace/record'
import { type AppliedChange, jsonCodec, Table, type TableChange } from '@millrace/table'
import { BatchWriter, type Unit } from './batch-writer.ts'
import {
  type GroupRecord,
  type GroupsRecord,
  type MemberRecord,
  type OffsetRecord,
  parseKey,
  savedMember,
} from './group-records.ts'
import type { SavedMember } from './member.ts'
import type { PartitionId } from './partition-id.ts'
import { PendingOffsets } from './pending-offsets.ts'

export const GROUPS_TOPIC = `${INTERNAL_TOPIC_PREFIX}groups`

const SETTINGS: TopicSettings = {
  'cleanup.policy': 'compact',
  'segment.bytes': String(16 * 2 ** 20),
  'retention.ms': '-1',
}

export type GroupsChange = TableChange<string, GroupsRecord>

/** A group as it was when the table was opened. */
export interface SavedGroup {
  readonly record: GroupRecord | undefined
  readonly members: readonly SavedMember[]
}

export interface GroupStoreOptions {
  readonly engine: Engine
  readonly clock: Clock
  readonly limits: Limits
  readonly logger: Logger
}

const NO_OFFSETS: ReadonlyMap<PartitionId, OffsetRecord> = new Map()

/** What groups keep: one table over Millrace's own topic, so that a batch may have all kinds of changes. */
export class GroupStore {
  private readonly table: Table<string, GroupsRecord>
  private readonly writer: BatchWriter<GroupsChange>
  private readonly offsetsByGroup: Map<string, Map<PartitionId, OffsetRecord>>
  readonly pending: PendingOffsets

  private constructor(table: Table<string, GroupsRecord>, offsets: Map<string, Map<PartitionId, OffsetRecord>>) {
    this.table = table
    this.offsetsByGroup = offsets
    this.writer = new BatchWriter((changes) => table.batch(changes))
    this.pending = new PendingOffsets({ isOpen: (key) => table.pending(key), refresh: () => table.refresh() })
  }

  /**
   * Opens what there is.
   * @param create makes the topic where there is none
   * @returns undefined when there is no topic
   * @throws MillraceError as `Table.open` and `TopicCatalog.create` do
   */
  static async open(options: GroupStoreOptions, create: boolean): Promise<GroupStore | undefined> {
    const { engine, clock, limits, logger } = options
    const topic =
      (await engine.topics.find(GROUPS_TOPIC)) ??
      (create ? await engine.topics.create({ name: GROUPS_TOPIC, partitions: 1, settings: SETTINGS }) : undefined)
    if (topic === undefined) return undefined
    const offsets = new Map<string, Map<PartitionId, OffsetRecord>>()
    const table = await Table.open<string, GroupsRecord>({
      partition: engine.partition(topic.id, 0),
      codec: jsonCodec(),
      clock,
      limits,
      logger,
      onChange: ({ key, value }: AppliedChange<string, GroupsRecord>) => noteOffset(offsets, key, value),
    })
    for (const [key, value] of table.entries()) noteOffset(offsets, key, value)
    return new GroupStore(table, offsets)
  }

  /** Keys and values in the table, encoded. */
  get sizeBytes(): number {
    return this.table.sizeBytes
  }

  /** The groups as they are in the table. */
  groups(): ReadonlyMap<string, SavedGroup> {
    const groups = new Map<string, { record: GroupRecord | undefined; members: SavedMember[] }>()
    const of = (group: string) => {
      const known = groups.get(group) ?? { record: undefined, members: [] }
      groups.set(group, known)
      return known
    }
    for (const [key, value] of this.table.entries()) {
      const parsed = parseKey(key)
      if (parsed?.kind === 'group') of(parsed.group).record = value as GroupRecord
      if (parsed?.kind === 'member') {
        of(parsed.group).members.push(savedMember(parsed.memberId, value as MemberRecord))
      }
      if (parsed?.kind === 'offset') of(parsed.group)
    }
    return groups
  }

  /** Committed offsets of a group: those on disk. */
  offsets(group: string): ReadonlyMap<PartitionId, OffsetRecord> {
    return this.offsetsByGroup.get(group) ?? NO_OFFSETS
  }

  /**
   * Writes units, all or nothing of each and none behind one that fails; in the order of the calls.
   * @throws MillraceError as `Table.batch`
   */
  write(units: readonly Unit<GroupsChange>[]): Promise<void> {
    return this.writer.write(units)
  }

  /**
   * Makes changes of offsets part of the producer's transaction. They are in `offsets` when that is committed.
   * @throws MillraceError as `Table.transactional`
   */
  transactional(changes: Unit<GroupsChange>, producer: ProducerIdentity): Promise<void> {
    return this.table.transactional(changes, producer)
  }

  async close(): Promise<void> {
    await this.writer.drain()
    await this.table.close()
  }
}

function noteOffset(
  offsets: Map<string, Map<PartitionId, OffsetRecord>>,
  key: string,
  value: GroupsRecord | undefined,
): void {
  const parsed = parseKey(key)
  if (parsed?.kind !== 'offset') return
  const ofGroup = offsets.get(parsed.group)
  if (value === undefined) {
    ofGroup?.delete(parsed.partition)
    if (ofGroup?.size === 0) offsets.delete(parsed.group)
  } else if (ofGroup === undefined) {
    offsets.set(parsed.group, new Map([[parsed.partition, value as OffsetRecord]]))
  } else {
    ofGroup.set(parsed.partition, value as OffsetRecord)
  }
}
