import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { PACKAGE_RULES } from '../../scripts/imports/rules.ts'
import { tableUnder } from './markdown-table.ts'

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const DOCS = ['ARCHITECTURE.md', 'README.md', 'CONTRIBUTING.md']
/** Top folders of the repository, by which a path is known. */
const IS_PATH = /^(packages|scripts|test|bench|proto|docs|\.ci)\/[\w./-]*$/

/** Every path of the repository that a text names between backticks. */
function pathsIn(markdown: string): string[] {
  return [...markdown.matchAll(/`([^`\s]+)`/g)].map(([, text = '']) => text).filter((text) => IS_PATH.test(text))
}

describe.each(DOCS)('%s', (name) => {
  const paths = pathsIn(readFileSync(join(ROOT, name), 'utf8'))

  test('names only files that are there', () => {
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
  })
})

describe('ARCHITECTURE.md', () => {
  const text = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8')

  test('names many files', () => expect(pathsIn(text).length).toBeGreaterThan(30))

  test('has the import rules that are checked', () => {
    const rows = tableUnder(text, 'Who may import whom').map(([name = '', ours = '', libraries = '']) => {
      const list = (cell: string) => (cell === '–' ? [] : cell.split(', ').sort())
      return [name, list(ours), list(libraries)]
    })
    const rules = Object.entries(PACKAGE_RULES).map(([name, { ours, types = [], libraries }]) => [
      name,
      [...ours, ...types.map((type) => `${type} (types)`)].sort(),
      [...libraries].sort(),
    ])
    expect(rows).toEqual(rules)
  })

  test('names every package', () => {
    const house = readdirSync(join(ROOT, 'packages'))
    expect(house.filter((name) => !text.includes(`packages/${name}/`))).toEqual([])
  })
})
