import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describeTopicConfig, parseTopicConfig } from '@millrace/engine'
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
