import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { FROM_SOURCE, run, temporaryDirectory } from './harness.ts'

const DEMO = fileURLToPath(new URL('../../scripts/demo/demo.ts', import.meta.url))

it('the demo gets back exactly what went in, over a SIGKILL, and leaves nothing behind', async () => {
  const file = join(await temporaryDirectory(), 'lines.txt')
  await writeFile(file, Array.from({ length: 5_000 }, (_, index) => `line ${index % 700}`).join('\n'))
  const TMPDIR = await temporaryDirectory()
  const { code, stdout, stderr } = await run(process.execPath, [...FROM_SOURCE, DEMO, '--file', file], {
    env: { TMPDIR },
  })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toContain('Produce 5,000 events')
  expect(stdout).toMatch(/SIGKILL at [\d,]+ acknowledged, [1-9][\d,]* on their way/)
  expect(stdout).toMatch(/ended by SIGKILL; process \d+ serves after \d+ ms/)
  expect(
    stdout.match(/went in .* SHA-256 [0-9a-f]{64}\n.*came back .* SHA-256 [0-9a-f]{64} {2}the same$/gm),
  ).toHaveLength(3)
  expect(stdout).toMatch(/went in +5,000 events/)
  expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^Exactly what went in came back/)
  expect(await readdir(TMPDIR)).toEqual([])
})

it.each([
  [['--file', '/nowhere/at/all'], /^The demo failed: ENOENT/],
  [['--fil', 'x'], /^The demo failed: Unknown option/],
])('the demo fails with code 1 on %j', async (args, message) => {
  const { code, stderr } = await run(process.execPath, [...FROM_SOURCE, DEMO, ...args])
  expect(stderr).toMatch(message)
  expect(code).toBe(1)
})
