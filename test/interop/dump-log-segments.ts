import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** The folder with Apache Kafka's tools; undefined where they are not installed. */
export const KAFKA_TOOLS = process.env.MILLRACE_KAFKA_TOOLS

/** A batch as Kafka read it. */
export interface DumpedBatch {
  readonly file: string
  readonly baseOffset: number
  readonly lastOffset: number
  readonly count: number
  readonly producerId: number
  readonly codec: string
  readonly isValid: boolean
}

/** A record as Kafka read it; sizes are -1 for null. */
export interface DumpedRecord {
  readonly offset: number
  /** What the timestamp is. */
  readonly timestampType: string
  readonly timestamp: number
  readonly keySize: number
  readonly valueSize: number
  readonly headerKeys: readonly string[]
}

/** What DumpLogSegments printed. */
export interface Dump {
  readonly batches: readonly DumpedBatch[]
  readonly records: readonly DumpedRecord[]
  /** Entries of offset and of time indexes. */
  readonly indexEntries: number
  /** Index files that passed the check that a starting broker makes. */
  readonly saneIndexes: number
  /** Every other line: the tool prints what it has against a file, and exits with 0 all the same. */
  readonly complaints: readonly string[]
}

/** Has Kafka read the segments and indexes in a partition's directory. */
export async function dumpLogSegments(directory: string): Promise<Dump> {
  const names = (await readdir(directory)).sort()
  const logs = names.filter((name) => name.endsWith('.log'))
  const indexes = names.filter((name) => /\.(index|timeindex)$/.test(name))
  const files = [...logs, ...indexes].map((name) => join(directory, name))
  const sanity = indexes.map((name) => join(directory, name))
  const [dumped, checked] = await Promise.all([
    run(['--deep-iteration', '--files', files.join(',')]),
    run(['--index-sanity-check', '--files', sanity.join(',')]),
  ])
  return parseDump(`${dumped}${checked}`)
}

async function run(args: readonly string[]): Promise<string> {
  const java = ['-cp', join(KAFKA_TOOLS ?? '', '*'), 'kafka.tools.DumpLogSegments', ...args]
  const { stdout, stderr } = await promisify(execFile)('java', java, { maxBuffer: 2 ** 28 }).catch(
    // It gives up at some kinds of damage; why, stands in its last lines.
    (error: Error & { stdout?: string; stderr?: string }) => {
      if (error.stdout === undefined) throw error
      return { stdout: error.stdout, stderr: error.stderr ?? '' }
    },
  )
  // What the tool says of its own logging is nothing against a file.
  const complaints = stderr.split('\n').filter((line) => !line.startsWith('SLF4J'))
  return [stdout, ...complaints, ''].join('\n')
}

const BATCH =
  /^baseOffset: (\d+) lastOffset: (\d+) count: (\d+) .*producerId: (-?\d+) .*compresscodec: (\w+) crc: \d+ isvalid: (true|false)$/
const RECORD =
  /^\| offset: (\d+) (CreateTime|LogAppendTime): (-?\d+) keySize: (-?\d+) valueSize: (-?\d+) sequence: -?\d+ headerKeys: \[(.*)\]/
const INDEX_ENTRY = /^(offset: \d+ position: \d+|timestamp: \d+ offset: \d+)$/

/** A segment of one batch needs no entry. */
const SANE = /\.(index|timeindex) (passed sanity check|is empty)\.$/

export function parseDump(text: string): Dump {
  const batches: DumpedBatch[] = []
  const records: DumpedRecord[] = []
  const complaints: string[] = []
  let indexEntries = 0
  let saneIndexes = 0
  let file = ''
  for (const line of text.split('\n')) {
    const batch = BATCH.exec(line)
    const record = RECORD.exec(line)
    if (batch !== null) {
      const [baseOffset, lastOffset, count, producerId] = batch.slice(1, 5).map(Number) as [
        number,
        number,
        number,
        number,
      ]
      batches.push({
        file,
        baseOffset,
        lastOffset,
        count,
        producerId,
        codec: batch[5] ?? '',
        isValid: batch[6] === 'true',
      })
    } else if (record !== null) {
      const timestampType = record[2] ?? ''
      const [timestamp, keySize, valueSize] = record.slice(3, 6).map(Number) as [number, number, number]
      const headerKeys = record[6] === '' ? [] : (record[6] ?? '').split(',')
      records.push({ offset: Number(record[1]), timestampType, timestamp, keySize, valueSize, headerKeys })
    } else if (line.startsWith('Dumping ')) file = line.slice('Dumping '.length)
    else if (INDEX_ENTRY.test(line)) indexEntries++
    else if (SANE.test(line)) saneIndexes++
    else if (line !== '' && !line.startsWith('Log starting offset: ')) complaints.push(line)
  }
  return { batches, records, indexEntries, saneIndexes, complaints }
}
