import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isErrorCode } from '@millrace/record'
import { expect, onTestFinished, test } from 'vitest'
import { FROM_SOURCE, plainEnvironment, run, serve } from '../e2e/harness.ts'
import { fencedBlocks, shownCommands } from './fenced-blocks.ts'
import { tableUnder } from './markdown-table.ts'

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const text = readFileSync(join(ROOT, 'docs/consumer-groups.md'), 'utf8')
const PROGRAM = /^npx node (examples\/\S+)$/
/** What others do takes a moment. */
const SETTLES = /millrace group (describe|list)/
const SETTLE_MS = 30_000

/** A table without what differs from run to run: who the members are, and how wide that makes columns. */
function essence(table: string): string[] {
  return table
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID')
    .replace(/ \S+:\d+ /g, ' CLIENT ')
    .replace(/ +/g, ' ')
    .trim()
    .split('\n')
    .sort()
}

test('what docs/consumer-groups.md shows is what comes out', { timeout: 120_000 }, async () => {
  const { url } = await serve('--data', 'memory', '--log-level', 'error')
  const env = { MILLRACE_URL: url }
  const cli = join(ROOT, 'packages/cli/bin/millrace.mjs')
  const npx = `npx() { shift; '${process.execPath}' ${FROM_SOURCE.join(' ')} '${cli}' "$@"; }`
  const shell = async (command: string): Promise<string> => {
    const { code, stdout, stderr } = await run('bash', ['-euc', `${npx}\n${command}`], { env, cwd: ROOT })
    if (code !== 0 && !SETTLES.test(command)) throw new Error(`${command}: ${stderr}`)
    return code === 0 ? stdout : stderr
  }
  const terminals: ChildProcess[] = []
  onTestFinished(() => {
    for (const child of terminals) child.kill('SIGKILL')
  })

  for (const { language, text: typed } of fencedBlocks(text)) {
    if (language === 'console') {
      for (const { command, output } of shownCommands(typed)) {
        const untilMs = Date.now() + SETTLE_MS
        let printed = essence(await shell(command))
        while (SETTLES.test(command) && `${printed}` !== `${essence(output)}` && Date.now() < untilMs) {
          printed = essence(await shell(command))
        }
        expect(printed, command).toEqual(essence(output))
      }
      continue
    }
    expect(language).toBe('sh')
    for (const line of typed.split('\n')) {
      const program = PROGRAM.exec(line)?.[1]
      if (program !== undefined) {
        const options = { cwd: ROOT, env: { ...plainEnvironment(), ...env }, stdio: 'ignore' as const }
        terminals.push(spawn(process.execPath, [...FROM_SOURCE, program], options))
      } else if (line === '# Ctrl-C in both terminals') {
        for (const child of terminals.splice(0)) {
          const ended = once(child, 'exit')
          child.kill('SIGINT')
          expect(await ended).toEqual([0, null])
        }
      } else await shell(line)
    }
  }
})

test('docs/consumer-groups.md names codes that there are', () => {
  const codes = tableUnder(text, 'What an error means for a consumer').flatMap(([cell = '']) => cell.split(', '))
  expect(codes.length).toBeGreaterThan(10)
  expect(codes.filter((code) => !isErrorCode(code))).toEqual([])
})
