import { DEFAULT_LIMITS, type Limits } from '@millrace/record'
import { formatAddress, parseAddress } from './address.ts'

export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** What a server runs with, every default filled in. */
export interface Config {
  /** Directory of the data, or `memory`. */
  readonly data: string
  /** Where backups are put, on the file system of `data`; undefined: `backups` in it. */
  readonly backupDir: string | undefined
  /** `HOST:PORT` of REST and gRPC; port 0 takes a free one. */
  readonly http: string
  /** Allows an address that other machines reach. */
  readonly allowInsecure: boolean
  /** Origins whose web pages may call. */
  readonly corsOrigin: readonly string[]
  /** File with the certificate that the server shows, and those up to its authority, in PEM; with it: TLS only. */
  readonly tlsCert: string | undefined
  /** File with the key of that certificate, in PEM. */
  readonly tlsKey: string | undefined
  /** File with the passphrase of that key. */
  readonly tlsKeyPassphraseFile: string | undefined
  /** File with the authorities, in PEM, of which one must have signed the certificate of each client. */
  readonly tlsClientCa: string | undefined
  readonly logLevel: LogLevel
  /** File that messages are added to; undefined: standard error. */
  readonly logFile: string | undefined
  /** File that gets a JSON line with the bound addresses while the server serves. */
  readonly readyFile: string | undefined
  readonly limits: Limits
}

/** One setting: a row from which its flag, its variable, its key in the file and its line of help come. */
export interface Setting {
  /** Its key in the file and in `startServer`'s options; one with a dot lies in an object. */
  readonly key: string
  /** What stands for the value in the help; undefined: the flag is a switch. */
  readonly argument: string | undefined
  /** Reads a value from a flag, a variable or JSON; undefined when it is not allowed. */
  readonly parse: (value: unknown) => unknown
  readonly default: unknown
  /** What is allowed, to stand after "allowed is". */
  readonly allowed: string
  readonly help: string
  /** Whether a new value holds when the configuration is read again; for others the server must be started anew. */
  readonly isLive: boolean
}

const MAX_TIMER_MS = 2 ** 31 - 1
const MAX_BUFFER_BYTES = 2 ** 30

