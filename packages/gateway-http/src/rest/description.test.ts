import { Broker } from '@millrace/broker'
import { DEFAULT_LIMITS, ERRORS, type ErrorCode, silentLogger, systemClock } from '@millrace/record'
import { createMemoryEngine } from '@millrace/testkit'
import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHttpGateway, type HttpGateway } from '../gateway.ts'
import { EXAMPLES } from './examples.ts'
import { httpStatus } from './statuses.ts'

// biome-ignore lint/suspicious/noExplicitAny: a document of any depth
type Any = any

let gateway: HttpGateway
let url: string
let document: Any
let operations: { path: string; method: string; operation: Any }[]

beforeAll(async () => {
  const clock = systemClock
  const engine = createMemoryEngine({ clock, limits: DEFAULT_LIMITS })
  const broker = new Broker({ engine, clock, limits: DEFAULT_LIMITS })
  gateway = createHttpGateway({ broker, clock, logger: silentLogger, limits: DEFAULT_LIMITS, checkHost: true })
  const { port } = await gateway.listen('127.0.0.1', 0)
  url = `http://127.0.0.1:${port}`
  document = await (await fetch(`${url}/openapi.json`)).json()
  operations = Object.entries<Any>(document.paths).flatMap(([path, methods]) =>
    Object.entries<Any>(methods).map(([method, operation]) => ({ path, method, operation })),
  )
})
afterAll(() => gateway.close(0))

test('is valid OpenAPI 3.1', async () => {
  expect(document.openapi).toMatch(/^3\.1\./)
  expect(await new Validator().validate(document)).toEqual({ valid: true })
})

test('says of every call what it is, what it takes and what it answers', () => {
  expect(operations.length).toBeGreaterThan(15)
  for (const { path, method, operation } of operations) {
    const at = `${method} ${path}`
    expect(operation.operationId, `operationId of ${at}`).toMatch(/^[a-z][A-Za-z]+$/)
    expect(operation.summary, `summary of ${at}`).toMatch(/^[A-Z].*[^.]$/)
    expect(
      document.tags.map(({ name }: Any) => name),
      `tags of ${at}`,
    ).toContain(operation.tags?.[0])
    for (const { name, description } of operation.parameters ?? []) {
      expect(description, `description of the parameter ${name} of ${at}`).toMatch(/\.$/)
    }
    const statuses = Object.keys(operation.responses)
    expect(statuses, `answers of ${at}`).toContainEqual(expect.stringMatching(/^2\d\d$/))
    for (const status of statuses) expect(status, `a status of ${at}`).toMatch(/^\d{3}$/)
  }
  const ids = operations.map(({ operation }) => operation.operationId)
  expect(new Set(ids).size).toBe(ids.length)
})

test('lists codes under their statuses', () => {
  for (const { path, method, operation } of operations) {
    for (const [status, { content }] of Object.entries<Any>(operation.responses)) {
      if (Number(status) < 400) continue
      const { allOf } = content['application/problem+json'].schema
      const codes: ErrorCode[] = allOf[1].properties.code.enum
      expect(codes.length).toBeGreaterThan(0)
      for (const code of codes) {
        expect(Object.keys(ERRORS)).toContain(code)
        expect(httpStatus(code), `${code} of ${method} ${path}`).toBe(Number(status))
      }
    }
  }
})

test('refers to nothing but its own components, and to all of them', () => {
  const text = JSON.stringify(document)
  const references = new Set([...text.matchAll(/"\$ref":"([^"]*)"/g)].map(([, reference]) => reference))
  expect([...references].sort()).toEqual(
    Object.keys(document.components.schemas)
      .map((name) => `#/components/schemas/${name}`)
      .sort(),
  )
})

test('has an example for every call, and no other', () => {
  const ids = operations.map(({ operation }) => operation.operationId)
  // That of the document would be the document.
  expect(Object.keys(EXAMPLES).sort()).toEqual(ids.filter((id) => id !== 'getDescription').sort())
})
