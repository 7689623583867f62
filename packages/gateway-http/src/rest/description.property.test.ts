import { Agent, request } from 'node:http'
import { Broker } from '@millrace/broker'
import { DEFAULT_LIMITS, silentLogger, systemClock } from '@millrace/record'
import { createMemoryEngine } from '@millrace/testkit'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Schema, SchemaValues } from '../../test/schema-values.ts'
import { createHttpGateway, type HttpGateway } from '../gateway.ts'

/** Requests of each kind for each call. MILLRACE_OPENAPI_RUNS=2000 looks for minutes; MILLRACE_SEED repeats. */
const RUNS = Number(process.env.MILLRACE_OPENAPI_RUNS ?? 12)
const SEED = Number(process.env.MILLRACE_SEED ?? Date.now() & 0x7fff_ffff)
const KNOWN = ['orders', 'orders', 'billing']
const LIMITS = {
  ...DEFAULT_LIMITS,
  requestBytes: 65_536,
  fetchWaitMs: 2,
  topics: 40,
  groups: 40,
  partitionsPerTopic: 8,
}

interface Call {
  readonly path: string
  readonly method: string
  readonly operation: Schema
}
interface Sent {
  readonly method: string
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
}
interface Answer {
  readonly status: number
  readonly type: string
  readonly text: string
}

let gateway: HttpGateway
let port: number
let calls: Call[]
let values: SchemaValues
let byPath: [string, string[]][]
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
const checks = new Map<Schema, (value: unknown) => boolean>()

beforeAll(async () => {
  const engine = createMemoryEngine({ clock: systemClock, limits: LIMITS })
  const broker = new Broker({ engine, clock: systemClock, limits: LIMITS })
  gateway = createHttpGateway({ broker, clock: systemClock, logger: silentLogger, limits: LIMITS, checkHost: true })
  port = (await gateway.listen('127.0.0.1', 0)).port
  const document = JSON.parse((await send({ method: 'GET', target: '/openapi.json', headers: {} })).text)
  values = new SchemaValues(document, KNOWN)
  byPath = Object.entries<Schema>(document.paths).map(([path, methods]) => [path, Object.keys(methods)])
  calls = byPath.flatMap(([path, methods]) =>
    methods.map((method) => ({ path, method, operation: document.paths[path][method] })),
  )
  await restore()
})
afterAll(async () => {
  agent.destroy()
  await gateway.close(0)
})

/** A topic with a record and a group, whatever the last requests have deleted. */
async function restore(): Promise<void> {
  const json = { 'content-type': 'application/json' }
  const post = (target: string, body: object): Promise<Answer> =>
    send({ method: 'POST', target, headers: json, body: JSON.stringify(body) })
  await post('/v1/topics', { name: 'orders', partitions: 2 })
  await post('/v1/topics/orders/records', { records: [{ value: 'x', partition: 0 }] })
  await post('/v1/groups/billing/offsets', { offsets: [{ topic: 'orders', partition: 0, offset: 0 }] })
}

function send({ method, target, headers, body }: Sent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // The server ends the connection of whoever sends more than it takes.
    const keepsAlive = (body?.length ?? 0) <= LIMITS.requestBytes
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const sent = request(
      { host: '127.0.0.1', port, method, path: target, headers: { ...length, ...headers }, agent: keepsAlive && agent },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const type = (response.headers['content-type'] ?? '').split(';', 1)[0] as string
          resolve({ status: response.statusCode ?? 0, type, text: Buffer.concat(chunks).toString() })
        })
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

/** What every answer to a call must be. @returns the code of a failure */
function checkAnswer({ operation, method, path }: Call, answer: Answer, sent: Sent): string | undefined {
  const at = `${method} ${path} answered ${JSON.stringify(sent).slice(0, 2_000)} with ${JSON.stringify(answer)}`
  const described = operation.responses[answer.status]
  expect(answer.status, at).not.toBe(500)
  expect(described, `${at}, a status that is not described`).toBeDefined()
  if (described.content === undefined) {
    expect(answer.text, at).toBe('')
    return undefined
  }
  const media = described.content[answer.type]
  expect(media, `${at}, a type that is not described`).toBeDefined()
  const check = checks.get(media.schema) ?? values.checkOf(media.schema)
  checks.set(media.schema, check)
  const body = JSON.parse(answer.text)
  expect(check(body), `${at}, which does not fit its schema`).toBe(true)
  if (answer.status !== 207) return body.code
  const codes = Object.values<Schema>(operation.responses).flatMap(({ content }) => codesOf(content))
  for (const { error } of body.results) if (error !== undefined) expect(codes, at).toContain(error.code)
  return undefined
}

