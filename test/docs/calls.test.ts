import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ERRORS, type ErrorCode } from '@millrace/record'
import { beforeAll, describe, expect, test } from 'vitest'
import { serveBareGateway } from './bare-gateway.ts'

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const GRPC_PAGE = readFileSync(join(ROOT, 'docs/grpc.md'), 'utf8')
const ERRORS_PAGE = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8')

/** What every call over gRPC may fail with, and every call over REST but for those with a gRPC meaning alone. */
const EVERYWHERE = codesIn(/every call may fail with([\s\S]*?)\n\n/.exec(GRPC_PAGE)?.[1])
/** Over REST only: gRPC has no such header. */
const REST_ALONE: Readonly<Record<string, readonly string[]>> = { produce: ['IDEMPOTENCY_KEY_REUSED'] }
/** Over gRPC only: members and transactions commit and ask there; REST stands outside of both. */
const MEMBER = ['UNKNOWN_MEMBER', 'STALE_MEMBER_EPOCH']
const RPC_ALONE: Readonly<Record<string, readonly string[]>> = {
  commitOffsets: [
    ...MEMBER,
    'PARTITION_NOT_OWNED',
    'PRODUCER_FENCED',
    'TRANSACTION_ABORTED',
    'INVALID_TRANSACTION_STATE',
  ],
  // Over gRPC certain partitions may be named.
  fetchOffsets: [...MEMBER, 'TOPIC_NOT_FOUND', 'PARTITION_NOT_FOUND'],
  // A position may be an offset there, which must be in range.
  getOffset: ['OFFSET_OUT_OF_RANGE'],
}
/** REST opens batches for its answer; over gRPC that is the client's. */
const OPENED = ['INVALID_BATCH', 'BATCH_TOO_LARGE', 'UNSUPPORTED_COMPRESSION']

/** Codes by call, as `operationId`. */
let rest: Map<string, string[]>
const grpc = new Map<string, string[]>()
for (const section of GRPC_PAGE.split(/^(?=##)/m)) {
  const name = /^### (\w+)\n\nTakes /.exec(section)?.[1]
  if (name === undefined) continue
  grpc.set(`${name[0]?.toLowerCase()}${name.slice(1)}`, codesIn(/^Errors: (.*)\.$/m.exec(section)?.[1]))
}

beforeAll(async () => {
  const gateway = await serveBareGateway()
  // biome-ignore lint/suspicious/noExplicitAny: a document of any depth
  const { paths } = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as any
  await gateway.close()
  // biome-ignore lint/suspicious/noExplicitAny: as above
  const operations = Object.values<any>(paths).flatMap((methods) => Object.values<any>(methods))
  rest = new Map(
    operations.map(({ operationId, responses }) => [
      operationId,
      // biome-ignore lint/suspicious/noExplicitAny: as above
      Object.values<any>(responses).flatMap(
        ({ content }) => content?.['application/problem+json']?.schema.allOf[1].properties.code.enum ?? [],
      ),
    ]),
  )
})

function codesIn(text: string | undefined): string[] {
  return [...(text ?? '').matchAll(/`([A-Z_]+)`/g)].map(([, code = '']) => code)
}

test('docs/grpc.md lists codes that there are', () => {
  expect(grpc.size).toBeGreaterThan(20)
  for (const [call, codes] of grpc) for (const code of codes) expect(Object.keys(ERRORS), call).toContain(code)
})

describe('a call of both REST and gRPC', () => {
  test('fails with the same codes', () => {
    let compared = 0
    for (const [call, ofGrpc] of grpc) {
      const ofRest = rest.get(call)
      if (ofRest === undefined) continue
      compared++
      const own = (codes: readonly string[], alone: readonly string[] = []): string[] =>
        [...new Set(codes)].filter((code) => !EVERYWHERE.includes(code) && !alone.includes(code)).sort()
      const opened = call === 'fetch' ? OPENED : []
      expect(own(ofRest, [...(REST_ALONE[call] ?? []), ...opened]), call).toEqual(own(ofGrpc, RPC_ALONE[call]))
    }
    expect(compared).toBeGreaterThan(15)
  })
})

test('every code is one that a call lists, or one that docs/errors.md says no call answers with', () => {
  const outside = /No call of a server answers with these:([\s\S]*?)\n\n/.exec(ERRORS_PAGE)?.[1]
  const listed = new Set([...EVERYWHERE, ...[...grpc.values(), ...rest.values()].flat()])
  const codes = Object.keys(ERRORS) as ErrorCode[]
  expect(codesIn(outside).sort()).toEqual(codes.filter((code) => !listed.has(code)).sort())
})
