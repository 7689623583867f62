import { BatchBuilder, type CompressionCodec } from '@millrace/record'
import { decodeProduceAcks, frameProduceStreamRequest, PRODUCE_STREAM_PATH, UNARY } from '@millrace/wire'
import type { Attack, AttackContext } from '../attack.ts'
import { callRest, callRpc, withSessions } from '../callers.ts'

const MiB = 1_048_576
/** What the length of a gRPC message takes. */
const PREFIX_BYTES = 5
const DEPTH = 10_000

/** Calls as long as the attack goes on, `width` at a time. */
async function again(context: AttackContext, width: number, call: (number: number) => Promise<void>): Promise<void> {
  let number = 0
  const one = async (): Promise<void> => {
    while (!context.signal.aborted) await call(number++)
  }
  await Promise.all(Array.from({ length: width }, one))
}

const ODD_NAMES: readonly unknown[] = [
  '',
  '.',
  '..',
  '../../etc/passwd',
  'a/b',
  'a\\b',
  'nul\0byte',
  '__millrace_offsets',
  'LIES',
  'x'.repeat(250),
  'x'.repeat(1_000_000),
  '\u00fc',
  '\ud800',
  '\u202etxt',
  ' ',
  '%2e%2e',
  'CON',
  '__proto__',
  'constructor',
  null,
  0,
  [],
  { name: 'x' },
]

function body(json: string): string {
  return `{"records":[{"value":{"json":${json}}}]}`
}

function deep(open: string, close: string): string {
  return `${open.repeat(DEPTH)}1${close.repeat(DEPTH)}`
}

/** Made when it is needed: some are large. */
const JSON_BODIES: readonly (() => string)[] = [
  () => body(deep('[', ']')),
  () => body(deep('{"a":', '}')),
  () => '['.repeat(1_000_000),
  () => deep('{"records":[', ']}'),
  () => body('1e999999'),
  () => body(`-${'9'.repeat(1_000_000)}.${'9'.repeat(1_000_000)}e-${'9'.repeat(1_000)}`),
  () => body('123456789012345678901234567890'),
  () => body(`"${'x'.repeat(7 * MiB)}"`),
  () => body(`"${'\\u0000'.repeat(MiB)}"`),
  () => body('"\\ud800"'),
  () => body(`{${Array.from({ length: 100_000 }, () => '"a":1').join()}}`),
  () => body(`{${Array.from({ length: 100_000 }, (_, number) => `"k${number}":1`).join()}}`),
  () => body('{"__proto__":{"x":1},"constructor":{"prototype":{"x":1}}}'),
  () => `{"records":[],"records":[],"records":[{"value":{"json":1}}]}`,
  () => `{"records":[{"value":{"json":1}}],"__proto__":{"x":1}}`,
  () => `{"records":[${Array.from({ length: 100_000 }, () => '{}').join()}]}`,
  () => `{"records":[{"headers":[${Array.from({ length: 50_000 }, () => '{"key":"k"}').join()}]}]}`,
  () => '{"records":[{"value":{"base64":"!!!"}}]}',
  () => `{"records":[{"timestamp":1e308,"value":{"json":1}}]}`,
  () => `{"records":[{"partition":-99999999999999999999,"value":{"json":1}}]}`,
  () => '\ufeff\u0000',
]

/** Those that make a few kilobytes of it; snappy makes megabytes. */
const PACKED: readonly CompressionCodec[] = ['zstd', 'lz4', 'gzip']

/** A batch of one record of `bytes` zeros; it gets small. */
function bomb(codec: CompressionCodec, bytes: number): Buffer {
  const builder = new BatchBuilder()
  builder.append({ key: Buffer.from('k'), value: Buffer.alloc(bytes), timestamp: Date.now() })
  return builder.build({ compression: codec }).buffer
}

async function makeTopics(context: AttackContext): Promise<void> {
  const compacted = { name: 'bombs-compacted', config: { 'cleanup.policy': 'compact' } }
  for (const topic of [compacted, { name: 'bombs' }]) {
    await callRest(context, 'POST', '/v1/topics', JSON.stringify({ ...topic, partitions: 1 }))
  }
}

