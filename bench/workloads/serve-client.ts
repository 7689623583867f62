import type { Connect } from '../harness/client.ts'
import { serveTasks } from '../harness/client-program.ts'
import { endToEnd } from './end-to-end.ts'
import { fanOut } from './fan-out.ts'
import { groups } from './groups.ts'
import { pipe } from './pipe.ts'
import { produce } from './produce.ts'
import { read } from './read.ts'
import { rebalance } from './rebalance.ts'
import { send } from './send.ts'
import { settle } from './settle.ts'
import { topics } from './topics.ts'

/** Turns this process into a contender's client program: the workloads, done with its client. */
export function serveClient(connect: Connect): void {
  serveTasks({
    produce: (url, task, progress) => produce(connect, url, task, progress),
    send: (url, task, progress) => send(connect, url, task, progress),
    read: (url, task, progress) => read(connect, url, task, progress),
    endToEnd: (url, task, progress) => endToEnd(connect, url, task, progress),
    topics: (url, task, progress) => topics(connect, url, task, progress),
    fanOut: (url, task, progress) => fanOut(connect, url, task, progress),
    groups: (url, task, progress) => groups(connect, url, task, progress),
    settle: (url, task) => settle(connect, url, task),
    rebalance: (url, task, progress) => rebalance(connect, url, task, progress),
    pipe: (url, task, progress) => pipe(connect, url, task, progress),
  })
}
