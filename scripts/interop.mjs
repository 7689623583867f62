// `npm run test:interop`: has Apache Kafka's own tools read what Millrace wrote, and ends with a table of what ran and
// what was skipped. Without Java 17 and Maven all of it is skipped, which is a failure where CI=true. What follows `--`
// goes to vitest. `node scripts/interop-install.mjs` installs what is missing on Debian.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reasonToSkip, resolveTools, toolsFolder } from './lib/kafka-tools.mjs'
import { run } from './lib/main.mjs'
import { ROOT } from './lib/project.mjs'

await run(async ({ children, node, env }) => {
  const reason = await prepare(children)
  const folder = mkdtempSync(join(tmpdir(), 'millrace-interop-'))
  try {
    const report = join(folder, 'report.json')
    const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/interop/vitest.config.ts']
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const tools = reason === undefined ? { MILLRACE_KAFKA_TOOLS: toolsFolder(ROOT) } : {}
    const args = [...vitest, ...reporters, ...process.argv.slice(2)]
    const { code } = await children.run(node, args, { cwd: ROOT, env: { ...env, ...tools } })
    for (const line of tableOf(JSON.parse(readFileSync(report, 'utf8')))) console.log(line)
    if (reason === undefined) return code ?? 1
    console.error(`Skipped: ${reason}. On Debian, node scripts/interop-install.mjs installs it.`)
    return process.env.CI === 'true' ? 1 : (code ?? 1)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

/** @returns why nothing can run, undefined when all is there */
async function prepare(children) {
  const reason = reasonToSkip(ROOT)
  if (reason !== undefined) return reason
  return (await resolveTools(ROOT, children)) ? undefined : "Maven could not get Apache Kafka's tools"
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