/** The range of each limit, and its help. */
const LIMITS: Readonly<Record<keyof Limits, readonly [min: number, max: number, help: string]>> = {
  requestBytes: [1_024, MAX_BUFFER_BYTES, 'largest REST body or gRPC message'],
  decompressedBytes: [1_024, MAX_BUFFER_BYTES, 'largest size of a compressed batch when it is opened'],
  headerBytes: [4_096, 65_536, 'most bytes of the headers of a request'],
  recordsPerRequest: [1, 1_000_000, 'most records in one REST produce request'],
  fetchBytes: [1_024, MAX_BUFFER_BYTES, 'most bytes that one fetch returns'],
  fetchRecords: [1, 1_000_000, 'most records that one REST fetch returns'],
  fetchWaitMs: [1_000, MAX_TIMER_MS, 'longest time that a fetch waits for data'],
  pendingBytesPerPartition: [1_024, MAX_BUFFER_BYTES, 'most bytes that wait in a partition to be committed'],
  inFlightBytesPerConnection: [1_024, MAX_BUFFER_BYTES, 'most produced bytes unanswered on a connection'],
  inFlightBytes: [1_024, 64 * MAX_BUFFER_BYTES, 'most produced bytes unanswered on all connections'],
  unreadBytes: [1_024, 64 * MAX_BUFFER_BYTES, 'most bytes that clients may send on streams that are not read from'],
  unsentBytes: [0, 64 * MAX_BUFFER_BYTES, 'bytes that clients have asked for and not taken, past which less is read'],
  streamWindowBytes: [65_536, MAX_BUFFER_BYTES, 'most bytes that a client sends on an HTTP/2 stream before it is read'],
  connectionWindowBytes: [65_536, MAX_BUFFER_BYTES, 'most bytes that it sends on all HTTP/2 streams of a connection'],
  streamsPerConnection: [1, 100_000, 'most HTTP/2 streams of a connection'],
  streams: [1, 10_000_000, 'most HTTP/2 streams of all connections'],
  connections: [1, 1_000_000, 'most open connections'],
  pipelinedRequests: [1, 1_000_000, 'most requests that an HTTP/1.1 connection sends before their answers'],
  noiseBytesPerConnection: [1_024, MAX_BUFFER_BYTES, 'most bytes of pings, settings and empty frames of a connection'],
  noiseBytesPerSecond: [1_024, MAX_BUFFER_BYTES, 'how many of these a connection may send in each second besides'],
  resetsAtOnce: [1, 1_000_000, 'most HTTP/2 streams that a client opens and resets at once'],
  resetsPerSecond: [1, 1_000_000, 'how many of these a client may reset in each second besides'],
  liveTails: [0, 1_000_000, 'most live tails (event streams and NDJSON) that are open'],
  liveTailHeartbeatMs: [100, MAX_TIMER_MS, 'time after which a live tail with nothing to tell says so'],
  partitionsPerFetchStream: [1, 1_000_000, 'most partitions that one fetch stream follows'],
  followedPartitions: [1, 10_000_000, 'most partitions that all fetch streams follow'],
  waitingFetches: [1, 1_000_000, 'most fetches that wait for data'],
  topics: [1, 1_000_000, 'most topics'],
  partitionsPerTopic: [1, 1_000_000, 'most partitions of one topic'],
  partitions: [1, 10_000_000, 'most partitions of all topics'],
  tailCacheBytes: [0, 64 * MAX_BUFFER_BYTES, 'memory for the newest batches of all partitions'],
  indexCacheBytes: [0, 64 * MAX_BUFFER_BYTES, 'memory for index files of closed segments'],
  housekeepingIntervalMs: [1, MAX_TIMER_MS, 'time between two rounds of retention and compaction'],
  compactionBytesPerSecond: [1_024, Number.MAX_SAFE_INTEGER, 'most bytes that compaction reads and writes in a second'],
  compactionMapBytes: [1_024, MAX_BUFFER_BYTES, 'memory for the keys of a partition that is being compacted'],
  tableBytes: [1_024, Number.MAX_SAFE_INTEGER, 'most bytes of keys and values in one internal table'],
  tableSnapshotRecords: [1, Number.MAX_SAFE_INTEGER, "records of an internal table's log between two snapshots"],
  producersPerPartition: [1, 10_000_000, 'most idempotent producers that a partition remembers'],
  producers: [1, 100_000_000, 'most idempotent producers that all partitions remember'],
  producerIdExpirationMs: [1_000, Number.MAX_SAFE_INTEGER, 'time after which they may forget one that wrote nothing'],
  transactionalIds: [1, 10_000_000, 'most producers with a transactional id'],
  transactionTimeoutMs: [1, MAX_TIMER_MS, 'longest time that a transaction may ask to stay open'],
  transactionalIdExpirationMs: [1, Number.MAX_SAFE_INTEGER, 'time after which an unused transactional id is forgotten'],
  idempotencyWindowMs: [1_000, 86_400_000, 'time for which a request with an idempotency key is remembered'],
  idempotencyKeys: [1, 10_000_000, 'most idempotency keys that are remembered'],
  idempotentRequests: [1, 10_000, 'most requests with an idempotency key at once'],
  groups: [1, 1_000_000, 'most consumer groups'],
  membersPerGroup: [1, 100_000, 'most members of one consumer group'],
  members: [1, 10_000_000, 'most members of all consumer groups'],
  minSessionTimeoutMs: [1, MAX_TIMER_MS, 'shortest session time-out that a member may ask for'],
  maxSessionTimeoutMs: [1, MAX_TIMER_MS, 'longest session time-out that a member may ask for'],
  maxRebalanceTimeoutMs: [1, MAX_TIMER_MS, 'longest time that a member may ask for to give partitions back'],
  offsetsRetentionMs: [1, Number.MAX_SAFE_INTEGER, 'time after which the offsets of an unused group are forgotten'],
  minFreeBytes: [0, Number.MAX_SAFE_INTEGER, 'free disk space below which the server is not ready; 0: never'],
  metricsTopics: [0, 10_000, 'most topics with metrics of their own; the rest share theirs'],
  metricsGroups: [0, 10_000, 'most consumer groups with metrics of their own; the rest share theirs'],
  headersTimeoutMs: [1, MAX_TIMER_MS, 'time for the headers of a request'],
  requestTimeoutMs: [1, MAX_TIMER_MS, 'time for a REST request, and for the rest of a gRPC message'],
  stalledReaderTimeoutMs: [1, MAX_TIMER_MS, 'time that a reader may take nothing while data waits for it'],
  shutdownGraceMs: [0, MAX_TIMER_MS, 'time that open requests get to end at shutdown'],
  openFiles: [16, 1_000_000, 'most files that are open at once'],
  journalBytes: [1_024, 2 ** 31, 'size at which a journal file is full and a checkpoint is made'],
  journalBacklogBytes: [0, MAX_BUFFER_BYTES, 'most bytes that wait in the journal and in memory for their segments'],
}

/** Limits by which something was made at the start that cannot be made otherwise while it is in use. */
const FIXED_LIMITS: ReadonlySet<keyof Limits> = new Set([
  'compactionBytesPerSecond',
  'connections',
  'headerBytes',
  'headersTimeoutMs',
  'housekeepingIntervalMs',
  'indexCacheBytes',
  'journalBacklogBytes',
  'journalBytes',
  'metricsTopics',
  'openFiles',
  'producersPerPartition',
  'resetsAtOnce',
  'resetsPerSecond',
  'streamsPerConnection',
  'tableSnapshotRecords',
  'tailCacheBytes',
  'unsentBytes',
])

