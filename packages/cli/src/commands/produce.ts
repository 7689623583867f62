import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import type { ProducerRecord } from '@millrace/client'
import { Command, Option } from 'commander'
import { type ClientOptions, type Context, jsonOption, urlOption, wholeNumber, withClient } from '../context.ts'
import { Interrupted, UsageError } from '../failure.ts'
import { type KeyOf, keyFromField, keyFromPattern } from '../keys.ts'
import { type Lines, readLines } from '../lines.ts'
import { ProduceSummary } from '../produce-summary.ts'
import { openProgress } from '../progress.ts'

const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

interface ProduceOptions extends ClientOptions {
  readonly file?: string
  readonly key?: string
  readonly keyField?: string
  readonly keyRegex?: string
  readonly partition?: string
  readonly header: readonly { key: string; value: Buffer }[]
  readonly compression: (typeof CODECS)[number]
}

/** Groups of lines that are on their way at once; reading goes on only as they are acknowledged. */
const GROUPS_IN_FLIGHT = 8

/** `millrace produce TOPIC [VALUE…]` */
export function produceCommand(context: Context): Command {
  return new Command('produce')
    .description('append records to a topic: the values given, or each line of a file or of standard input')
    .argument('<topic>', 'name of the topic')
    .argument('[values...]', 'values of the records')
    .addOption(new Option('--file <FILE>', 'one record for each line of FILE'))
    .addOption(new Option('-k, --key <KEY>', 'key of every record'))
    .addOption(
      new Option('--key-field <FIELD>', 'take the key from this field of lines that are JSON objects').conflicts('key'),
    )
    .addOption(
      new Option(
        '--key-regex <REGEX>',
        'take the key from what the expression, or its first group, finds in the line',
      ).conflicts(['key', 'keyField']),
    )
    .addOption(new Option('-p, --partition <N>', 'partition of every record (by the key, or in turn)'))
    .addOption(
      new Option('-H, --header <NAME=VALUE>', 'header of every record; may be repeated')
        .default([], 'none')
        .argParser(addHeader),
    )
    .addOption(new Option('--compression <CODEC>', 'how batches are compressed').choices(CODECS).default('none'))
    .addOption(urlOption())
    .addOption(jsonOption())
    .action((topic: string, values: string[], options: ProduceOptions) => produce(context, topic, values, options))
}

async function produce(context: Context, topic: string, values: string[], options: ProduceOptions): Promise<void> {
  if (values.length > 0 && options.file !== undefined) throw new UsageError('give values or --file, not both')
  const toRecord = recordMaker(topic, options)
  const { groups, totalBytes } = await openInput(context, values, options.file)
  const summary = new ProduceSummary(topic)
  const progress = openProgress(totalBytes)
  try {
    await withClient(context, options, async (client) => {
      // Without a server or a topic there is no use in reading the input.
      await client.admin.describeTopic(topic)
      const producer = client.producer({ compression: options.compression })
      const inFlight: Promise<void>[] = []
      for await (const { lines, endByte } of groups) {
        if (context.signal.aborted) break
        const sent = producer.sendBatch(lines.map(toRecord)).then((results) => {
          summary.add(results)
          progress.update(endByte, `${summary.records} records`)
        })
        // The failure is met where the group is awaited, in the order of the input.
        sent.catch(() => {})
        inFlight.push(sent)
        if (inFlight.length >= GROUPS_IN_FLIGHT) await inFlight.shift()
      }
      await Promise.all(inFlight)
    })
  } finally {
    progress.stop()
  }
  if (options.json) await context.out.json(summary)
  else for (const line of summary.toLines()) await context.out.line(line)
  if (context.interrupted.aborted) throw new Interrupted()
}

function recordMaker(topic: string, options: ProduceOptions): (line: Buffer) => ProducerRecord {
  const keyOf = keyFinder(options)
  const partition = options.partition === undefined ? undefined : wholeNumber('--partition', options.partition, 0)
  let lineNumber = 0
  return (line) => {
    lineNumber += 1
    return {
      topic,
      key: keyOf(line, lineNumber),
      value: line,
      headers: options.header,
      ...(partition === undefined ? {} : { partition }),
    }
  }
}

function keyFinder({ key, keyField, keyRegex }: ProduceOptions): KeyOf {
  if (keyField !== undefined) return keyFromField(keyField)
  if (keyRegex !== undefined) return keyFromPattern(keyRegex)
  const fixed = key === undefined ? null : Buffer.from(key)
  return () => fixed
}

/** What is to be sent, in groups, and how many bytes it is when that is known. */
async function openInput(
  context: Context,
  values: string[],
  file: string | undefined,
): Promise<{ groups: AsyncIterable<Lines>; totalBytes: number | undefined }> {
  if (values.length > 0) {
    return { groups: single({ lines: values.map((value) => Buffer.from(value)), endByte: 0 }), totalBytes: undefined }
  }
  if (file === undefined) return { groups: readLines(until(context.signal, context.stdin)), totalBytes: undefined }
  const path = resolve(context.cwd, file)
  const stats = await stat(path).catch((error: Error) => error)
  if (stats instanceof Error) throw new UsageError(`--file ${file}: cannot be read: ${stats.message}`)
  if (stats.isDirectory()) throw new UsageError(`--file ${file}: is a directory`)
  const groups = readLines(until(context.signal, createReadStream(path)))
  return { groups, totalBytes: stats.isFile() ? stats.size : undefined }
}

async function* single<T>(item: T): AsyncGenerator<T> {
  yield item
}

/** What `stream` gives until `signal` is aborted; then it ends, without an error. */
async function* until(signal: AbortSignal, stream: Readable): AsyncGenerator<Buffer> {
  const destroy = (): unknown => stream.destroy()
  signal.addEventListener('abort', destroy, { once: true })
  try {
    yield* stream
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', destroy)
  }
}

function addHeader(text: string, headers: readonly { key: string; value: Buffer }[]): { key: string; value: Buffer }[] {
  const at = text.indexOf('=')
  if (at < 0) throw new UsageError(`--header ${text}: allowed is NAME=VALUE`)
  return [...headers, { key: text.slice(0, at), value: Buffer.from(text.slice(at + 1)) }]
}
