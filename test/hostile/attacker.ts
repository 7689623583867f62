/** Attacks a server until it is told to stop, in a process of its own: `attacker.ts URL NAME…` */
import { constants, setPriority } from 'node:os'
import { Counts, pause } from './attack.ts'
import { attackNamed } from './attacks/attacks.ts'
import { targetOf } from './hostile-socket.ts'

// Attackers have machines of their own: here they must not take the processor from those whom they attack.
setPriority(constants.priority.PRIORITY_LOW)
const [url = '', ...names] = process.argv.slice(2)
const target = targetOf(url)
const ended = new AbortController()
process.once('message', () => ended.abort())
process.once('disconnect', () => process.exit())
process.on('unhandledRejection', (error) => {
  throw error
})
process.send?.('ready')
const counts = new Map(names.map((name) => [name, new Counts()]))
const run = ([name, counts]: [string, Counts]): Promise<void> => {
  const { isRaw = false, protocol, run } = attackNamed(name)
  const alpn = isRaw || !url.startsWith('https:') ? undefined : (protocol ?? 'http/1.1')
  return run({ target, signal: ended.signal, counts, alpn })
}
const running = Promise.all([...counts].map(run))
// At the lowest priority it may be a while before each has done anything.
while (!ended.signal.aborted && [...counts.values()].some(({ isEmpty }) => isEmpty)) await pause(ended.signal, 10)
process.send?.('begun')
await running
process.send?.({ counts: Object.fromEntries(counts) }, () => process.exit())
