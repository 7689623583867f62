import { readFile } from 'node:fs/promises'
import { systemClock } from '@millrace/record'
import { createMemoryEngine } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { Millrace } from './millrace.ts'
import { startHarness } from './testing/harness.ts'

const EXAMPLE = /^```ts\n(.*?)^```$/gms
const IMPORT = "import { Millrace } from '@millrace/client'\n"
const URL = 'http://127.0.0.1:7070'

test("the README's examples run, one after another", async () => {
  const readme = await readFile(new globalThis.URL('../README.md', import.meta.url), 'utf8')
  const examples = [...readme.matchAll(EXAMPLE)].map(([, code]) => code ?? '')
  expect(examples).toHaveLength(5)
  const code = examples.join('\n')
  expect(code.startsWith(IMPORT)).toBe(true)
  expect(code.split(URL)).toHaveLength(2)

  await using h = await startHarness(createMemoryEngine({ clock: systemClock }))
  h.server.groups.onJoin = (member) => {
    member.joined(1)
    member.send({ assignment: { memberEpoch: 1, partitions: [{ topic: 'orders', partitions: [0, 1, 2, 3] }] } })
  }
  const program = code.replace(IMPORT, '').replace(URL, h.server.url)
  const printed: string[] = []
  const output = { log: (...words: unknown[]) => printed.push(words.map((word) => JSON.stringify(word)).join(' ')) }
  const AsyncFunction = (async () => {}).constructor as new (
    ...parts: string[]
  ) => (...args: unknown[]) => Promise<void>
  await new AsyncFunction('Millrace', 'console', program)(Millrace, output)
  expect(printed).toEqual([
    expect.stringMatching(/^"stored in partition \d at offset 0"$/),
    '0 "c42" {"total":10}',
    ...[1, 2, 3, 4].map(() => expect.stringMatching(/^\d \d ".*"$/)),
    '"4 records"',
    ...[1, 2, 3, 4, 5, 6].map(() => expect.stringMatching(/^("c4[23]"|null)$/)),
    expect.stringMatching(/^\[[0-9,]+\]$/),
    '"TOPIC_NOT_FOUND"',
    '["stored","TOPIC_NOT_FOUND"]',
  ])
})
