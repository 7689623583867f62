import {
  COMPRESSION_CODECS,
  type CompressionCodec,
  MAX_NAME_BYTES,
  MillraceError,
  REMEMBERED_BATCHES,
} from '@millrace/record'
import type { Partitioner } from './partitioner.ts'
import { keyPartitioner } from './partitioner.ts'

const KiB = 1_024
const MiB = 1_024 * KiB

/** The most in flight per partition that an idempotent producer may have: the broker knows repeats of so many. */
const MAX_IN_FLIGHT = REMEMBERED_BATCHES - 1

export interface ProducerOptions {
  /** Default true: a record that is sent again after a failure is stored once, and order is kept. */
  readonly idempotent?: boolean
  /** `committed` (default): a result when the record is committed; `none`: when it has its offset. */
  readonly acks?: 'committed' | 'none'
  /** How long a record waits for others to share its batch, in ms. Default 0: until the event loop's turn ends. */
  readonly lingerMs?: number
  /** Size at which a batch is closed, before compression. Default 256 KiB; less where the topic allows less. */
  readonly batchBytes?: number
  /** Default `none`. */
  readonly compression?: CompressionCodec
  /** Default: by the key as Kafka's clients do; without a key a batch to one partition, the next to another. */
  readonly partitioner?: Partitioner
  /** Batches per partition that are sent and not answered. Default 8, at most 31. */
  readonly maxInFlight?: number
  /** Bytes of records that are taken over and not settled; `send` waits past it. Default 32 MiB. */
  readonly bufferBytes?: number
  /** The time from when a record has its place in a batch to its result, retries included, in ms. Default 120,000. */
  readonly deliveryTimeoutMs?: number
  /** Only with `idempotent: false`: send again what may be stored already, so that it may be stored twice. */
  readonly resendUnknown?: boolean
  /**
   * Makes it a producer of transactions: see `TransactionalProducer`. Of the producers with one id only the newest lives.
   * 1 to 255 bytes of UTF-8.
   */
  readonly transactionalId?: string | undefined
  /** How long a transaction may stay open before the server aborts it, in ms. Default: the server's, a minute. */
  readonly transactionTimeoutMs?: number
}

export type CheckedProducerOptions = Required<ProducerOptions>

/** @throws MillraceError INVALID_CONFIG that names the option, its value, and what is allowed */
export function checkProducerOptions(options: ProducerOptions): CheckedProducerOptions {
  checkNames('producer', options, PRODUCER_OPTIONS)
  const idempotent = boolean('idempotent', options.idempotent, true)
  const resendUnknown = boolean('resendUnknown', options.resendUnknown, false)
  if (idempotent && resendUnknown) {
    throw invalid('resendUnknown', true, 'only false with idempotent: true, which sends again without repeating')
  }
  const transactionalId = checkTransactionalId(options)
  const partitioner = options.partitioner ?? keyPartitioner
  if (typeof partitioner !== 'function') throw invalid('partitioner', partitioner, 'a function')
  return {
    idempotent,
    resendUnknown,
    partitioner,
    acks: choice('acks', options.acks, ['committed', 'none'], 'committed'),
    compression: choice('compression', options.compression, COMPRESSION_CODECS, 'none'),
    lingerMs: whole('lingerMs', options.lingerMs, 0, 0, 60_000),
    batchBytes: whole('batchBytes', options.batchBytes, 256 * KiB, 1, 4 * MiB),
    maxInFlight: whole('maxInFlight', options.maxInFlight, 8, 1, idempotent ? MAX_IN_FLIGHT : 1_000),
    bufferBytes: whole('bufferBytes', options.bufferBytes, 32 * MiB, 1, Number.MAX_SAFE_INTEGER),
    deliveryTimeoutMs: whole('deliveryTimeoutMs', options.deliveryTimeoutMs, 120_000, 1, 2 ** 31 - 1),
    transactionalId,
    transactionTimeoutMs: whole('transactionTimeoutMs', options.transactionTimeoutMs, 0, 1, 2 ** 31 - 1),
  }
}

function checkTransactionalId(options: ProducerOptions): string | undefined {
  const { transactionalId, transactionTimeoutMs, idempotent, acks } = options
  if (transactionalId === undefined) {
    if (transactionTimeoutMs === undefined) return undefined
    throw invalid('transactionTimeoutMs', transactionTimeoutMs, 'only beside a transactionalId')
  }
  const bytes = typeof transactionalId === 'string' ? Buffer.byteLength(transactionalId) : 0
  if (bytes < 1 || bytes > MAX_NAME_BYTES) {
    throw invalid('transactionalId', transactionalId, `1 to ${MAX_NAME_BYTES} bytes of UTF-8`)
  }
  if (idempotent === false) throw invalid('idempotent', idempotent, 'only true with a transactionalId')
  if (acks === 'none') throw invalid('acks', acks, 'only committed with a transactionalId')
  return transactionalId
}

const PRODUCER_OPTIONS: Readonly<Record<keyof ProducerOptions, true>> = {
  idempotent: true,
  acks: true,
  lingerMs: true,
  batchBytes: true,
  compression: true,
  partitioner: true,
  maxInFlight: true,
  bufferBytes: true,
  deliveryTimeoutMs: true,
  resendUnknown: true,
  transactionalId: true,
  transactionTimeoutMs: true,
}

/** @throws MillraceError INVALID_CONFIG for an option that there is not */
export function checkNames(what: string, options: object, known: Readonly<Record<string, true>>): void {
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(known, name)) continue
    const names = Object.keys(known).join(', ')
    throw new MillraceError('INVALID_CONFIG', `${JSON.stringify(name)} is not an option of ${what}; there are ${names}`)
  }
}

export function boolean(name: string, value: unknown, byDefault: boolean): boolean {
  if (value === undefined) return byDefault
  if (typeof value !== 'boolean') throw invalid(name, value, 'true or false')
  return value
}

export function choice<T extends string>(name: string, value: unknown, choices: readonly T[], byDefault: T): T {
  if (value === undefined) return byDefault
  if (!choices.includes(value as T)) throw invalid(name, value, choices.join(', '))
  return value as T
}

/** A whole number from `min` to `max`. */
export function whole(name: string, value: unknown, byDefault: number, min: number, max: number): number {
  if (value === undefined) return byDefault
  if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) {
    throw invalid(name, value, `a whole number from ${min} to ${max}`)
  }
  return value as number
}

export function invalid(name: string, value: unknown, allowed: string): MillraceError {
  const shown = typeof value === 'string' || typeof value === 'object' ? JSON.stringify(value) : String(value)
  return new MillraceError('INVALID_CONFIG', `${name}=${shown}: allowed is ${allowed}`)
}