function codesOf(content: Schema | undefined): string[] {
  return content?.['application/problem+json']?.schema.allOf[1].properties.code.enum ?? []
}

interface Parts {
  readonly path: Readonly<Record<string, string>>
  readonly query: readonly (readonly [string, string])[]
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}

function requestOf({ path, method, operation }: Call, { path: given, query, headers, body }: Parts): Sent {
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => given[name] ?? '')
  const search = query.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')
  const takesBody = operation.requestBody !== undefined
  return {
    method: method.toUpperCase(),
    target: search === '' ? filled : `${filled}?${search}`,
    headers: { ...(takesBody ? { 'content-type': 'application/json' } : {}), ...headers },
    body: takesBody ? JSON.stringify(body) : undefined,
  }
}

/** Requests that the description allows. */
function allowedParts({ operation }: Call): fc.Arbitrary<Parts> {
  const { parameters = [], requestBody } = operation
  const inPlace = (place: string): Schema[] => parameters.filter((one: Schema) => one.in === place)
  const texts = (place: string, requiredKeys: string[]): fc.Arbitrary<Record<string, string>> =>
    fc.record(
      Object.fromEntries(inPlace(place).map(({ name, schema }) => [name, values.allowed(schema).map(String)])),
      { requiredKeys },
    ) as fc.Arbitrary<Record<string, string>>
  const names = inPlace('path').map(({ name }) => name)
  const wanted = inPlace('query').flatMap(({ name, required }) => (required ? [name] : []))
  const rivals = new Map(inPlace('query').map(({ name, schema }) => [name, schema['x-instead-of'] ?? []]))
  return fc.record({
    path: texts('path', names)
      .filter((given) => Object.values(given).every((text) => text !== ''))
      .map((given) => mapValues(given, encodeURIComponent)),
    query: texts('query', wanted).map((given) => withoutRivals(Object.entries(given), rivals)),
    headers: texts('header', []).filter((given) => Object.values(given).every((text) => /^[\x20-\x7e]*$/.test(text))),
    body: requestBody === undefined ? fc.constant(undefined) : values.allowed(bodySchema(requestBody)),
  })
}

function withoutRivals(given: [string, string][], rivals: Map<string, string[]>): [string, string][] {
  const kept: [string, string][] = []
  for (const [name, value] of given) {
    if (!kept.some(([other]) => rivals.get(other)?.includes(name))) kept.push([name, value])
  }
  return kept
}

function bodySchema(requestBody: Schema): Schema {
  return requestBody.content['application/json'].schema
}

function mapValues(given: Record<string, string>, change: (text: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(given).map(([name, text]) => [name, change(text)]))
}

/** Requests that the description forbids: one that it allows, with one thing wrong. */
function forbiddenRequests(call: Call): fc.Arbitrary<Sent> | undefined {
  const { operation, path } = call
  const wrong: fc.Arbitrary<(sent: Sent, parts: Parts) => Sent>[] = []
  for (const parameter of operation.parameters ?? []) {
    const { name, in: place, schema } = parameter
    const texts =
      schema.type === 'integer'
        ? fc.constantFrom('-1', '01', '1.0', '1e3', '+1', ' 1', '', 'x', '9007199254740993', '１', 'null', '0x1')
        : schema.enum === undefined
          ? undefined
          : fc.string().filter((text) => !schema.enum.includes(text))
    if (texts === undefined) continue
    if (place === 'query') {
      if (parameter.required) {
        const without: (sent: Sent, parts: Parts) => Sent = (_, parts) =>
          requestOf(call, { ...parts, query: parts.query.filter(([other]) => other !== name) })
        wrong.push(fc.constant(without))
      }
      wrong.push(
        texts.map(
          (text) => (_, parts) =>
            requestOf(call, { ...parts, query: [...parts.query.filter(([other]) => other !== name), [name, text]] }),
        ),
      )
    } else if (place === 'path') {
      const filled = texts.filter((text) => text !== '')
      wrong.push(
        filled.map(
          (text) => (_, parts) =>
            requestOf(call, { ...parts, path: { ...parts.path, [name]: encodeURIComponent(text) } }),
        ),
      )
    }
  }
  if (path.startsWith('/v1')) {
    const known = (operation.parameters ?? []).map(({ name }: Schema) => name)
    const unknown = fc.string({ minLength: 1 }).filter((name) => !known.includes(name))
    wrong.push(unknown.map((name) => (_, parts) => requestOf(call, { ...parts, query: [...parts.query, [name, '1']] })))
  }
  if (operation.requestBody === undefined) {
    wrong.push(
      fc.constantFrom('{}', 'x', '[').map((body) => (sent) => ({
        ...sent,
        headers: { ...sent.headers, 'content-type': 'application/json' },
        body,
      })),
    )
  } else {
    const bodies = values.forbidden(bodySchema(operation.requestBody))
    if (bodies !== undefined) wrong.push(bodies.map((body) => (sent) => ({ ...sent, body: JSON.stringify(body) })))
    wrong.push(brokenTexts().map((body) => (sent) => ({ ...sent, body })))
    wrong.push(
      fc
        .constantFrom(
          'text/plain',
          'application/x-www-form-urlencoded',
          'application/json; charset=latin1',
          'json',
          '*/*',
        )
        .map((type) => (sent) => ({ ...sent, headers: { ...sent.headers, 'content-type': type } })),
    )
  }
  if (wrong.length === 0) return undefined
  return fc.tuple(allowedParts(call), fc.oneof(...wrong)).map(([parts, spoil]) => spoil(requestOf(call, parts), parts))
}

