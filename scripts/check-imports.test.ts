import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { checkImports } from './imports/check.ts'
import { findCycles } from './imports/cycles.ts'
import { findSources, listSources } from './imports/source-tree.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** What the check says of a fixture: one line for each breach. */
function check(fixture: string): string[] {
  const folder = `${root}/test/fixtures/imports/${fixture}`
  return checkImports(folder, findSources(folder)).map(({ rule, at, message }) => `[${rule}] ${at}: ${message}`)
}

describe('the check of import rules', () => {
  test('lets a tree pass that keeps them', () => {
    expect(check('good')).toEqual([])
  })

  test('finds what a package must not import, as a value, a type, a re-export or at run time', () => {
    expect(check('breach')).toEqual([
      '[import] packages/broker/src/index.ts:1: packages/broker must not import @millrace/log',
      '[import] packages/broker/src/index.ts:2: packages/broker must not import fastify',
      '[import] packages/kitchen/src/index.ts: packages/kitchen is not in the table of import rules',
      '[import] packages/record/src/index.ts:1: packages/record must not use node:fs',
      '[import] packages/record/src/index.ts:2: packages/record must not import @millrace/log',
      '[import] packages/testkit/src/index.ts:1: packages/testkit must not import @millrace/log other than as a type',
      '[cycle] log: log → record → log',
    ])
  })

  test('finds a cycle of files, of types too', () => {
    expect(check('cycle-of-files')).toEqual([
      '[cycle] packages/log/src/roll.ts: packages/log/src/roll.ts → packages/log/src/segment.ts → packages/log/src/roll.ts',
    ])
  })

  test('finds a cycle of packages', () => {
    expect(check('cycle-of-packages')).toContain('[cycle] log: log → record → log')
  })

  test('finds a package that is not declared', () => {
    expect(check('undeclared')).toEqual([
      '[declared] packages/record/src/index.ts:1: packages/record/package.json lacks crc-32',
    ])
  })

  test("finds a way into another package's sources", () => {
    expect(check('deep')).toEqual([
      '[deep] packages/log/src/segment.ts:1: ../../record/src/index.ts reaches into packages/record',
      '[deep] packages/log/src/segment.ts:2: @millrace/record/src/index.ts is not among the exports of @millrace/record',
      '[deep] scripts/tool.mjs:1: ../packages/log/src/segment.ts reaches into packages/log',
    ])
  })

  test('keeps the floor free of our own code', () => {
    expect(check('floor')).toEqual([
      '[import] bench/floor/server.mjs:1: @millrace/record: nothing of ours is used here',
      '[import] bench/floor/server.mjs:2: ../helper.mjs leaves bench/floor/',
    ])
  })

  test('keeps what is copied from needing more than it would find elsewhere', () => {
    expect(check('copied')).toEqual([
      '[import] examples/example.ts:3: @millrace/record: what is copied from examples/ does not find it',
      '[import] examples/example.ts:4: pino: what is copied from examples/ does not find it',
      '[import] examples/example.ts:5: ./helper.ts: what is copied from examples/ does not find it',
    ])
  })

  test('finds the clock, timers, randomness and output, however they are named', () => {
    const found = check('ambient').map((line) => /ts:(\d+): (.+): clock,/.exec(line)?.slice(1, 3).join(' '))
    expect(found).toEqual([
      '1 node:timers/promises',
      '9 Date.now',
      '10 new Date()',
      '11 Math.random',
      '13 setTimeout',
      '14 console',
      '15 globalThis.setTimeout',
      '16 globalThis.Date',
      '17 performance',
      '18 Math.random',
      '20 Date',
      '21 setTimeout',
    ])
  })

  test('finds export *', () => {
    expect(check('star')).toEqual(['[star] packages/log/src/index.ts:1: export * hides what a package shows'])
  })

  test('finds a long file that does not say why', () => {
    expect(check('long')).toEqual([
      '[length] packages/log/src/segment.ts: 504 lines: say at its top "Longer than 500 lines because …", or part it',
    ])
  })

  test('finds an import that cannot be judged', () => {
    expect(check('computed')).toEqual([
      '[unchecked] packages/log/src/segment.ts:5: what it imports is only known when it runs',
    ])
  })

  test('fails when it saw fewer files than there are, or none', () => {
    const folder = `${root}/test/fixtures/imports/good`
    const seen = findSources(folder)
    const unseen = 'packages/log/src/hidden/file.ts'
    expect(checkImports(folder, seen, [...seen, unseen])).toEqual([
      { rule: 'unseen', at: unseen, message: 'git lists it, the check did not see it' },
    ])
    expect(checkImports(folder, []).map(({ rule }) => rule)).toEqual(['unseen'])
  })

  test('sees every source file that git lists', () => {
    const listed = listSources(root)
    expect(listed?.length).toBeGreaterThan(50)
    expect(findSources(root)).toEqual(expect.arrayContaining(listed ?? []))
  })
})

describe('findCycles', () => {
  const graph = (edges: Record<string, string[]>) =>
    new Map(Object.entries(edges).map(([key, to]) => [key, new Set(to)]))

  test('finds none where there is none', () => {
    expect(findCycles(graph({ a: ['b', 'c'], b: ['d'], c: ['d'], d: [] }))).toEqual([])
  })

  test('finds each apart, and one that is not reachable from the first', () => {
    expect(findCycles(graph({ a: ['b'], b: ['c'], c: ['b'], d: ['d'], e: ['a', 'd'] }))).toEqual([
      ['b', 'c', 'b'],
      ['d', 'd'],
    ])
  })
})
