import type { ProducerRecord } from '@millrace/client'
import { Command, Option } from 'commander'
import { type ClientOptions, type Context, jsonOption, urlOption, wholeNumber, withClient } from '../context.ts'
import { Interrupted, Told, UsageError } from '../failure.ts'
import { type KeyOf, keyFromField, keyFromPattern } from '../keys.ts'
import { LineSender } from '../line-sender.ts'
import { openInput, type ProduceInput } from '../produce-input.ts'
import { ProduceSummary } from '../produce-summary.ts'
import { openProgress } from '../progress.ts'
import { count } from '../table.ts'

const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

const HELP = `
Examples:
  millrace produce orders 'Hello, log!'
  millrace produce orders --file orders.ndjson --key-field customer --compression zstd
  millrace produce orders --key c42 --tombstone

A line ends with LF or CR LF, which do not belong to the record. An empty line is a record with an empty value.

The first line that fails ends the sending: one that is not the JSON that --key-field needs, one that is too large, or
one that the server refuses or cannot store. With --skip-bad, a line that is bad itself is left out, and sending goes on.
Each failure is told on standard error, with its line and its code. What is printed at the end says how many records are
stored, how many lines failed, and from which line on nothing was sent; where that is line N, "tail -n +N" of the input
is what is left to send. The exit code is 0 only when everything is stored.`

interface ProduceOptions extends ClientOptions {
  readonly file?: string
  readonly skipBad?: true
  readonly key?: string
  readonly keyField?: string
  readonly keyRegex?: string
  readonly tombstone?: true
  readonly partition?: string
  readonly header: readonly { key: string; value: Buffer }[]
  readonly compression: (typeof CODECS)[number]
}

/** `millrace produce TOPIC [VALUE…]` */
export function produceCommand(context: Context): Command {
  return new Command('produce')
    .description('append records to a topic: the values given, or each line of a file or of standard input')
    .argument('<topic>', 'name of the topic')
    .argument('[values...]', 'values of the records')
    .addOption(new Option('--file <FILE>', 'one record for each line of FILE'))
    .addOption(new Option('--skip-bad', 'go on after lines that cannot be used'))
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
    .addOption(new Option('--tombstone', 'one record with the key and a null value').conflicts('file'))
    .addOption(new Option('-p, --partition <N>', 'partition of every record (by the key, or in turn)'))
    .addOption(
      new Option('-H, --header <NAME=VALUE>', 'header of every record; may be repeated')
        .default([], 'none')
        .argParser(addHeader),
    )
    .addOption(new Option('--compression <CODEC>', 'how batches are compressed').choices(CODECS).default('none'))
    .addOption(urlOption())
    .addOption(jsonOption())
    .addHelpText('after', HELP)
    .action((topic: string, values: string[], options: ProduceOptions) => produce(context, topic, values, options))
}

async function produce(context: Context, topic: string, values: string[], options: ProduceOptions): Promise<void> {
  checkTombstone(values, options)
  if (values.length > 0 && options.file !== undefined) throw new UsageError('give values or --file, not both')
  const keyOf = keyFinder(options)
  const partition = partitionOf(options)
  let withoutKey = 0
  const toRecord = (line: Buffer): ProducerRecord => {
    const key = keyOf(line)
    if (key === null) withoutKey += 1
    return { topic, key, value: options.tombstone ? null : line, headers: options.header, partition }
  }
  const stop = new AbortController()
  const input = await openInput(context, options.tombstone ? [''] : values, options.file, stop.signal)
  const summary = new ProduceSummary(topic, input.noun)
  const progress = openProgress(input.totalBytes, context.note)
  let unread: Error | undefined
  try {
    await withClient(context, options, async (client) => {
      // Without a server or a topic there is no use in reading the input.
      await client.admin.describeTopic(topic)
      const sender = new LineSender({
        producer: client.producer({ compression: options.compression }),
        toRecord,
        skipBad: options.skipBad === true,
        stop,
        settled: (firstLine, outcomes, endByte) => {
          for (const message of summary.add(firstLine, outcomes)) progress.note(`millrace: ${message}`)
          progress.update(endByte, `${summary.stored} records`)
        },
      })
      unread = await sendAll(input, sender, summary, stop.signal, context.signal)
    })
  } finally {
    progress.stop()
  }
  if (withoutKey > 0 && (options.keyField ?? options.keyRegex) !== undefined) {
    const option = options.keyField === undefined ? '--key-regex' : '--key-field'
    context.note(`millrace: ${option} found no key in ${count(withoutKey, input.noun)}`)
  }
  if (options.json) await context.out.json(summary)
  else for (const line of summary.toLines()) await context.out.line(line)
  if (unread !== undefined) throw unread
  if (context.interrupted.aborted && summary.notSent !== undefined) throw new Interrupted()
  if (summary.failed > 0) throw new Told()
}

/**
 * Sends the input as far as it goes, and puts into `summary` what was not sent.
 * @returns what kept the input from being read; undefined: nothing did
 */
async function sendAll(
  input: ProduceInput,
  sender: LineSender,
  summary: ProduceSummary,
  stopped: AbortSignal,
  interrupted: AbortSignal,
): Promise<Error | undefined> {
  let lines = 0
  let isWhole = false
  let failure: Error | undefined
  try {
    for await (const group of input.groups) {
      if (interrupted.aborted) break
      lines += group.lines.length
      // What is left of an input that has an end is only counted.
      if (!stopped.aborted) await sender.send(group)
      else if (!input.hasEnd) break
    }
    isWhole = !interrupted.aborted && (input.hasEnd || !stopped.aborted)
  } catch (error) {
    failure = new Error(`cannot read on: ${(error as Error).message}`, { cause: error })
  }
  const fromLine = sender.nextLine
  if (!isWhole) summary.notSent = { fromLine, lines: undefined }
  else if (lines >= fromLine) summary.notSent = { fromLine, lines: lines - fromLine + 1 }
  await sender.finish()
  return failure
}

function checkTombstone(values: readonly string[], { tombstone, key }: ProduceOptions): void {
  if (!tombstone) return
  if (values.length > 0) throw new UsageError('--tombstone: its value is null, so give no values')
  if (key === undefined) throw new UsageError('--tombstone: give the key whose value ends with --key')
}

function partitionOf({ partition }: ProduceOptions): number | undefined {
  return partition === undefined ? undefined : wholeNumber('--partition', partition, 0)
}

function keyFinder({ key, keyField, keyRegex }: ProduceOptions): KeyOf {
  if (keyField !== undefined) return keyFromField(keyField)
  if (keyRegex !== undefined) return keyFromPattern(keyRegex)
  const fixed = key === undefined ? null : Buffer.from(key)
  return () => fixed
}

function addHeader(text: string, headers: readonly { key: string; value: Buffer }[]): { key: string; value: Buffer }[] {
  const at = text.indexOf('=')
  if (at < 0) throw new UsageError(`--header ${text}: allowed is NAME=VALUE`)
  return [...headers, { key: text.slice(0, at), value: Buffer.from(text.slice(at + 1)) }]
}