/** Texts that are no JSON, or none that can be taken. */
function brokenTexts(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom('', '{', '{"a":}', "{'a':1}", '[1,]', 'NaN', '\u0000', '\uFEFF{}', 'x'.repeat(100_000)),
    fc.constantFrom(10, 1_000, 10_000).map((depth) => '['.repeat(depth)),
    fc.constantFrom(10, 1_000, 10_000).map((depth) => `${'[['.repeat(depth)}${']]'.repeat(depth)}`),
    fc.constantFrom(10, 1_000, 5_000).map((depth) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`),
  )
}

async function assertAll<T>(arbitrary: fc.Arbitrary<T>, check: (value: T) => Promise<void>): Promise<void> {
  await fc.assert(fc.asyncProperty(arbitrary, check), { seed: SEED, numRuns: RUNS, endOnFailure: RUNS > 100 })
}

describe(`what /openapi.json says, with seed ${SEED}`, () => {
  test('what it allows is not refused as malformed, and is answered as it says', async () => {
    for (const call of calls) {
      await assertAll(allowedParts(call), async (parts) => {
        const sent = requestOf(call, parts)
        const code = checkAnswer(call, await send(sent), sent)
        expect(code, `${call.method} ${call.path} ${JSON.stringify(sent)}`).not.toBe('INVALID_REQUEST')
        if (call.method !== 'get') await restore()
      })
    }
  })

  test('what it forbids is refused, as it says', async () => {
    for (const call of calls) {
      const requests = forbiddenRequests(call)
      if (requests === undefined) continue
      await assertAll(requests, async (sent) => {
        const answer = await send(sent)
        expect(answer.status, `${call.method} ${call.path} ${JSON.stringify(sent).slice(0, 2_000)}`).toBeGreaterThan(
          399,
        )
        checkAnswer(call, answer, sent)
      })
    }
  })

  test('paths with odd text, and headers that are too large, are answered as it says', async () => {
    const odd = [
      '%2F',
      'a%2Fb',
      '%00',
      '%',
      '%zz',
      '%E0%A4%A',
      '%F0%9F%AA%B5',
      '..',
      '.',
      '%2e%2e',
      'x'.repeat(9_000),
      ';',
      '%3F',
    ]
    for (const call of calls) {
      const names = (call.operation.parameters ?? []).filter((one: Schema) => one.in === 'path')
      if (names.length === 0) continue
      const spoiled = fc.tuple(
        allowedParts(call),
        fc.constantFrom(...names),
        fc.constantFrom(...odd, 'x'.repeat(20_000)),
      )
      await assertAll(spoiled, async ([parts, { name }, text]) => {
        const sent = requestOf(call, { ...parts, path: { ...parts.path, [name]: text } })
        checkAnswer(call, await send(sent), sent)
      })
    }
  })

  test('methods that a path does not have are refused', async () => {
    const all = ['get', 'post', 'put', 'patch', 'delete', 'trace', 'propfind', 'query', 'link']
    for (const [path, methods] of byPath) {
      for (const method of all.filter((one) => !methods.includes(one))) {
        const target = path.replace(/\{(\w+)\}/g, (_, name) => (name === 'partition' ? '0' : 'orders'))
        const answer = await send({ method: method.toUpperCase(), target, headers: {} })
        expect(answer.status, `${method} ${target} ${answer.text}`).toBe(405)
        expect(JSON.parse(answer.text).code).toBe('METHOD_NOT_ALLOWED')
      }
    }
  })
})
