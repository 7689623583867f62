import { type HistoryEvent, placeName } from './history.ts'

type Of<K extends HistoryEvent['kind']> = Extract<HistoryEvent, { kind: K }>

/** What a run must have kept; each rule gives its breaches in words, none when all is well. */
type Rule = (history: readonly HistoryEvent[]) => Generator<string, void, undefined>

function pick<K extends HistoryEvent['kind']>(history: readonly HistoryEvent[], kind: K): Of<K>[] {
  return history.filter((event): event is Of<K> => event.kind === kind)
}

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}

/** Every record that its producer knows to be stored was handled, or stands in the output. */
function* nothingSkipped(history: readonly HistoryEvent[], kind: 'handled' | 'output') {
  const done = new Set(pick(history, kind).map(({ place }) => placeName(place)))
  for (const { place, key, sequence } of pick(history, 'sent')) {
    if (!done.has(placeName(place)))
      yield `record ${placeName(place)} (${key} ${sequence}) is missing in what was ${kind}`
  }
}

/** When an offset is committed, all records before it have been handled. */
const nothingCommittedUnhandled: Rule = function* (history) {
  const firstHandled = new Map<string, number>()
  for (const { place, at } of pick(history, 'handled')) {
    const name = placeName(place)
    firstHandled.set(name, Math.min(at, firstHandled.get(name) ?? Number.POSITIVE_INFINITY))
  }
  const sent = groupBy(pick(history, 'sent'), ({ place }) => place.partition)
  for (const [partition, commits] of groupBy(pick(history, 'committed'), (commit) => commit.partition)) {
    const records = (sent.get(partition) ?? []).toSorted((a, b) => a.place.offset - b.place.offset)
    let index = 0
    let latest = Number.NEGATIVE_INFINITY
    let latestName = ''
    for (const commit of commits.toSorted((a, b) => a.offset - b.offset)) {
      for (; index < records.length && records[index]!.place.offset < commit.offset; index++) {
        const name = placeName(records[index]!.place)
        const at = firstHandled.get(name) ?? Number.POSITIVE_INFINITY
        if (at > latest) [latest, latestName] = [at, name]
      }
      if (latest > commit.at) {
        yield `${commit.member} committed ${partition}/${commit.offset} before record ${latestName} was handled`
      }
    }
  }
}

/** A commit that began after another was acknowledged is not behind it. */
const offsetsNeverBackwards: Rule = function* (history) {
  for (const [partition, commits] of groupBy(pick(history, 'committed'), (commit) => commit.partition)) {
    const acknowledged = commits.toSorted((a, b) => a.at - b.at)
    let highest: Of<'committed'> | undefined
    let index = 0
    for (const commit of commits.toSorted((a, b) => a.began - b.began)) {
      for (; index < acknowledged.length && acknowledged[index]!.at < commit.began; index++) {
        if (highest === undefined || acknowledged[index]!.offset > highest.offset) highest = acknowledged[index]!
      }
      if (highest !== undefined && commit.offset < highest.offset) {
        yield `${commit.member} took partition ${partition} back from ${highest.offset} to ${commit.offset}`
      }
    }
    for (const { offset } of pick(history, 'finished').filter((finished) => finished.partition === partition)) {
      const most = Math.max(...commits.map((commit) => commit.offset))
      if (offset < most) yield `partition ${partition} ended at ${offset}, although ${most} was committed`
    }
  }
}

/** Records of a key are handled for the first time in their order, and by one member always in order while it owns them. */
const orderPerKey: Rule = function* (history) {
  for (const [key, handled] of groupBy(pick(history, 'handled'), (event) => event.key)) {
    let highest = -1
    for (const { sequence, member } of handled.toSorted((a, b) => a.at - b.at)) {
      if (sequence > highest + 1) {
        yield `${member} handled ${key} ${sequence} before ${key} ${highest + 1}`
      }
      highest = Math.max(highest, sequence)
    }
  }
  for (const [member, events] of groupBy(
    history.filter((event) => 'member' in event),
    (event) => event.member,
  )) {
    const last = new Map<string, number>()
    const partitionOf = new Map<string, number>()
    for (const event of events.toSorted((a, b) => a.at - b.at)) {
      if (event.kind === 'assigned') {
        // What it had not committed when it had the partition before may come again.
        for (const [key, partition] of partitionOf) if (partition === event.partition) last.delete(key)
      } else if (event.kind === 'handled') {
        const before = last.get(event.key) ?? -1
        if (event.sequence <= before) yield `${member} handled ${event.key} ${event.sequence} after ${before}`
        last.set(event.key, event.sequence)
        partitionOf.set(event.key, event.place.partition)
      }
    }
  }
}

/** No two members that run own a partition at a time. */
const oneOwner: Rule = function* (history) {
  const owners = new Map<number, string>()
  const changes = history.filter((event) => 'member' in event && event.kind !== 'handled' && event.kind !== 'committed')
  for (const event of changes.toSorted((a, b) => a.at - b.at)) {
    if (event.kind === 'halted') {
      for (const [partition, member] of owners) if (member === event.member) owners.delete(partition)
    } else if (event.kind === 'assigned') {
      const owner = owners.get(event.partition)
      if (owner !== undefined && owner !== event.member) {
        yield `partition ${event.partition} was given to ${event.member} while ${owner} had it`
      }
      owners.set(event.partition, event.member)
    } else if (owners.get(event.partition) === event.member) {
      owners.delete(event.partition)
    }
  }
}

/** In the committed output nothing stands twice, and each key's records are in their order. */
const outputExactlyOnce: Rule = function* (history) {
  const seen = new Map<string, string>()
  const last = new Map<string, number>()
  const inOrder = pick(history, 'output').toSorted(
    (a, b) => a.output.partition - b.output.partition || a.output.offset - b.output.offset,
  )
  for (const { output, place, key, sequence } of inOrder) {
    const first = seen.get(placeName(place))
    if (first !== undefined)
      yield `record ${placeName(place)} stands in the output twice: ${first}, ${placeName(output)}`
    seen.set(placeName(place), placeName(output))
    const before = last.get(key) ?? -1
    if (sequence < before) yield `${key} ${sequence} comes after ${key} ${before} in the output`
    last.set(key, Math.max(before, sequence))
  }
}

/** The group has come to the end of every partition. */
const allFinished: Rule = function* (history) {
  for (const { partition, offset, end } of pick(history, 'finished')) {
    if (offset !== end) yield `partition ${partition} ended at ${offset} of ${end}`
  }
}

/** What a group without transactions must keep: at least once, in order, offsets forward, one owner. */
export function checkAtLeastOnce(history: readonly HistoryEvent[]): string[] {
  return [
    ...nothingSkipped(history, 'handled'),
    ...nothingCommittedUnhandled(history),
    ...offsetsNeverBackwards(history),
    ...orderPerKey(history),
    ...oneOwner(history),
    ...allFinished(history),
  ]
}

/** What a pipe with transactions must keep: exactly once, in order. */
export function checkExactlyOnce(history: readonly HistoryEvent[]): string[] {
  return [
    ...nothingSkipped(history, 'output'),
    ...outputExactlyOnce(history),
    ...oneOwner(history),
    ...allFinished(history),
  ]
}
