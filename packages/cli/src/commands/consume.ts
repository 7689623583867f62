import type { Consumer, OffsetToCommit, ReadRecord } from '@millrace/client'
import { MillraceError } from '@millrace/server'
import { Command, Option } from 'commander'
import { type ClientOptions, type Context, urlOption, wholeNumber, withClient } from '../context.ts'
import { Interrupted, UsageError } from '../failure.ts'
import { FROM_HELP, type From, meantTime, parseFrom } from '../position.ts'
import { parseFormat, type RecordPrinter } from '../record-format.ts'
import { ESCAPES_HELP, FIELDS } from '../record-template.ts'

const HELP = `
Examples:
  millrace consume orders
  millrace consume orders --from 2026-11-01T08:00Z --follow --json
  millrace consume orders --partition 0 --from 100 --limit 10 --format '%o %T %k=%v\\n'
  millrace consume orders --group billing

A date with a time but without a zone is local time; a date alone begins at midnight UTC.

With --group it is a member of that consumer group: it shares the partitions with the other members, begins where the
group is, and goes on until it is ended, or --limit is reached. What was printed is committed. --from earliest or latest
says where to begin in partitions without a committed offset.

Formats:
  value      the bytes of the value; a null value (a tombstone) and an empty one are both an empty line
  key-value  the bytes of key and value with a tab between them; null is printed as nothing
  json       all of the record; null stays apart from "", and bytes that are no UTF-8 are keyBase64 or valueBase64
  a template, of which nothing but these is replaced, and no end of line is added:
${Object.entries(FIELDS)
  .map(([letter, { help }]) => `    %${letter}  ${help}`)
  .join('\n')}
    ${ESCAPES_HELP}`

interface ConsumeOptions extends ClientOptions {
  readonly partition?: string
  readonly from: string
  readonly follow?: true
  readonly group?: string
  readonly limit?: string
  readonly format: RecordPrinter
}

/** `millrace consume TOPIC` */
export function consumeCommand(context: Context): Command {
  return new Command('consume')
    .description('print the records of a topic, in order within each partition')
    .argument('<topic>', 'name of the topic')
    .addOption(new Option('-p, --partition <N>', 'only this partition (all)'))
    .addOption(new Option('--from <WHERE>', `where to begin in each partition: ${FROM_HELP}`).default('earliest'))
    .addOption(new Option('-f, --follow', 'go on with what arrives, instead of stopping at the end that is there now'))
    .addOption(
      new Option('-g, --group <GROUP>', 'as a member of this consumer group; it goes on as with --follow').conflicts(
        'partition',
      ),
    )
    .addOption(new Option('-n, --limit <N>', 'stop after N records'))
    .addOption(
      new Option('--format <FORMAT>', 'what to print: value, key-value, json, or a template such as "%o %k %v\\n"')
        .argParser(parseFormat)
        .default(parseFormat('value'), 'value'),
    )
    .addOption(urlOption())
    .addOption(new Option('--json', 'the same as --format json').implies({ format: parseFormat('json') }))
    .addHelpText('after', HELP)
    .action((topic: string, options: ConsumeOptions) =>
      options.group === undefined
        ? consume(context, topic, options)
        : consumeAsMember(context, topic, options.group, options),
    )
}

async function consume(context: Context, topic: string, options: ConsumeOptions): Promise<void> {
  const from = parseFrom(options.from)
  if (from === 'latest' && !options.follow) {
    throw new UsageError('--from latest: without --follow there is nothing to print; add --follow')
  }
  const partition = options.partition === undefined ? undefined : wholeNumber('--partition', options.partition, 0)
  const limit = limitOf(options)
  const print = options.format
  await withClient(context, options, async (client) => {
    let printed = 0
    const records = client.read({
      topic,
      from,
      ...(partition === undefined ? {} : { partition }),
      ...(options.follow ? {} : { to: 'end' as const }),
      signal: context.signal,
    })
    try {
      for await (const record of records) {
        await print(context.out, record)
        printed += 1
        if (printed >= limit) return
      }
    } catch (error) {
      if (!context.signal.aborted) throw outOfRangeOr(error, from)
    }
    // Following ends with a signal; anything else that a signal ends is not done.
    if (context.interrupted.aborted && !options.follow) throw new Interrupted()
  })
}

/** Records that are printed, and then committed, at once. */
const MEMBER_BATCH = 1_000

async function consumeAsMember(context: Context, topic: string, group: string, options: ConsumeOptions): Promise<void> {
  const { out, signal } = context
  const offsetReset = parseFrom(options.from)
  if (typeof offsetReset === 'object') {
    throw new UsageError(`--from ${options.from}: with --group allowed are earliest and latest`)
  }
  const limit = limitOf(options)
  await withClient(context, options, async (client) => {
    // The group would wait for a topic that is not there yet.
    await client.admin.describeTopic(topic)
    const consumer = client.consumer({ group, topics: [topic], offsetReset, autoCommit: false })
    let printed = 0
    try {
      const size = Math.min(limit, MEMBER_BATCH)
      for await (const records of consumer.batches({ size, timeMs: 0, signal })) {
        const wanted = records.slice(0, limit - printed)
        for (const record of wanted) await options.format(out, record)
        await out.flush()
        if (out.ended.aborted) return
        await commit(consumer, wanted)
        printed += wanted.length
        if (printed >= limit) return
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  })
}

/** Commits these records, but for those of partitions that are others' meanwhile: they get them again. */
async function commit(consumer: Consumer, records: readonly ReadRecord[]): Promise<void> {
  const owned = new Set(consumer.assigned().map(({ partition }) => partition))
  try {
    await consumer.commit(nextOffsets(records).filter(({ partition }) => owned.has(partition)))
  } catch (error) {
    if (!(error instanceof MillraceError) || !MEMBERSHIP_OVER.includes(error.code)) throw error
  }
}

const MEMBERSHIP_OVER: readonly string[] = ['PARTITION_NOT_OWNED', 'STALE_MEMBER_EPOCH', 'UNKNOWN_MEMBER']

/** Where to go on in each partition after these records. */
function nextOffsets(records: readonly ReadRecord[]): OffsetToCommit[] {
  const byPartition = new Map<number, OffsetToCommit>()
  for (const { topic, partition, offset } of records)
    byPartition.set(partition, { topic, partition, offset: offset + 1 })
  return [...byPartition.values()]
}

function limitOf({ limit }: ConsumeOptions): number {
  return limit === undefined ? Number.POSITIVE_INFINITY : wholeNumber('--limit', limit, 1)
}

/** `OFFSET_OUT_OF_RANGE` in words that say which partition it is, what it has, and what may have been meant. */
function outOfRangeOr(error: unknown, from: From): unknown {
  if (!(error instanceof MillraceError) || error.code !== 'OFFSET_OUT_OF_RANGE') return error
  const { topic, partition, logStartOffset, highWatermark } = error.details
  if (![partition, logStartOffset, highWatermark].every(Number.isSafeInteger)) return error
  const offsets =
    logStartOffset === highWatermark ? 'no records' : `offsets ${logStartOffset} to ${Number(highWatermark) - 1}`
  const time = meantTime(from)
  const hint = time === '' ? '' : `; did you mean ${time}?`
  const message = `partition ${partition} of ${topic} has ${offsets}, the next is ${highWatermark}${hint}`
  return new MillraceError(error.code, message, { cause: error, details: error.details })
}
