import type { Holding, SavedMember } from './member.ts'
import { byTopic, type PartitionId, partitionId } from './partition-id.ts'

/*
 * What the groups' topic holds. Keys are parts with a zero byte between them; no part has one inside.
 *
 *   g <group>                        the group: GroupRecord
 *   m <group> <member id>            a member: MemberRecord
 *   o <group> <topic id> <partition> a committed offset: OffsetRecord
 *
 * Values are JSON. A member's holdings are rows of topic id, partitions such as `0-3,7`, the epoch since which it holds
 * them and, where they were asked for, the epoch at which.
 */

export interface GroupRecord {
  readonly epoch: number
  /** Milliseconds since 1970; undefined while it has members. */
  readonly emptySinceMs?: number | undefined
}

export interface OffsetRecord {
  readonly offset: number
  readonly metadata: string
  /** Milliseconds since 1970. */
  readonly committedAtMs: number
}

type HoldingRow = readonly [topicId: string, partitions: string, since: number, revokedAt?: number]

export interface MemberRecord extends Omit<SavedMember, 'id' | 'holdings'> {
  readonly holdings: readonly HoldingRow[]
}

export type GroupsRecord = GroupRecord | MemberRecord | OffsetRecord

export type GroupsKey =
  | { readonly kind: 'group'; readonly group: string }
  | { readonly kind: 'member'; readonly group: string; readonly memberId: string }
  | { readonly kind: 'offset'; readonly group: string; readonly partition: PartitionId }

export function groupKey(group: string): string {
  return `g\0${group}`
}

export function memberKey(group: string, memberId: string): string {
  return `m\0${group}\0${memberId}`
}

export function offsetKey(group: string, partition: PartitionId): string {
  return `o\0${group}\0${partition.replace(':', '\0')}`
}

/** Undefined: not a key of this version. */
export function parseKey(key: string): GroupsKey | undefined {
  const [kind, group = '', second = '', third = ''] = key.split('\0')
  if (kind === 'g') return { kind: 'group', group }
  if (kind === 'm') return { kind: 'member', group, memberId: second }
  if (kind === 'o') return { kind: 'offset', group, partition: partitionId(second, Number(third)) }
  return undefined
}

export function memberRecord(member: SavedMember): MemberRecord {
  const { id: _, holdings, ...rest } = member
  const { epoch, hasLeft, instanceId, clientId, subscription, assignor, sessionTimeoutMs, rebalanceTimeoutMs } = rest
  return {
    epoch,
    hasLeft,
    instanceId,
    clientId,
    subscription,
    assignor,
    sessionTimeoutMs,
    rebalanceTimeoutMs,
    holdings: rowsOf(holdings),
  }
}

export function savedMember(id: string, record: MemberRecord): SavedMember {
  const holdings = new Map<PartitionId, Holding>()
  for (const [topicId, ranges, since, revokedAt] of record.holdings) {
    for (const partition of parseRanges(ranges)) holdings.set(partitionId(topicId, partition), { since, revokedAt })
  }
  return { ...record, instanceId: record.instanceId, id, holdings }
}

function rowsOf(holdings: ReadonlyMap<PartitionId, Holding>): HoldingRow[] {
  const alike = new Map<string, { holding: Holding; ids: PartitionId[] }>()
  for (const [id, holding] of holdings) {
    const key = `${holding.since} ${holding.revokedAt}`
    const known = alike.get(key)
    if (known === undefined) alike.set(key, { holding, ids: [id] })
    else known.ids.push(id)
  }
  const rows: HoldingRow[] = []
  for (const { holding, ids } of alike.values()) {
    const { since, revokedAt } = holding
    for (const [topicId, partitions] of byTopic(ids)) {
      const ranges = formatRanges(partitions)
      rows.push(revokedAt === undefined ? [topicId, ranges, since] : [topicId, ranges, since, revokedAt])
    }
  }
  return rows
}

/** `0-3,7` for 0, 1, 2, 3, 7. */
function formatRanges(ascending: readonly number[]): string {
  const ranges: { first: number; last: number }[] = []
  for (const number of ascending) {
    const range = ranges.at(-1)
    if (range !== undefined && number === range.last + 1) range.last = number
    else ranges.push({ first: number, last: number })
  }
  return ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join()
}

function* parseRanges(ranges: string): Generator<number, void, undefined> {
  for (const range of ranges.split(',')) {
    const [first = Number.NaN, last = first] = range.split('-').map(Number)
    for (let number = first; number <= last; number++) yield number
  }
}
