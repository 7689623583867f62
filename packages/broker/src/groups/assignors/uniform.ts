import { type PartitionId, partitionId, topicOf } from '../partition-id.ts'
import type { AssignorMember, Target } from './assignor.ts'

/** Topics that the same members want. Their partitions are alike to the assignor. */
interface TopicClass {
  /** Places of the members. */
  readonly subscribers: readonly number[]
  readonly wants: ReadonlySet<number>
  readonly topics: string[]
}

/**
 * Balanced and sticky. No member has two partitions more than another that could take one of them. A member keeps what it
 * had, but for what it no longer wants, and what balance asks for: where all want the same topics, no fewer can move.
 */
export function uniform(members: readonly AssignorMember[], partitionsOf: (topicId: string) => number): Target {
  const share = new Share(members, classesOf(members), partitionsOf)
  share.keep()
  share.fill()
  share.balance()
  return share.target()
}

class Share {
  private readonly members: readonly AssignorMember[]
  private readonly classes: readonly TopicClass[]
  private readonly partitionsOf: (topicId: string) => number
  private readonly classOf = new Map<string, TopicClass>()
  /** By place: what the member has of each class. */
  private readonly has: Map<TopicClass, PartitionId[]>[]
  private readonly counts: number[]
  private readonly taken = new Set<PartitionId>()

  constructor(
    members: readonly AssignorMember[],
    classes: readonly TopicClass[],
    partitionsOf: (topicId: string) => number,
  ) {
    this.members = members
    this.classes = classes
    this.partitionsOf = partitionsOf
    this.has = members.map(() => new Map())
    this.counts = members.map(() => 0)
    for (const one of classes) for (const topicId of one.topics) this.classOf.set(topicId, one)
  }

  /** Leaves with each member what it had and still wants. */
  keep(): void {
    const there = new Set<PartitionId>()
    for (const { topics } of this.classes) for (const id of this.partitions(topics)) there.add(id)
    for (const [place, { previous }] of this.members.entries()) {
      for (const id of previous) {
        const ofClass = this.classOf.get(topicOf(id))
        if (!ofClass?.wants.has(place) || !there.has(id) || this.taken.has(id)) continue
        this.give(place, ofClass, id)
      }
    }
  }

  /** Gives each partition that nobody has to the one with the fewest; first those for which there is the least choice. */
  fill(): void {
    for (const ofClass of this.classes.toSorted((a, b) => a.subscribers.length - b.subscribers.length)) {
      for (const id of this.partitions(ofClass.topics)) {
        if (!this.taken.has(id)) this.give(this.leastOf(ofClass), ofClass, id)
      }
    }
  }

  /**
   * Moves partitions one by one from the member with the most to one with two less or fewer. Where all want the same, each
   * move is needed: either the giver had too many or the taker too few. A pass in which nothing moves is the last; there
   * is one, because each move brings counts closer together.
   */
  balance(): void {
    for (let isBalanced = false; !isBalanced; ) {
      isBalanced = true
      const left = new Set(this.members.keys())
      while (left.size > 0) {
        const giver = this.mostOf(left)
        // Neither it nor anyone left has two more than somebody else.
        if (this.counts[giver]! < 2) break
        if (this.moveFrom(giver)) isBalanced = false
        else left.delete(giver)
      }
    }
  }

  target(): Target {
    return new Map(this.members.map(({ id }, place) => [id, new Set([...this.has[place]!.values()].flat())]))
  }

  private moveFrom(giver: number): boolean {
    let best: { taker: number; ofClass: TopicClass; ids: PartitionId[] } | undefined
    for (const [ofClass, ids] of this.has[giver]!) {
      if (ids.length === 0) continue
      const taker = this.leastOf(ofClass)
      if (best === undefined || this.counts[taker]! < this.counts[best.taker]!) best = { taker, ofClass, ids }
    }
    if (best === undefined || this.counts[giver]! - this.counts[best.taker]! < 2) return false
    const { taker, ofClass, ids } = best
    this.counts[giver]!--
    this.give(taker, ofClass, ids.pop()!)
    return true
  }

  private give(place: number, ofClass: TopicClass, id: PartitionId): void {
    this.taken.add(id)
    const ids = this.has[place]!.get(ofClass)
    if (ids === undefined) this.has[place]!.set(ofClass, [id])
    else ids.push(id)
    this.counts[place]!++
  }

  private leastOf({ subscribers }: TopicClass): number {
    let least = subscribers[0]!
    for (const place of subscribers) if (this.counts[place]! < this.counts[least]!) least = place
    return least
  }

  private mostOf(places: ReadonlySet<number>): number {
    let most = -1
    for (const place of places) if (most === -1 || this.counts[place]! > this.counts[most]!) most = place
    return most
  }

  private *partitions(topics: readonly string[]): Generator<PartitionId, void, undefined> {
    for (const topicId of topics) {
      const partitions = this.partitionsOf(topicId)
      for (let partition = 0; partition < partitions; partition++) yield partitionId(topicId, partition)
    }
  }
}

function classesOf(members: readonly AssignorMember[]): TopicClass[] {
  const groups = new Map<ReadonlySet<string>, number[]>()
  for (const [place, { topics }] of members.entries()) {
    const group = groups.get(topics)
    if (group === undefined) groups.set(topics, [place])
    else group.push(place)
  }
  const wantedBy = new Map<string, number[]>()
  for (const [index, topics] of [...groups.keys()].entries()) {
    for (const topicId of topics) {
      const indexes = wantedBy.get(topicId)
      if (indexes === undefined) wantedBy.set(topicId, [index])
      else indexes.push(index)
    }
  }
  const places = [...groups.values()]
  const classes = new Map<string, TopicClass>()
  for (const [topicId, indexes] of wantedBy) {
    const key = indexes.join()
    const known = classes.get(key)
    if (known !== undefined) {
      known.topics.push(topicId)
      continue
    }
    const subscribers = indexes.flatMap((index) => places[index]!)
    classes.set(key, { subscribers, wants: new Set(subscribers), topics: [topicId] })
  }
  return [...classes.values()]
}
