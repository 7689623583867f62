import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { FINDINGS } from '@millrace/log'
import { expect, test } from 'vitest'
import { tableUnder } from './markdown-table.ts'

test('docs/verify.md lists every kind of finding', () => {
  const text = readFileSync(fileURLToPath(new URL('../../docs/verify.md', import.meta.url)), 'utf8')
  const listed = tableUnder(text, 'The kinds')
  const known = Object.entries(FINDINGS).map(([kind, { severity, title }]) => [kind, severity, title])
  expect(listed).toEqual(known)
})
