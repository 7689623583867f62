import { parseArgs } from 'node:util'
import { runChaos } from './chaos.ts'

const USAGE = `npm run chaos [-- OPTIONS]

  --minutes N     how long (default 1): runs of half a minute of chaos each, workers and pipes in turn
  --seed S        of the first run (default: a random one); the next has the next number
  --mode MODE     only workers, or only pipes
`
const CHAOS_MS = 30_000

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    mode: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
const minutes = Number(values.minutes)
const first = Number(values.seed)
if (
  values.help ||
  !(minutes > 0) ||
  !Number.isSafeInteger(first) ||
  !['workers', 'pipes', undefined].includes(values.mode)
) {
  console.error(USAGE)
  process.exit(values.help ? 0 : 2)
}
const end = Date.now() + minutes * 60_000
for (let seed = first; Date.now() < end; seed++) {
  const transactions = values.mode === undefined ? seed % 2 === 1 : values.mode === 'pipes'
  const { breaches, counts } = await runChaos({ seed, ms: CHAOS_MS, transactions })
  const mode = transactions ? 'pipes' : 'workers'
  console.log(
    `seed ${seed}, ${mode}: ${Object.entries(counts)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ')}`,
  )
  if (breaches.length === 0) continue
  console.error(breaches.slice(0, 20).join('\n'))
  console.error(`${breaches.length} breaches; again with: npm run chaos -- --mode ${mode} --seed ${seed}`)
  process.exitCode = 1
  break
}
