import { partitionId } from '../partition-id.ts'
import type { AssignorMember, Target } from './assignor.ts'

/**
 * Topic by topic, in stretches: with partitions 0 to 4 and two members, one gets 0 to 2 and the other 3 and 4. Topics with
 * as many partitions and the same subscribers are cut alike, so that partitions of one number come together.
 */
export function range(members: readonly AssignorMember[], partitionsOf: (topicId: string) => number): Target {
  const sorted = members.toSorted((a, b) => (a.sortKey < b.sortKey ? -1 : a.sortKey > b.sortKey ? 1 : 0))
  const target: Target = new Map(members.map(({ id }) => [id, new Set()]))
  const subscribers = new Map<string, AssignorMember[]>()
  for (const member of sorted) {
    for (const topicId of member.topics) {
      const known = subscribers.get(topicId)
      if (known === undefined) subscribers.set(topicId, [member])
      else known.push(member)
    }
  }
  for (const [topicId, those] of subscribers) {
    const partitions = partitionsOf(topicId)
    for (const [index, { id }] of those.entries()) {
      const from = Math.ceil((index * partitions) / those.length)
      const to = Math.ceil(((index + 1) * partitions) / those.length)
      for (let partition = from; partition < to; partition++) target.get(id)!.add(partitionId(topicId, partition))
    }
  }
  return target
}
