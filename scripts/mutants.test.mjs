import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseSync } from 'oxc-parser'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { applyPatch, exactly, readMutants, verdictOn, withPatch } from './lib/mutants.mjs'
import { ROOT } from './lib/project.mjs'

const mutants = readMutants(ROOT)
const titles = ['packages', 'test'].flatMap((room) => titlesIn(join(ROOT, room)))

/** Patterns for the titles of the tests below a folder: of every string that is the first argument of a call. */
function titlesIn(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((path) => /(\.test\.ts|conformance\/[^/]*\.ts)$/.test(path) && !/node_modules|\bdist\//.test(path))
    .flatMap((path) => {
      const strings = []
      const collect = (node) => {
        if (typeof node !== 'object' || node === null) return
        if (node.type === 'CallExpression') strings.push(node.arguments[0]?.value)
        for (const value of Object.values(node)) collect(value)
      }
      collect(parseSync(path, readFileSync(join(folder, path), 'utf8')).program)
      return strings.filter((value) => typeof value === 'string' && value.includes(' '))
    })
    .map((title) => new RegExp(`${title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/%[dijs]|\\\$\w+/g, '.+')}$`))
}

describe('the faults of test/mutants', () => {
  test('are at least eight', () => {
    expect(mutants.length).toBeGreaterThanOrEqual(8)
  })

  test.each(mutants.map((mutant) => [mutant.name, mutant]))('%s applies to the code and names a test', (_, mutant) => {
    expect(applyPatch(ROOT, mutant.patch, ['--check'])).toBeUndefined()
    expect(existsSync(join(ROOT, mutant.test))).toBe(true)
    // A name is made of describe blocks and the test. It ends as it stands in some file, which may be a shared suite.
    expect(titles.some((title) => title.test(mutant.title))).toBe(true)
  })
})

describe('a mutant run', () => {
  let folder
  const patch = `Fault: two is three
Test: a.test.ts
Name: a b
diff --git a/a.txt b/a.txt
--- a/a.txt
+++ b/a.txt
@@ -1,3 +1,3 @@
 one
-two
+three
 four
`
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-mutant-'))
    mkdirSync(join(folder, 'test/mutants'), { recursive: true })
    writeFileSync(join(folder, 'test/mutants/two.patch'), patch)
    writeFileSync(join(folder, 'a.txt'), 'one\ntwo\nfour\n')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('reads what a patch says of itself', () => {
    expect(readMutants(folder)).toEqual([
      {
        name: 'two',
        patch: join(folder, 'test/mutants/two.patch'),
        fault: 'two is three',
        test: 'a.test.ts',
        title: 'a b',
      },
    ])
    writeFileSync(join(folder, 'test/mutants/two.patch'), patch.replace('Name: a b\n', ''))
    expect(() => readMutants(folder)).toThrow('two.patch has no line "Name: …" before its diff')
  })

  test('puts the fault in and takes it out again', async () => {
    const file = join(folder, 'a.txt')
    const [mutant] = readMutants(folder)
    expect(await withPatch(folder, mutant.patch, async () => readFileSync(file, 'utf8'))).toBe('one\nthree\nfour\n')
    expect(readFileSync(file, 'utf8')).toBe('one\ntwo\nfour\n')
    writeFileSync(file, 'something else\n')
    expect(await withPatch(folder, mutant.patch, () => ({}))).toMatchObject({
      problem: expect.stringContaining('a.txt'),
    })
  })

  test('counts only the test that is named', () => {
    const report = (...results) => ({
      testResults: [{ assertionResults: results.map(([fullName, status]) => ({ fullName, status })) }],
    })
    expect(verdictOn(report(['a b', 'failed']), 'a b')).toBe('failed')
    expect(verdictOn(report(['a b', 'passed'], ['a b c', 'failed']), 'a b')).toBe('passed')
    expect(verdictOn(report(['a b', 'skipped']), 'a b')).toBe('missing')
    expect(verdictOn(report(), 'a b')).toBe('missing')
  })

  test('asks vitest for the name as it is', () => {
    expect(new RegExp(exactly('a (b)? c.d')).test('a (b)? c.d')).toBe(true)
    expect(new RegExp(exactly('a b')).test('a b c')).toBe(false)
  })
})
