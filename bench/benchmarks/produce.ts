import type { ContenderName } from '../contenders/contender.ts'
import type { Benchmark, Entry, Target } from '../harness/benchmark.ts'
import { COST_COLUMNS, PEAK_COLUMN, peakTarget, RECORDS_COLUMN } from './columns.ts'
import { ROUNDS, spans } from './spans.ts'

/** A contender with the batches that suit it. */
interface Setting {
  readonly contender: ContenderName
  readonly batchRecords: number
  readonly inFlight: number
  readonly clientDefaults?: boolean
}

/** Two sizes of batches for the floor and Millrace, and for each peer what makes it fastest. */
const OF_100_BYTES: readonly Setting[] = [
  { contender: 'floor', batchRecords: 600, inFlight: 16 },
  { contender: 'millrace', batchRecords: 600, inFlight: 16 },
  { contender: 'floor', batchRecords: 4_000, inFlight: 16 },
  { contender: 'millrace', batchRecords: 4_000, inFlight: 16 },
  { contender: 'millrace', batchRecords: 4_000, inFlight: 16, clientDefaults: true },
  { contender: 'redis', batchRecords: 600, inFlight: 16 },
  { contender: 'redis-everysec', batchRecords: 600, inFlight: 16 },
  { contender: 'nats', batchRecords: 600, inFlight: 4 },
  { contender: 'nats-default', batchRecords: 600, inFlight: 4 },
  { contender: 'kafka', batchRecords: 4_000, inFlight: 5 },
  { contender: 'kafkajs', batchRecords: 600, inFlight: 5 },
  { contender: 'rabbitmq', batchRecords: 600, inFlight: 16 },
]
const OF_1_KIB: readonly Setting[] = [
  { contender: 'floor', batchRecords: 240, inFlight: 16 },
  { contender: 'millrace', batchRecords: 240, inFlight: 16 },
  { contender: 'redis', batchRecords: 240, inFlight: 16 },
  { contender: 'redis-everysec', batchRecords: 240, inFlight: 16 },
  { contender: 'nats', batchRecords: 240, inFlight: 4 },
  { contender: 'nats-default', batchRecords: 240, inFlight: 4 },
  { contender: 'kafka', batchRecords: 480, inFlight: 5 },
  { contender: 'kafkajs', batchRecords: 240, inFlight: 5 },
  { contender: 'rabbitmq', batchRecords: 240, inFlight: 16 },
]

const OURS: readonly ContenderName[] = ['floor', 'millrace']

function nameOf({ contender, batchRecords, inFlight, clientDefaults }: Setting): string {
  return `${contender}, ${clientDefaults ? 'defaults' : `${inFlight} × ${batchRecords}`}`
}

function entriesOf(settings: readonly Setting[], valueBytes: number): Entry[] {
  const peers = settings.filter(({ contender }) => !OURS.includes(contender)).map(nameOf)
  return settings.map((setting) => {
    const { contender, batchRecords, inFlight, clientDefaults = false } = setting
    return {
      name: nameOf(setting),
      contender,
      ...(contender !== 'floor' && { baseline: nameOf(floorFor(settings, setting)) }),
      ...(contender === 'millrace' && { peers }),
      measure: ({ perform, newTopic, quick }) =>
        perform({
          kind: 'produce',
          topic: newTopic(),
          partitions: 1,
          ...spans(quick),
          maxRecords: Number.MAX_SAFE_INTEGER,
          valueBytes,
          batchRecords,
          inFlight,
          clientDefaults,
        }),
    }
  })
}

/** The floor with the same batches where it is measured, else the last: a peer picks the batches that suit it. */
function floorFor(settings: readonly Setting[], { batchRecords }: Setting): Setting {
  const floors = settings.filter(({ contender }) => contender === 'floor')
  return floors.find((floor) => floor.batchRecords === batchRecords) ?? floors.at(-1)!
}

function targetsOf(settings: readonly Setting[], ratios: Readonly<Partial<Record<ContenderName, number>>>): Target[] {
  const column = RECORDS_COLUMN.key
  return settings
    .filter(({ contender, clientDefaults }) => contender === 'millrace' && !clientDefaults)
    .flatMap((setting) => {
      const entry = nameOf(setting)
      const peers = settings.flatMap((peer) => {
        const atLeast = ratios[peer.contender]
        return atLeast === undefined ? [] : [{ entry, column, to: nameOf(peer), atLeast }]
      })
      return [{ entry, column, ratio: true, atLeast: 0.8 }, ...peers, peakTarget(entry)]
    })
}

const COLUMNS = [RECORDS_COLUMN, ...COST_COLUMNS, PEAK_COLUMN] as const

export const produce: Benchmark = {
  name: 'produce',
  about:
    'One client process sends 100-byte Buffers over one connection to one partition, in batches, several in flight, each acknowledged. “16 × 600” are 16 batches of 600 in flight; “defaults” leaves the client’s batching as it is.',
  columns: COLUMNS,
  entries: entriesOf(OF_100_BYTES, 100),
  targets: [
    ...targetsOf(OF_100_BYTES, { redis: 10, kafka: 3, kafkajs: 3 }),
    { entry: 'millrace, defaults', column: RECORDS_COLUMN.key, atLeast: 1e6 },
  ],
  rounds: ROUNDS,
  sharedServers: true,
}

export const produce1k: Benchmark = {
  name: 'produce-1k',
  about: 'As produce, with values of 1 KiB.',
  columns: COLUMNS,
  entries: entriesOf(OF_1_KIB, 1024),
  targets: targetsOf(OF_1_KIB, {}),
  rounds: ROUNDS,
  sharedServers: true,
}
