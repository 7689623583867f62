/**
 * The cycles of a graph: each strongly connected set of more than one node, and each node that points at itself, as a
 * path that ends where it begins. Every set is told by one shortest of its cycles.
 */
export function findCycles(graph: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const done = new Set<string>()
  const cycles: string[][] = []
  for (const start of [...graph.keys()].sort()) {
    if (done.has(start)) continue
    const cycle = shortestCycle(graph, start)
    if (cycle === undefined) continue
    for (const node of cycle) done.add(node)
    cycles.push(cycle)
  }
  return cycles
}

/** A shortest way from `start` back to it, found breadth first. */
function shortestCycle(graph: ReadonlyMap<string, ReadonlySet<string>>, start: string): string[] | undefined {
  const cameFrom = new Map<string, string>()
  const queue = [start]
  for (const node of queue) {
    for (const next of graph.get(node) ?? []) {
      if (next === start) return pathBack(cameFrom, start, node)
      if (cameFrom.has(next)) continue
      cameFrom.set(next, node)
      queue.push(next)
    }
  }
  return undefined
}

function pathBack(cameFrom: ReadonlyMap<string, string>, start: string, last: string): string[] {
  const path = [start]
  for (let node: string | undefined = last; node !== undefined && node !== start; node = cameFrom.get(node)) {
    path.unshift(node)
  }
  return [start, ...path]
}
