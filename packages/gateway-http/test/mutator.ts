import type { SeededRandom } from '@millrace/testkit'
import {
  encodeFetchStreamRequest,
  encodeMemberRequest,
  FETCH_STREAM_PATH,
  frameMessage,
  frameProduceStreamRequest,
  MEMBERSHIP_PATH,
  PRODUCE_STREAM_PATH,
  toInt64,
  UNARY,
} from '@millrace/wire'
import { mutateFields } from './mutated-fields.ts'
import { batchOf } from './rpc-harness.ts'

const HEADER_BYTES = 5

/**
 * Takes valid requests of every kind and changes them: half of them in their fields, which then hold values from the
 * edge of what they can, the others in their bytes and lengths. Counts what it did.
 */
export class Mutator {
  readonly counts = { mutated: 0, byField: 0, whole: 0 }
  private readonly random: SeededRandom

  constructor(random: SeededRandom) {
    this.random = random
  }

  /** The bytes of one call with up to `most` changed messages; the last may end in the middle. */
  callOf(most: number): { path: string; bytes: Buffer } {
    const { random } = this
    const { path, messages } = random.pick(KINDS)
    const isUnary = messages.length === 1
    const count = isUnary ? 1 : random.int(1, most)
    const frames: Buffer[] = []
    for (let index = 0; index < count; index++) {
      // A conversation begins as it should, now and then, so that what follows is looked at.
      const message = index < messages.length && random.bool(0.7) ? messages[index]! : random.pick(messages)
      const isWhole = !isUnary && index === 0 && random.bool(0.8)
      if (isWhole) this.counts.whole++
      frames.push(isWhole ? message : this.mutate(message))
    }
    return { path, bytes: Buffer.concat(frames) }
  }

  private mutate(message: Buffer): Buffer {
    const { random, counts } = this
    counts.mutated++
    // One in twenty lies about its length, or is no frame: what follows on its call is lost then.
    if (random.bool(0.05)) {
      const bytes = Buffer.from(message)
      bytes[random.int(0, HEADER_BYTES - 1)] = random.int(0, 255)
      return random.bool(0.5) ? bytes : bytes.subarray(0, random.int(1, bytes.length))
    }
    const body = message.subarray(HEADER_BYTES)
    if (random.bool(0.5)) return frameMessage(this.mutateBody(body))
    counts.byField++
    return frameMessage(mutateFields(body, random))
  }

  private mutateBody(body: Buffer): Buffer {
    const { random } = this
    const bytes = Buffer.from(body)
    if (bytes.length === 0) return Buffer.from([random.int(0, 255), random.int(0, 255)])
    const at = random.int(0, bytes.length - 1)
    switch (random.int(0, 6)) {
      case 0:
        bytes[at] = random.int(0, 255)
        return bytes
      case 1:
        bytes[at] = (bytes[at] as number) ^ (1 << random.int(0, 7))
        return bytes
      case 2:
        return bytes.subarray(0, at)
      // A varint as long as can be: a length or a number that is far too large.
      case 3:
        return Buffer.concat([bytes.subarray(0, at), Buffer.alloc(9, 255), Buffer.from([1]), bytes.subarray(at)])
      // A field twice, or one that is not known.
      case 4:
        return Buffer.concat([bytes, bytes.subarray(at)])
      case 5:
        return Buffer.concat([bytes, Buffer.from([random.int(0, 255), random.int(0, 255), random.int(0, 255)])])
      default: {
        const from = random.int(0, bytes.length - 1)
        bytes.copyWithin(at, from, Math.min(bytes.length, from + random.int(1, 16)))
        return bytes
      }
    }
  }
}

interface Kind {
  readonly path: string
  readonly messages: readonly Buffer[]
}

function produceKind(): Kind {
  const batch = batchOf('one', 'two', 'three')
  const messages = [0, 1].flatMap((partition) => [
    Buffer.concat(frameProduceStreamRequest({ id: 1, topic: 't', partition, acks: 'committed', batch, records: [] })),
    Buffer.concat(frameProduceStreamRequest({ id: 2, topic: 'no', partition, acks: 'none', batch, records: [] })),
  ])
  return { path: PRODUCE_STREAM_PATH, messages }
}

function fetchKind(): Kind {
  const requests = [
    { add: { subscription: 1, topic: 't', partition: 0, bytes: toInt64(1_000) } },
    { add: { subscription: 2, topic: 't', partition: 1, bytes: toInt64(1_000), from: { latest: true } } },
    { seek: { subscription: 1, from: { offset: toInt64(0) }, generation: 1 } },
    { grant: { subscription: 2, bytes: toInt64(5_000) } },
    { remove: { subscription: 1 } },
  ]
  return { path: FETCH_STREAM_PATH, messages: requests.map((each) => frameMessage(encodeFetchStreamRequest(each))) }
}

function memberKind(): Kind {
  const requests = [
    { join: { group: 'g', memberId: 'm', topics: ['t'], sessionTimeoutMs: 1_000 } },
    { heartbeat: {} },
    { commit: { id: toInt64(1), offsets: [{ topic: 't', partition: 0, offset: toInt64(0) }] } },
    { owned: { memberEpoch: 1, partitions: [{ topic: 't', partitions: [0, 1] }] } },
    { leave: { forGood: true } },
  ]
  return { path: MEMBERSHIP_PATH, messages: requests.map((each) => frameMessage(encodeMemberRequest(each))) }
}

const KINDS: readonly Kind[] = [
  produceKind(),
  produceKind(),
  fetchKind(),
  fetchKind(),
  memberKind(),
  { path: UNARY.fetch.path, messages: [frameMessage(UNARY.fetch.encodeRequest({ topic: 't', waitMs: 5 }))] },
  {
    path: UNARY.produce.path,
    messages: [frameMessage(UNARY.produce.encodeRequest({ topic: 't', records: [{ value: Buffer.from('v') }] }))],
  },
  { path: UNARY.describeTopic.path, messages: [frameMessage(UNARY.describeTopic.encodeRequest({ name: 't' }))] },
  {
    path: UNARY.initProducer.path,
    messages: [frameMessage(UNARY.initProducer.encodeRequest({ transactionalId: 'x' }))],
  },
  {
    path: UNARY.createTopic.path,
    messages: [frameMessage(UNARY.createTopic.encodeRequest({ name: 'c', partitions: 1 }))],
  },
]
