import { fileURLToPath } from 'node:url'
import { type ChannelCredentials, type Client, credentials, loadPackageDefinition } from '@grpc/grpc-js'
import { loadFileDescriptorSetFromBuffer, loadSync } from '@grpc/proto-loader'
import { ManualClock } from '@millrace/testkit'
import { frameMessage, HEALTH_CHECK, loadProtoFiles, REFLECTION_PATHS } from '@millrace/wire'
import { afterEach, expect, test } from 'vitest'
import { type RpcServer, serveRpc, until } from '../../test/rpc-harness.ts'

const PROTO = fileURLToPath(new URL('../../../../proto', import.meta.url))
// biome-ignore lint/suspicious/noExplicitAny: proto-loader types nothing
type Any = any

const definition = loadSync(
  ['grpc/health/v1/health.proto', 'grpc/reflection/v1/reflection.proto', 'grpc/reflection/v1alpha/reflection.proto'],
  { includeDirs: [PROTO], keepCase: true, longs: Number, enums: String },
)
const { grpc } = loadPackageDefinition(definition) as unknown as { grpc: Any }

let server: RpcServer
const clients: Client[] = []
afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  await server.close()
})

function connect(Service: new (address: string, secrets: ChannelCredentials) => Client): Any {
  const client = new Service(`127.0.0.1:${server.port}`, credentials.createInsecure())
  clients.push(client)
  return client
}

/** Asks one after another and waits for all answers. */
async function reflect(version: 'v1' | 'v1alpha', ...requests: object[]): Promise<Any[]> {
  const stream = connect(grpc.reflection[version].ServerReflection).serverReflectionInfo()
  const answers: Any[] = []
  for (const request of requests) stream.write(request)
  stream.end()
  for await (const answer of stream) answers.push(answer)
  return answers
}

function check(service: string): Promise<string> {
  return new Promise((resolve, reject) => {
    connect(grpc.health.v1.Health).check({ service }, (error: Error | null, answer: Any) =>
      error === null ? resolve(answer.status) : reject(error),
    )
  })
}

test.each(['v1', 'v1alpha'] as const)('reflection %s lists all services', async (version) => {
  server = await serveRpc()
  const [answer] = await reflect(version, { host: 'h', list_services: '*' })
  expect(answer.valid_host).toBe('h')
  expect(answer.original_request.list_services).toBe('*')
  expect(answer.list_services_response.service.map(({ name }: Any) => name)).toEqual([
    'grpc.health.v1.Health',
    'grpc.reflection.v1.ServerReflection',
    'grpc.reflection.v1alpha.ServerReflection',
    'millrace.v1.Backups',
    'millrace.v1.Groups',
    'millrace.v1.Records',
    'millrace.v1.Topics',
  ])
})

test('what reflection gives is enough for a client that has no files', async () => {
  server = await serveRpc()
  const topics = await clientByReflection('millrace.v1.Topics', 'Topics')
  await new Promise((resolve, reject) => {
    // proto-loader does not make maps of descriptors; on the wire a map is this.
    const config = [{ key: 'retention.ms', value: '60000' }]
    topics.createTopic({ name: 't', partitions: 2, config }, (error: Error | null) =>
      error === null ? resolve(undefined) : reject(error),
    )
  })
  const groups = await clientByReflection('.millrace.v1.Groups', 'Groups')
  const offsets = await new Promise<Any>((resolve, reject) => {
    const request = { group: 'g', partitions: [{ topic: 't', partitions: [1] }], position: { latest: true } }
    groups.resetOffsets(request, (error: Error | null, answer: Any) =>
      error === null ? resolve(answer.offsets) : reject(error),
    )
  })
  expect((await server.broker.topics.describe('t')).settings['retention.ms']).toBe('60000')
  // The offset is 0, which stands for itself by not being there.
  expect(offsets).toEqual([{ topic: 't', partition: 1 }])
})

/** A client made of the descriptors that the server gives for a symbol. */
async function clientByReflection(symbol: string, service: string): Promise<Any> {
  const [answer] = await reflect('v1', { file_containing_symbol: symbol })
  const files: Buffer[] = answer.file_descriptor_response.file_descriptor_proto
  // A FileDescriptorSet is the files, each as field 1.
  const set = Buffer.concat(files.map((file) => Buffer.concat([Buffer.from([0x0a]), varint(file.length), file])))
  const found = loadFileDescriptorSetFromBuffer(set, { longs: Number, oneofs: true })
  return connect((loadPackageDefinition(found) as Any).millrace.v1[service])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest])
    bytes.push((rest & 0x7f) | 0x80)
  }
}

test('reflection finds every file by its name and by each name that it declares, with what it imports', async () => {
  server = await serveRpc()
  for (const { name, names, imports, descriptor } of await loadProtoFiles()) {
    const requests = [{ file_by_filename: name }, ...names.map((symbol) => ({ file_containing_symbol: symbol }))]
    const answers = await reflect('v1', ...requests)
    expect(answers).toHaveLength(requests.length)
    for (const { file_descriptor_response: response } of answers) {
      expect(response.file_descriptor_proto).toHaveLength(1 + imports.length)
      expect(response.file_descriptor_proto[0].toString('base64')).toBe(descriptor)
    }
  }
})

