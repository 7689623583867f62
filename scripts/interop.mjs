// `npm run test:interop`: tries Millrace with programs of others, Apache Kafka's tools, a browser and grpcurl, and ends with
// a table of what ran and what was skipped. Suites whose program is missing are skipped, which is a failure where CI=true.
// What follows `--` goes to vitest. `node scripts/interop-install.mjs` installs what is missing on Debian.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from './lib/chromium.mjs'
import { grpcurl } from './lib/grpcurl.mjs'
import { reasonToSkip, resolveTools, toolsFolder } from './lib/kafka-tools.mjs'
import { run } from './lib/main.mjs'
import { ROOT } from './lib/project.mjs'

await run(async ({ children, node, env }) => {
  const found = [await kafkaTools(children), browser(), grpcClient()]
  const folder = mkdtempSync(join(tmpdir(), 'millrace-interop-'))
  try {
    const report = join(folder, 'report.json')
    const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/interop/vitest.config.ts']
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const programs = Object.assign({}, ...found.map(({ variables }) => variables))
    const args = [...vitest, ...reporters, ...process.argv.slice(2)]
    const { code } = await children.run(node, args, { cwd: ROOT, env: { ...env, ...programs } })
    for (const line of tableOf(JSON.parse(readFileSync(report, 'utf8')))) console.log(line)
    const reasons = found.flatMap(({ reason }) => reason ?? [])
    for (const reason of reasons) {
      console.error(`Skipped: ${reason}. On Debian, node scripts/interop-install.mjs installs it.`)
    }
    return reasons.length > 0 && process.env.CI === 'true' ? 1 : (code ?? 1)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

// What a suite needs: the variables by which it finds it, or the reason why it is skipped.

async function kafkaTools(children) {
  const reason = reasonToSkip(ROOT)
  if (reason !== undefined) return { reason }
  if (!(await resolveTools(ROOT, children))) return { reason: "Maven could not get Apache Kafka's tools" }
  return { variables: { MILLRACE_KAFKA_TOOLS: toolsFolder(ROOT) } }
}

function browser() {
  const name = chromium()
  return name === undefined ? { reason: 'there is no Chromium' } : { variables: { MILLRACE_CHROMIUM: name } }
}

function grpcClient() {
  const file = grpcurl(ROOT)
  return file === undefined ? { reason: 'there is no grpcurl' } : { variables: { MILLRACE_GRPCURL: file } }
}

/** The lines of a table with each test and how it went. */
function tableOf(report) {
  const VERDICTS = { passed: 'ran', failed: 'FAILED', skipped: 'skipped', pending: 'skipped', todo: 'skipped' }
  const tests = report.testResults.flatMap((file) => file.assertionResults)
  const rows = tests.map(({ fullName, status }) => [VERDICTS[status] ?? status, fullName])
  const width = Math.max(...rows.map(([verdict]) => verdict.length))
  const count = (verdict) => rows.filter(([known]) => known === verdict).length
  const totals = ['ran', 'skipped', 'FAILED'].map((verdict) => `${count(verdict)} ${verdict.toLowerCase()}`)
  return [...rows.map(([verdict, name]) => `${verdict.padEnd(width)}  ${name}`), totals.join(', ')]
}
