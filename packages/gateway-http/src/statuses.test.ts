import { readFileSync } from 'node:fs'
import { ERRORS, type ErrorCode, MillraceError } from '@millrace/record'
import { errorTrailers, GRPC_STATUS } from '@millrace/wire'
import { describe, expect, test } from 'vitest'
import { httpStatus } from './rest/statuses.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const rows = [...readme.matchAll(/^\| `([a-z-]+)` \| (\d{3}) \| `([A-Z_]+)` \|$/gm)].map(
  ([, kind = '', http = '', grpc = '']) => ({ kind, http: Number(http), grpc }),
)
const codes = Object.keys(ERRORS) as ErrorCode[]

describe("the README's table of statuses", () => {
  test('has every kind of error once', () => {
    const kinds = new Set(codes.map((code) => ERRORS[code].kind))
    expect(rows.map(({ kind }) => kind).toSorted()).toEqual([...kinds].toSorted())
  })

  test.each(codes)('says of %s what REST and gRPC answer', (code) => {
    const row = rows.find(({ kind }) => kind === ERRORS[code].kind)
    expect(row?.http).toBe(httpStatus(code))
    const trailers = errorTrailers(new MillraceError(code, 'words'))
    expect(String(GRPC_STATUS[row?.grpc as keyof typeof GRPC_STATUS])).toBe(trailers['grpc-status'])
  })
})
