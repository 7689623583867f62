import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describeTopicConfig, parseTopicConfig } from '@millrace/engine'
import { DEFAULT_LIMITS } from '@millrace/record'
import { flagOf, loadSettings, SETTINGS, startServer, variableOf } from '@millrace/server'
import { expect, onTestFinished, test } from 'vitest'
import { serveBareGateway } from './bare-gateway.ts'
import { fencedBlocks } from './fenced-blocks.ts'
import { tableUnder } from './markdown-table.ts'

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')

test('README.md has every setting of the server with its names and its default', () => {
  const rows = SETTINGS.filter(({ key }) => !key.startsWith('limits.')).map((setting) => {
    const none = setting.default === undefined || (Array.isArray(setting.default) && setting.default.length === 0)
    return [setting.key, flagOf(setting), variableOf(setting), none ? 'none' : String(setting.default)]
  })
  expect(tableUnder(readme, 'Settings of the server')).toEqual(rows)
})

test('README.md has every setting of a topic with its default', () => {
  expect(tableUnder(readme, 'Settings of a topic')).toEqual(Object.entries(describeTopicConfig(parseTopicConfig({}))))
})

test('README.md names only calls of REST that there are, and every parameter of reading', async () => {
  const gateway = await serveBareGateway()
  try {
    const asked = await fetch(`${gateway.url}/v1/topics/orders/partitions/0/records?nope=1`)
    const { detail } = (await asked.json()) as { detail: string }
    const parameters = tableUnder(readme, 'Parameters of reading')
    expect(detail).toBe(`"nope" is not a query parameter; there are ${parameters.map(([name]) => name).join(', ')}`)
    const defaults = Object.fromEntries(parameters.map(([name, byDefault]) => [name, byDefault]))
    const { fetchRecords, fetchBytes } = DEFAULT_LIMITS
    expect(defaults).toMatchObject({ limit: `${fetchRecords}`, maxBytes: `${fetchBytes}`, waitMs: '0' })
    expect(parameters.find(([name]) => name === 'waitMs')?.[2]).toContain(`at most ${DEFAULT_LIMITS.fetchWaitMs}`)

    const calls = tableUnder(readme, 'REST').flatMap(([call = '']) => call.split(', '))
    expect(calls.length).toBeGreaterThan(8)
    for (const call of calls) {
      const [method = '', path = ''] = call.split(' ')
      const url = `${gateway.url}${path.replace('{topic}', 'orders').replace('{partition}', '0').replace('{group}', 'billing')}`
      // The broker behind is none, so that what is found fails in another way.
      const answer = await fetch(url, { method })
      const isJson = answer.headers.get('content-type')?.includes('json') ?? false
      const { code } = isJson ? ((await answer.json()) as { code?: string }) : { code: await answer.text() }
      expect(code, call).not.toBe('ROUTE_NOT_FOUND')
      expect(code, call).not.toBe('METHOD_NOT_ALLOWED')
    }
  } finally {
    await gateway.close()
  }
})

test('README.md has an example of a configuration file that the server takes', () => {
  const [example, ...others] = fencedBlocks(readme).filter(({ language }) => language === 'json')
  expect(others).toEqual([])
  const cwd = temporaryDirectory()
  writeFileSync(join(cwd, 'millrace.config.json'), example?.text ?? '')
  const given = loadSettings({ flags: {}, env: {}, cwd }).filter(({ given }) => given !== undefined)
  expect(given.length).toBeGreaterThan(3)
})

test('README.md has every file that a server leaves in its data directory', async () => {
  const named = tableUnder(readme, 'The data directory').flatMap(([cell = '']) => cell.match(/[\w.-]+/g) ?? [])
  const data = temporaryDirectory()
  const isNamed = (file: string): boolean =>
    named.some((name) => (name.startsWith('.') ? file.endsWith(name) : file === name))
  const unnamed = (): string[] =>
    readdirSync(data, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !isNamed(entry.name))
      .map(({ name }) => name)
  const server = await startServer({ data, http: '127.0.0.1:0' })
  try {
    const post = (path: string, body: object): Promise<Response> => {
      const headers = { 'content-type': 'application/json' }
      return fetch(`${server.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    }
    await post('/v1/topics', { name: 'orders' })
    expect((await post('/v1/topics/orders/records', { records: [{ value: 'x' }] })).status).toBe(200)
    expect(unnamed()).toEqual([])
  } finally {
    await server.close()
  }
  expect(unnamed()).toEqual([])
})

function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'millrace-docs-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}
