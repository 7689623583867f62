import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ERRORS, type ErrorCode, MillraceError } from '@millrace/record'
import { errorTrailers, GRPC_STATUS } from '@millrace/wire'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type BareGateway, serveBareGateway } from './bare-gateway.ts'
import { tableUnder } from './markdown-table.ts'

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const rows = tableUnder(readFileSync(join(ROOT, 'docs/errors.md'), 'utf8'), 'The codes').map(
  ([code = '', rest = '', grpc = '', again = '', meaning = '', advice = '']) => ({
    code,
    rest: Number(rest),
    grpc,
    again,
    meaning,
    advice,
  }),
)
const codes = Object.keys(ERRORS) as ErrorCode[]

describe('docs/errors.md', () => {
  let failing: ErrorCode
  let gateway: BareGateway
  let url: string

  beforeAll(async () => {
    const topics = { list: () => Promise.reject(new MillraceError(failing, 'for the test')) }
    gateway = await serveBareGateway({ topics })
    url = gateway.url
  })
  afterAll(() => gateway.close())

  test('has every code, in the order of the source', () => {
    expect(rows.map(({ code }) => code)).toEqual(codes)
  })

  test.each(rows)('says of $code what the code says', async ({ code, rest, grpc, again, meaning, advice }) => {
    failing = code as ErrorCode
    expect({ meaning, again }).toEqual({
      meaning: ERRORS[failing].title,
      again: ERRORS[failing].retriable ? 'yes' : 'no',
    })
    expect(advice.length).toBeGreaterThan(10)
    const answer = await fetch(`${url}/v1/topics`)
    expect(await answer.json()).toMatchObject({ code, status: rest })
    expect(answer.status).toBe(rest)
    const status = errorTrailers(new MillraceError(failing, 'for the test'))['grpc-status']
    expect(status).toBe(String(GRPC_STATUS[grpc as keyof typeof GRPC_STATUS]))
  })
})
