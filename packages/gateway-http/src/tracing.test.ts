import { MillraceError } from '@millrace/record'
import { PRODUCE_STREAM_PATH, UNARY } from '@millrace/wire'
import {
  context,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapPropagator,
  trace,
} from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type RpcServer, serveRpc } from '../test/rpc-harness.ts'
import { registeredTracing } from './registered-tracing.ts'

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
const PARENT_ID = 'b7ad6b7169203331'
const TRACEPARENT = `00-${TRACE_ID}-${PARENT_ID}-01`

/** As far as W3C's goes here. */
const PROPAGATOR: TextMapPropagator = {
  inject() {},
  extract(parent, carrier, { get }) {
    const [, traceId, spanId] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/.exec(String(get(carrier, 'traceparent'))) ?? []
    if (traceId === undefined || spanId === undefined) return parent
    return trace.setSpanContext(parent, { traceId, spanId, traceFlags: 1, isRemote: true })
  },
  fields: () => ['traceparent'],
}

test('without an SDK there is nothing that traces', async () => {
  expect(await registeredTracing()).toBeUndefined()
})

describe('with an SDK that is registered before the server starts', () => {
  const exporter = new InMemorySpanExporter()
  let server: RpcServer

  beforeEach(async () => {
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    propagation.setGlobalPropagator(PROPAGATOR)
    server = await serveRpc()
  })
  afterEach(async () => {
    await server.gateway.close(0)
    for (const api of [trace, context, propagation]) api.disable()
    exporter.reset()
  })

  const spans = async (count: number): Promise<ReadableSpan[]> => {
    await vi.waitFor(() => expect(exporter.getFinishedSpans()).toHaveLength(count))
    return exporter.getFinishedSpans()
  }
  const ask = (path: string, init: RequestInit = {}) => fetch(`http://127.0.0.1:${server.port}${path}`, init)

  test('a REST request is a span of its route, under its caller', async () => {
    await (await ask('/v1/topics?x=1', { headers: { traceparent: TRACEPARENT } })).text()
    await (await ask('/v1/topics', { headers: { traceparent: TRACEPARENT } })).text()
    const [bad, good] = await spans(2)
    expect(good).toMatchObject({
      name: 'GET /v1/topics',
      kind: SpanKind.SERVER,
      status: { code: SpanStatusCode.UNSET },
      parentSpanContext: { traceId: TRACE_ID, spanId: PARENT_ID },
    })
    expect(good?.spanContext().traceId).toBe(TRACE_ID)
    expect(good?.attributes).toEqual({
      'http.request.method': 'GET',
      'http.route': '/v1/topics',
      'url.path': '/v1/topics',
      'url.scheme': 'http',
      'network.protocol.version': '1.1',
      'http.response.status_code': 200,
    })
    // The caller's mistake is no error of the server.
    expect(bad?.attributes).toMatchObject({ 'http.response.status_code': 400, 'error.type': 'INVALID_REQUEST' })
    expect(bad?.status.code).toBe(SpanStatusCode.UNSET)
  })

  test('what the server does not have names no span', async () => {
    await (await ask('/secret/path')).text()
    const [span] = await spans(1)
    expect(span?.name).toBe('GET')
    expect(span?.parentSpanContext).toBeUndefined()
    expect(span?.attributes).toMatchObject({ 'url.path': '/secret/path', 'http.response.status_code': 404 })
  })

  test("the server's own failures are errors, with what happened", async () => {
    vi.spyOn(server.broker.topics, 'list').mockRejectedValue(new MillraceError('STORAGE_FAILED', 'the disk broke'))
    await (await ask('/v1/topics')).text()
    await server
      .connect()
      .unary(UNARY.listTopics, {})
      .catch(() => {})
    const [rest, rpc] = await spans(2)
    for (const span of [rest, rpc]) {
      expect(span?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'the disk broke' })
      expect(span?.attributes['error.type']).toBe('STORAGE_FAILED')
      expect(span?.events.map(({ name }) => name)).toEqual(['exception'])
    }
  })

  test('what is done for a request happens within its span', async () => {
    const within: (Span | undefined)[] = []
    const list = server.broker.topics.list.bind(server.broker.topics)
    vi.spyOn(server.broker.topics, 'list').mockImplementation(async () => {
      within.push(trace.getActiveSpan())
      return list()
    })
    await (await ask('/v1/topics')).text()
    await server.connect().unary(UNARY.listTopics, {})
    const finished = await spans(2)
    expect(within.map((span) => span?.spanContext().spanId)).toEqual(finished.map((span) => span.spanContext().spanId))
  })

  test('a gRPC call is a span of its method; a stream is one, however much it carries', async () => {
    const client = server.connect()
    await client.unary(UNARY.describeTopic, { name: 'nope' }, { traceparent: TRACEPARENT }).catch(() => {})
    const [unary] = await spans(1)
    expect(unary).toMatchObject({
      name: 'millrace.v1.Topics/DescribeTopic',
      kind: SpanKind.SERVER,
      parentSpanContext: { spanId: PARENT_ID },
      status: { code: SpanStatusCode.UNSET },
    })
    expect(unary?.attributes).toEqual({
      'rpc.system': 'grpc',
      'rpc.service': 'millrace.v1.Topics',
      'rpc.method': 'DescribeTopic',
      'rpc.grpc.status_code': 5,
      'error.type': 'TOPIC_NOT_FOUND',
    })
    const call = client.open(PRODUCE_STREAM_PATH)
    call.end()
    await call.endAfterServer()
    const [, stream] = await spans(2)
    expect(stream).toMatchObject({ name: 'millrace.v1.Records/ProduceStream' })
    expect(stream?.attributes['rpc.grpc.status_code']).toBe(0)
  })

  test('a call that there is not has no name of the client', async () => {
    const call = server.connect().open('/millrace.v1.Topics/Nope')
    await call.endAfterServer()
    const [span] = await spans(1)
    expect(span?.name).toBe('unknown')
    expect(span?.status.code).toBe(SpanStatusCode.ERROR)
  })
})