/** What can be said to a server in requests that are well-formed. */
export const CONTENT_ATTACKS: readonly Attack[] = [
  {
    name: 'topics',
    does: 'topics without end, with names and configurations of all kinds',
    codes: [
      'LIMIT_REACHED',
      'INVALID_TOPIC_NAME',
      'INVALID_REQUEST',
      'INVALID_PARTITIONS',
      'INVALID_CONFIG',
      'TOPIC_EXISTS',
      'TOPIC_NAME_CONFLICT',
      'REQUEST_TOO_LARGE',
    ],
    run: (context) =>
      again(context, 8, async (number) => {
        const name = number % 3 === 0 ? ODD_NAMES[(number / 3) % ODD_NAMES.length] : `t${process.pid}-${number}`
        const partitions = number % 17 === 0 ? [0, -1, 1e9, 1.5, '1', null][number % 6] : 1
        const config = number % 19 === 0 ? { ['x'.repeat(number)]: '1', 'retention.ms': '-9e99' } : undefined
        await callRest(context, 'POST', '/v1/topics', JSON.stringify({ name, partitions, config }))
      }),
  },
  {
    name: 'json',
    does: 'JSON 10,000 levels deep, huge numbers and strings, members that come twice, and reading them',
    codes: [
      'INVALID_REQUEST',
      'NUMBER_NOT_EXACT',
      'REQUEST_TOO_LARGE',
      'BATCH_TOO_LARGE',
      'INVALID_BATCH',
      'INVALID_TIMESTAMP',
      'OFFSET_OUT_OF_RANGE',
      'PARTITION_NOT_FOUND',
      'LIMIT_REACHED',
    ],
    run: (context) =>
      again(context, 4, async (number) => {
        await callRest(context, 'POST', '/v1/topics/lies/records', JSON_BODIES[number % JSON_BODIES.length]?.())
        const as = number % 2 === 0 ? '&as=json' : ''
        await callRest(context, 'GET', `/v1/topics/lies/partitions/0/records?offset=${number % 50}${as}`)
      }),
  },
  {
    name: 'bombs',
    does: 'batches of a few kilobytes that get 60 or 80 MiB, to a compacted topic and to readers by REST',
    codes: ['BATCH_TOO_LARGE', 'LIMIT_REACHED', 'OFFSET_OUT_OF_RANGE', 'TOPIC_EXISTS'],
    run: async (context) => {
      await makeTopics(context)
      // Made when they are needed: that takes a while.
      const made = new Map<number, Buffer>()
      const bombNumber = (number: number): Buffer => {
        const index = number % (2 * PACKED.length)
        const known = made.get(index) ?? bomb(PACKED[index >> 1] as CompressionCodec, (index % 2 === 0 ? 60 : 80) * MiB)
        made.set(index, known)
        return known
      }
      const onMessage = (message: Buffer): void => {
        for (const { error } of decodeProduceAcks(message)) context.counts.add(error ? `code ${error.code}` : 'stored')
      }
      await withSessions(context, 2, async (session, index) => {
        await again(context, 2, async (number) => {
          // A topic that is not compacted takes batches unopened, also those that no reader may open.
          const topic = index === 0 ? 'bombs' : 'bombs-compacted'
          const batch = bombNumber(number)
          const request = { id: 1, topic, partition: 0, acks: 'committed' as const, batch, records: [] }
          const message = Buffer.concat(frameProduceStreamRequest(request)).subarray(PREFIX_BYTES)
          await callRpc(context, session, PRODUCE_STREAM_PATH, [message], { onMessage })
          await callRest(context, 'GET', `/v1/topics/${topic}/partitions/0/records?offset=${number % 5}`)
        })
      })
    },
  },
  {
    name: 'transactional ids',
    does: 'producers with transactional ids without end, and ids of all kinds',
    codes: ['LIMIT_REACHED', 'INVALID_TRANSACTIONAL_ID', 'INVALID_REQUEST'],
    run: (context) =>
      withSessions(context, 4, async (session, index) => {
        await again(context, 16, async (number) => {
          const odd = ['', 'x'.repeat(256), '\0', 'x'.repeat(100_000), '\u202e']
          const transactionalId =
            number % 5 === 0 ? (odd[number % odd.length] as string) : `id-${process.pid}-${index}-${number}`
          const transactionTimeoutMs = number % 7 === 0 ? ([-1, 2 ** 31 - 1, 0][number % 3] as number) : 60_000
          const request = UNARY.initProducer.encodeRequest({ transactionalId, transactionTimeoutMs })
          await callRpc(context, session, UNARY.initProducer.path, [request])
        })
      }),
  },
]
