import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DEFAULT_LIMITS } from '@millrace/record'
import { flagOf, SETTINGS } from '@millrace/server'
import { expect, test } from 'vitest'
import { tableUnder } from './markdown-table.ts'

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const names = Object.keys(DEFAULT_LIMITS)

test('docs/limits.md has every limit with its flag and its default, and says what happens past it', () => {
  const rows = tableUnder(readFileSync(join(ROOT, 'docs/limits.md'), 'utf8'), 'All limits')
  expect(rows.map(([name, flag, value]) => [name, flag, value])).toEqual(
    names.map((name) => {
      const setting = SETTINGS.find(({ key }) => key === `limits.${name}`)!
      return [name, flagOf(setting), String(setting.default)]
    }),
  )
  for (const [name, , , past = ''] of rows) expect(past.length, name).toBeGreaterThan(5)
})

test('every limit is looked at somewhere beside where it is declared', () => {
  const files = execFileSync('git', ['ls-files', '-z', 'packages/*/src/*.ts', 'packages/*/src/**/*.ts'], { cwd: ROOT })
    .toString()
    .split('\0')
    .filter((file) => file !== '' && !file.endsWith('.test.ts'))
    .filter((file) => !/record\/src\/limits\.ts$|server\/src\/settings\.ts$/.test(file))
  const code = files
    .map((file) => readFileSync(join(ROOT, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, ''))
    .join('\n')
  // As a property of limits, or taken out of them.
  const unread = names.filter(
    (name) =>
      !new RegExp(
        `(?:[lL]imits|DEFAULT_LIMITS\\))\\.${name}\\b|\\{[^{}]*\\b${name}\\b[^{}]*\\} = [^;\\n]*[lL]imits`,
      ).test(code),
  )
  expect(unread).toEqual([])
})
