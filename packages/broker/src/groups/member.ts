import type { AssignorName } from './group-types.ts'
import type { PartitionId } from './partition-id.ts'
import type { Subscription } from './subscription.ts'

/** A partition in a member's hands. */
export interface Holding {
  /** The epoch of the assignment with which it came: commits with an older one are from a time before. */
  readonly since: number
  /** The epoch of the assignment that asks for it back; undefined: it is the member's. */
  readonly revokedAt?: number | undefined
}

/** What a member says of itself when it joins. */
export interface MemberTraits {
  readonly instanceId: string | undefined
  readonly clientId: string
  readonly subscription: Subscription
  readonly assignor: AssignorName
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
}

/** A member as it outlives a crash. */
export interface SavedMember extends MemberTraits {
  readonly id: string
  /** Of the last assignment that it was to hear. */
  readonly epoch: number
  readonly holdings: ReadonlyMap<PartitionId, Holding>
  /** A static member that left for a while: it works on nothing, and what it holds is kept for it. */
  readonly hasLeft: boolean
}

/** A member as the group's machine keeps it. */
export interface Member extends MemberTraits {
  readonly id: string
  epoch: number
  readonly holdings: Map<PartitionId, Holding>
  hasLeft: boolean
  /** Whether somebody is there who speaks for it. */
  isConnected: boolean
}

/** What a member was told that it should own, or is to be told. */
export function* assignmentOf({ holdings }: Pick<Member, 'holdings'>): Generator<PartitionId, void, undefined> {
  for (const [id, { revokedAt }] of holdings) if (revokedAt === undefined) yield id
}

/** Whether it has been asked for partitions that it has not given back. */
export function isGivingBack({ holdings }: Pick<Member, 'holdings'>): boolean {
  for (const { revokedAt } of holdings.values()) if (revokedAt !== undefined) return true
  return false
}