test('what reflection does not find is an answer, and the stream goes on', async () => {
  server = await serveRpc()
  const answers = await reflect(
    'v1',
    { file_by_filename: 'nope.proto' },
    { file_containing_symbol: `millrace.v1.${'x'.repeat(1000)}` },
    { file_containing_extension: { containing_type: 'millrace.v1.Topic', extension_number: 3 } },
    { all_extension_numbers_of_type: 'millrace.v1.Topic' },
    { all_extension_numbers_of_type: 'millrace.v1.Nope' },
    {},
  )
  expect(answers.map((answer) => answer.error_response?.error_code)).toEqual([5, 5, 5, undefined, 5, 12])
  expect(answers[1].error_response.error_message.length).toBeLessThan(300)
  expect(answers[3].all_extension_numbers_response).toEqual({ base_type_name: 'millrace.v1.Topic' })
})

test('a client that asks for files and does not read makes the server hold few of them', async () => {
  server = await serveRpc()
  const client = server.connect()
  const call = client.open(REFLECTION_PATHS[0] ?? '')
  call.stream.pause()
  // Field 3, the file's name.
  const name = Buffer.from('millrace/v1/groups.proto')
  const request = frameMessage(Buffer.concat([Buffer.from([0x1a, name.length]), name]))
  for (let sent = 0; sent < 64; sent++) call.stream.write(Buffer.concat(Array.from({ length: 1000 }, () => request)))
  await until(() => call.stream.writableNeedDrain)
  const before = process.memoryUsage().arrayBuffers
  for (let turns = 0; turns < 500; turns++) await new Promise((resolve) => setImmediate(resolve))
  // All answers together would be 64,000 times 17 KB.
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 << 20)
  expect(call.stream.closed).toBe(false)
})

test.each(['', 'millrace.v1.Topics', 'millrace.v1.Records', 'millrace.v1.Groups', 'grpc.health.v1.Health'])(
  'health says of %j whether the server is ready',
  async (service) => {
    server = await serveRpc()
    expect(await check(service)).toBe('SERVING')
    Object.assign(server.broker, { problems: () => ['the disk failed'] })
    expect(await check(service)).toBe('NOT_SERVING')
  },
)

test('health does not know other services', async () => {
  server = await serveRpc()
  await expect(check('millrace.v1.Nope')).rejects.toMatchObject({ code: 5 })
})

test('whoever watches is told the health at once, at each change, and at the end', async () => {
  const clock = new ManualClock()
  server = await serveRpc({ clock })
  const told: string[] = []
  const watch = connect(grpc.health.v1.Health).watch({ service: '' })
  watch.on('data', ({ status }: Any) => told.push(status))
  const ended = new Promise<Any>((resolve) => watch.on('error', resolve))
  await until(() => told.length === 1)
  clock.advance(10_000)
  Object.assign(server.broker, { problems: () => ['the disk failed'] })
  clock.advance(1_000)
  await until(() => told.length === 2)
  Object.assign(server.broker, { problems: () => [] })
  clock.advance(1_000)
  await until(() => told.length === 3)
  void server.gateway.close(0)
  expect(await ended).toMatchObject({ code: 14 })
  expect(told).toEqual(['SERVING', 'NOT_SERVING', 'SERVING', 'NOT_SERVING'])
})

test('whoever watches a service that there is not is told so, and kept', async () => {
  const clock = new ManualClock()
  server = await serveRpc({ clock })
  const told: string[] = []
  const watch = connect(grpc.health.v1.Health).watch({ service: 'nope' })
  watch.on('data', ({ status }: Any) => told.push(status))
  watch.on('error', () => {})
  await until(() => told.length === 1)
  Object.assign(server.broker, { problems: () => ['the disk failed'] })
  clock.advance(5_000)
  expect(await check('')).toBe('NOT_SERVING')
  expect(told).toEqual(['SERVICE_UNKNOWN'])
  watch.cancel()
})

test.each([...REFLECTION_PATHS, '/grpc.health.v1.Health/Watch'])("%s ends at its client's deadline", async (path) => {
  const clock = new ManualClock()
  server = await serveRpc({ clock })
  const call = server.connect().open(path, { 'grpc-timeout': '5S' })
  await new Promise((resolve) => call.stream.once('response', resolve))
  clock.advance(5_000)
  expect((await call.endAfterServer()).error?.code).toBe('TIMED_OUT')
})

test.each([
  ['no message', [], 'INVALID_REQUEST'],
  ['two messages', [HEALTH_CHECK.encodeRequest({}), HEALTH_CHECK.encodeRequest({})], 'INVALID_REQUEST'],
  ['what is no message', [Buffer.from([0x0a, 0xff])], 'INVALID_REQUEST'],
  ['a message that is too large', [HEALTH_CHECK.encodeRequest({ service: 'x'.repeat(5000) })], 'REQUEST_TOO_LARGE'],
])('a watch with %s is refused', async (_what, messages, code) => {
  server = await serveRpc()
  const call = server.connect().open('/grpc.health.v1.Health/Watch')
  call.stream.end(Buffer.concat(messages.map(frameMessage)))
  expect((await call.outcome).error?.code).toBe(code)
})
