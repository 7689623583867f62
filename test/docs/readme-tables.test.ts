import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Broker } from '@millrace/broker'
import { describeTopicConfig, parseTopicConfig } from '@millrace/engine'
import { createHttpGateway } from '@millrace/gateway-http'
import { DEFAULT_LIMITS, silentLogger, systemClock } from '@millrace/record'
import { flagOf, SETTINGS, variableOf } from '@millrace/server'
import { expect, test } from 'vitest'
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

test('README.md names only calls of REST that there are', async () => {
  const gateway = createHttpGateway({
    broker: { limits: DEFAULT_LIMITS, problems: () => [] } as unknown as Broker,
    clock: systemClock,
    logger: silentLogger,
    limits: DEFAULT_LIMITS,
    checkHost: true,
  })
  const { host, port } = await gateway.listen('127.0.0.1', 0)
  try {
    const calls = tableUnder(readme, 'REST').flatMap(([call = '']) => call.split(', '))
    expect(calls.length).toBeGreaterThan(8)
    for (const call of calls) {
      const [method = '', path = ''] = call.split(' ')
      const url = `http://${host}:${port}${path.replace('{topic}', 'orders').replace('{partition}', '0')}`
      // The broker behind is none, so that what is found fails in another way.
      const { code } = (await (await fetch(url, { method })).json()) as { code?: string }
      expect(code, call).not.toBe('ROUTE_NOT_FOUND')
      expect(code, call).not.toBe('METHOD_NOT_ALLOWED')
    }
  } finally {
    await gateway.close(0)
  }
})
