import { describe, expect, test } from 'vitest'
import { fencedBlocks, looksLike, shownCommands } from './fenced-blocks.ts'

test('finds every fenced block with its language and its line', () => {
  const markdown = 'text\n\n```sh\nls\n```\n- item\n  ```ts\n  a()\n    b()\n  ```\n````md\n```sh\nnot one\n```\n````\n'
  expect(fencedBlocks(markdown)).toEqual([
    { language: 'sh', text: 'ls', line: 3 },
    { language: 'ts', text: 'a()\n  b()', line: 7 },
    { language: 'md', text: '```sh\nnot one\n```', line: 11 },
  ])
  expect(() => fencedBlocks('```sh\nls')).toThrow('the block at line 1 has no end')
})

test('parts a console block into commands and what they print', () => {
  expect(shownCommands('$ echo a\na\n$ curl \\\n  -d b\nb\nc')).toEqual([
    { command: 'echo a', output: 'a' },
    { command: 'curl \\\n  -d b', output: 'b\nc' },
  ])
  expect(() => shownCommands('echo a')).toThrow('a console block begins with "$ "')
})

describe('looksLike', () => {
  test.each([
    ['a', 'a\n', true],
    ['a', 'b', false],
    ['a.c', 'abc', false],
    ['{"at":…}', '{"at":12}', true],
    ['{"at":…}', '{"at":1\n2}', false],
    ['first\n…\nlast', 'first\none\ntwo\nlast', true],
    ['first\n…', 'second', false],
  ])('%j for %j: %s', (shown, actual, expected) => expect(looksLike(shown, actual)).toBe(expected))
})
