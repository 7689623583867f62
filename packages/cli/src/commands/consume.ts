import { MillraceError } from '@millrace/server'
import { Command, Option } from 'commander'
import { type ClientOptions, type Context, urlOption, wholeNumber, withClient } from '../context.ts'
import { Interrupted, UsageError } from '../failure.ts'
import { FROM_HELP, type From, meantTime, parseFrom } from '../position.ts'
import { FORMATS, type Format } from '../record-format.ts'

const HELP = `
A date with a time but without a zone is local time; a date alone begins at midnight UTC.

Formats:
  value      the bytes of the value; a null value (a tombstone) and an empty one are both an empty line
  key-value  the bytes of key and value with a tab between them; null is printed as nothing
  json       all of the record; null stays apart from "", and bytes that are no UTF-8 are keyBase64 or valueBase64`

interface ConsumeOptions extends ClientOptions {
  readonly partition?: string
  readonly from: string
  readonly follow?: true
  readonly limit?: string
  readonly format: Format
}

/** `millrace consume TOPIC` */
export function consumeCommand(context: Context): Command {
  return new Command('consume')
    .description('print the records of a topic, in order within each partition')
    .argument('<topic>', 'name of the topic')
    .addOption(new Option('-p, --partition <N>', 'only this partition (all)'))
    .addOption(new Option('--from <WHERE>', `where to begin in each partition: ${FROM_HELP}`).default('earliest'))
    .addOption(new Option('-f, --follow', 'go on with what arrives, instead of stopping at the end that is there now'))
    .addOption(new Option('-n, --limit <N>', 'stop after N records'))
    .addOption(new Option('--format <FORMAT>', 'what to print').choices(Object.keys(FORMATS)).default('value'))
    .addOption(urlOption())
    .addOption(new Option('--json', 'the same as --format json').implies({ format: 'json' }))
    .addHelpText('after', HELP)
    .action((topic: string, options: ConsumeOptions) => consume(context, topic, options))
}

async function consume(context: Context, topic: string, options: ConsumeOptions): Promise<void> {
  const from = parseFrom(options.from)
  if (from === 'latest' && !options.follow) {
    throw new UsageError('--from latest: without --follow there is nothing to print; add --follow')
  }
  const partition = options.partition === undefined ? undefined : wholeNumber('--partition', options.partition, 0)
  const limit = options.limit === undefined ? Number.POSITIVE_INFINITY : wholeNumber('--limit', options.limit, 1)
  const print = FORMATS[options.format]
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
        await context.out.line(print(record))
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
