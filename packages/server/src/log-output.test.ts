import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { openLogOutput } from './log-output.ts'
import { startServer } from './server.ts'

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-log-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

const FULL = '/dev/full'

test.skipIf(!existsSync(FULL))('a full disk costs messages, and nothing else', async () => {
  const { logger } = await openLogOutput('info', FULL)
  for (let count = 0; count < 1_000; count++) logger.error({ text: 'x'.repeat(10_000) }, 'nobody reads it')
})

const FLOOD = `
  import { openLogOutput } from ${JSON.stringify(new URL('log-output.ts', import.meta.url).href)}
  const { logger } = await openLogOutput('info', undefined)
  for (let count = 0; count < 2_000; count++) logger.info({ count, text: 'x'.repeat(1_000) }, 'nobody reads it')
  console.log('flooded')
  process.stdin.once('data', () => process.exit())
`

test('a pipe that nobody reads holds nobody up, and has the first messages when somebody does', async () => {
  const args = ['--conditions=development', '--input-type=module', '--eval', FLOOD]
  const child = spawn(process.execPath, args, { stdio: 'pipe' })
  onTestFinished(() => void child.kill())
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  expect(`${said}`).toBe('flooded\n')
  const lines: number[] = []
  const reading = createInterface(child.stderr)
  reading.on('line', (line) => lines.push((JSON.parse(line) as { count: number }).count))
  // What was kept is more than fits into the pipe.
  while (lines.length < 500) await once(reading, 'line')
  expect(lines).toEqual(lines.map((_, index) => index))
  child.stdin.write('end')
  expect(await once(child, 'exit')).toEqual([0, null])
})

test('after a reload, messages go to a new file of the name, or to the old one where there can be none', async () => {
  const directory = await temporaryDirectory()
  const logFile = join(directory, 'logs', 'server.log')
  await mkdir(join(directory, 'logs'))
  const server = await startServer({ data: 'memory', http: '127.0.0.1:0', logFile, logLevel: 'info' })
  onTestFinished(() => server.close())
  const read = (path: string) => readFile(path, 'utf8')

  await rename(logFile, `${logFile}.1`)
  await server.reload()
  expect(await read(logFile)).toContain('the configuration was read again')
  expect(await read(`${logFile}.1`)).not.toContain('the configuration was read again')

  await rename(join(directory, 'logs'), join(directory, 'gone'))
  await server.reload()
  expect(await read(join(directory, 'gone', 'server.log'))).toContain('the log file cannot be begun anew')
})
