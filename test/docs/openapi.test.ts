import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServer } from '@millrace/server'
import { expect, onTestFinished, test } from 'vitest'

// biome-ignore lint/suspicious/noExplicitAny: a document of any depth
type Any = any

interface Call {
  readonly path: string
  readonly method: string
  readonly operation: Any
}

/** The order in which the examples make sense: what there is to be read must have been written. */
const FIRST = ['createTopic', 'produce', 'commitOffsets']
const LAST = ['resetOffsets', 'alterTopic', 'deleteRecords', 'deleteGroup', 'deleteTopic']

test('the examples in /openapi.json are answered as it says', async () => {
  const data = mkdtempSync(join(tmpdir(), 'millrace-openapi-'))
  onTestFinished(() => rmSync(data, { recursive: true }))
  const server = await startServer({ data, http: '127.0.0.1:0' })
  onTestFinished(() => server.close())
  const document: Any = await (await fetch(`${server.url}/openapi.json`)).json()
  const calls = Object.entries<Any>(document.paths).flatMap(([path, methods]) =>
    Object.entries<Any>(methods).map(([method, operation]): Call => ({ path, method, operation })),
  )
  const rank = ({ operation: { operationId } }: Call): number =>
    FIRST.includes(operationId) ? FIRST.indexOf(operationId) - FIRST.length : LAST.indexOf(operationId) + 1
  let answered = 0
  for (const call of calls.sort((a, b) => rank(a) - rank(b))) {
    const { operationId, responses } = call.operation
    // Its example would be itself; the page of metrics is a page of figures, which no two requests find alike.
    if (operationId === 'getDescription' || operationId === 'getMetrics') continue
    const { status, body } = await ask(server.url, call)
    expect(status, operationId).toBeLessThan(207)
    const [media] = Object.values<Any>(responses[status].content ?? {})
    expect(masked(body), operationId).toEqual(masked(media?.example))
    answered++
  }
  expect(answered).toBeGreaterThan(15)
})

async function ask(url: string, { path, method, operation }: Call): Promise<{ status: number; body: unknown }> {
  const { parameters = [], requestBody } = operation
  const of = (place: string): [string, string][] =>
    parameters
      .filter((parameter: Any) => parameter.in === place && parameter.example !== undefined)
      .map(({ name, example }: Any) => [name, String(example)])
  const values = Object.fromEntries(of('path'))
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name] ?? ''))
  const body = requestBody?.content['application/json'].example
  const response = await fetch(`${url}${filled}?${new URLSearchParams(of('query'))}`, {
    // Of PATCH alone fetch does not make capitals.
    method: method.toUpperCase(),
    headers: [
      ...of('header'),
      ...(body === undefined ? [] : [['content-type', 'application/json'] as [string, string]]),
    ],
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json')
  return { status: response.status, body: text === '' ? undefined : isJson ? JSON.parse(text) : text }
}

/** Without what differs from run to run: times, the ids of topics, and where and how large a backup is. */
function masked(body: unknown): unknown {
  if (body === undefined) return undefined
  return JSON.parse(JSON.stringify(body), (name, value) => {
    if (typeof value === 'number' && value > 1_700_000_000_000 && value < 2_000_000_000_000) return 'a time'
    if (name === 'path') return 'a path'
    if (/Bytes$|^pausedMs$/.test(name)) return 'a number'
    return typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value) ? 'an id' : value
  })
}
