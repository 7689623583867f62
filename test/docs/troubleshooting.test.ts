import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Millrace } from '@millrace/client'
import { type Server, startServer } from '@millrace/server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { looksLike } from './fenced-blocks.ts'
import { tableUnder } from './markdown-table.ts'

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const shown = tableUnder(read('README.md'), 'When something is wrong').map(([cell = '']) => cell)

/** What `work` fails with, as the command prints it. */
async function failureOf(work: () => unknown): Promise<string> {
  try {
    await work()
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    return code === undefined ? message : `${code}: ${message}`
  }
  throw new Error('it did not fail')
}

describe('README.md quotes', () => {
  let data: string
  let server: Server

  beforeAll(async () => {
    data = mkdtempSync(join(tmpdir(), 'millrace-docs-'))
    server = await startServer({ data, http: '127.0.0.1:0' })
  })
  afterAll(async () => {
    await server.close()
    rmSync(data, { recursive: true, force: true })
  })

  function expectShown(message: string): void {
    expect(
      shown.filter((cell) => looksLike(cell, message)),
      message,
    ).toHaveLength(1)
  }

  test('an address that is taken', async () => {
    const message = await failureOf(() => startServer({ data: 'memory', http: server.http }))
    expectShown(message.replace(server.http, '127.0.0.1:7070'))
  })

  test('a data directory that is taken', async () => {
    expectShown(await failureOf(() => startServer({ data, http: '127.0.0.1:0' })))
  })

  test('a server that is not there', async () => {
    const gone = await startServer({ data: 'memory', http: '127.0.0.1:0' })
    await gone.close()
    await using client = new Millrace({ url: gone.url, connectTimeoutMs: 2_000 })
    const message = await failureOf(() => client.admin.listTopics())
    expectShown(message.replaceAll(gone.http, '127.0.0.1:7070'))
  })

  test("a name that is not the server's", async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const asked = request(server.url, { headers: { host: 'shop.example' } }, (response) => {
        response.setEncoding('utf8').once('data', resolve)
      })
      asked.once('error', reject).end()
    })
    const { code, detail } = JSON.parse(answer) as { code: string; detail: string }
    expectShown(`${code}: ${detail}`)
  })

  test('a Node.js that is too old', async () => {
    const { pickNode } = await import(pathToFileURL(join(ROOT, 'scripts/lib/node.mjs')).href)
    const path = join(data, 'without-packages')
    expectShown(await failureOf(() => pickNode(path, { path: 'node', version: '20.1.0' })))
    expectShown(/`(millrace needs [^`]*)\\n`/.exec(read('packages/cli/bin/millrace.mjs'))?.[1] ?? '')
  })

  test('what the log says of a torn end', () => {
    const [text] = /the end of a segment is not whole[^']*/.exec(read('packages/log/src/recovery.ts')) ?? []
    expectShown(`${text} in the log`)
  })
})