/** Every setting of the server. */
export const SETTINGS: readonly Setting[] = [
  {
    key: 'data',
    argument: 'DIR|memory',
    parse: text,
    default: 'data',
    allowed: 'a directory, or memory',
    help: 'where records are kept; memory forgets them at the end',
    isLive: false,
  },
  {
    key: 'http',
    argument: 'HOST:PORT',
    parse: address,
    default: '127.0.0.1:7070',
    allowed: 'HOST:PORT with a port from 0 (a free one) to 65535',
    help: 'address of REST and gRPC; port 0 takes a free one',
    isLive: false,
  },
  {
    key: 'allowInsecure',
    argument: undefined,
    parse: boolean,
    default: false,
    allowed: 'true or false',
    help: 'allow an address that other machines reach, although nobody has to log in',
    isLive: false,
  },
  {
    key: 'corsOrigin',
    argument: 'ORIGIN,…',
    parse: origins,
    default: [],
    allowed: 'origins such as https://app.example.com, with commas between them, or *',
    help: 'origins whose web pages may call, with commas between them',
    isLive: false,
  },
  {
    key: 'tlsCert',
    argument: 'FILE',
    parse: text,
    default: undefined,
    allowed: 'a file name',
    help: 'speak TLS only, with the certificate (and its chain, PEM) in FILE',
    isLive: false,
  },
  {
    key: 'tlsKey',
    argument: 'FILE',
    parse: text,
    default: undefined,
    allowed: 'a file name',
    help: 'key (PEM) of that certificate',
    isLive: false,
  },
  {
    key: 'tlsKeyPassphraseFile',
    argument: 'FILE',
    parse: text,
    default: undefined,
    allowed: 'a file name',
    help: 'passphrase of that key, when it is encrypted',
    isLive: false,
  },
  {
    key: 'tlsClientCa',
    argument: 'FILE',
    parse: text,
    default: undefined,
    allowed: 'a file name',
    help: 'accept only clients with a certificate that an authority in FILE (PEM) has signed',
    isLive: false,
  },
  {
    key: 'logLevel',
    argument: 'LEVEL',
    parse: (value) => LOG_LEVELS.find((level) => level === value),
    default: 'info',
    allowed: LOG_LEVELS.join(', '),
    help: `least important messages that are logged: ${LOG_LEVELS.join(', ')}`,
    isLive: true,
  },
  {
    key: 'logFile',
    argument: 'FILE',
    parse: text,
    default: undefined,
    allowed: 'a file name',
    help: 'write messages to FILE, instead of standard error; SIGHUP begins it anew after a log rotation',
    isLive: false,
  },
  {
    key: 'readyFile',
    argument: 'FILE',
    parse: text,
    default: undefined,
    allowed: 'a file name',
    help: 'write the bound addresses to FILE, as a JSON line, while the server serves',
    isLive: false,
  },
  {
    key: 'backupDir',
    argument: 'DIR',
    parse: text,
    default: undefined,
    allowed: 'a directory',
    help: 'where backups are put, on the file system of the data (backups in the data directory)',
    isLive: false,
  },
  ...limitSettings(),
]

/** `--flag-name` of a setting. */
export function flagOf({ key }: Setting): string {
  return `--${words(key).join('-')}`
}

/** `MILLRACE_NAME` of a setting. */
export function variableOf({ key }: Setting): string {
  return `MILLRACE_${words(key).join('_').toUpperCase()}`
}

/** `limits.requestBytes` is `limit`, `request`, `bytes`. */
function words(key: string): string[] {
  return key
    .replace(/^limits\./, 'limit.')
    .replace(/[A-Z]/g, (letter) => `.${letter.toLowerCase()}`)
    .split('.')
}

function limitSettings(): Setting[] {
  return Object.entries(LIMITS).map(([name, [min, max, help]]) => ({
    key: `limits.${name}`,
    argument: 'N',
    parse: (value) => {
      const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value
      return Number.isSafeInteger(number) && Number(number) >= min && Number(number) <= max ? number : undefined
    },
    default: DEFAULT_LIMITS[name as keyof Limits],
    allowed: `a whole number from ${min} to ${max}`,
    help,
    isLive: !FIXED_LIMITS.has(name as keyof Limits),
  }))
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && !value.includes('\0') ? value : undefined
}

function address(value: unknown): string | undefined {
  const parsed = typeof value === 'string' ? parseAddress(value) : undefined
  return parsed === undefined ? undefined : formatAddress(parsed)
}

function boolean(value: unknown): boolean | undefined {
  if (value === true || value === 'true' || value === '1') return true
  return value === false || value === 'false' || value === '0' ? false : undefined
}

function origins(value: unknown): readonly string[] | undefined {
  const list = typeof value === 'string' ? value.split(',').map((origin) => origin.trim()) : value
  return Array.isArray(list) && list.every(isOrigin) ? list : undefined
}

function isOrigin(value: unknown): boolean {
  if (value === '*') return true
  return (
    typeof value === 'string' &&
    /^https?:$/.test(URL.parse(value)?.protocol ?? '') &&
    URL.parse(value)?.origin === value
  )
}
