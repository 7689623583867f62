import { type Millrace, MillraceError, type ResetQuery, type TopicPartitions } from '@millrace/client'
import { Command, Option } from 'commander'
import { type ClientOptions, type Context, jsonOption, urlOption, wholeNumber, withClient } from '../context.ts'
import { UsageError } from '../failure.ts'
import { parseTime, TIME_HELP } from '../position.ts'
import { formatTable, NONE } from '../table.ts'

const HELP = `
Without --topic it resets every partition for which the group has an offset, with --topic all partitions of those topics,
also those without an offset.

It is refused while the group has members. A static member, one with an instance id, is one until its session is over, also
after it was stopped. With --force members lose the partitions and get them anew.

Examples:
  millrace group reset billing --to-earliest --dry-run
  millrace group reset billing --to-time 2026-11-01T08:00Z --topic orders --topic payments
  millrace group reset billing --shift -100 --topic orders --partition 3`

interface ResetOptions extends ClientOptions {
  readonly toEarliest?: true
  readonly toLatest?: true
  readonly toOffset?: string
  readonly toTime?: string
  readonly shift?: string
  readonly topic: readonly string[]
  readonly partition: readonly string[]
  readonly dryRun?: true
  readonly force?: true
}

/** `millrace group reset NAME` */
export function groupResetCommand(context: Context): Command {
  return new Command('reset')
    .description('set the committed offsets of a consumer group anew')
    .argument('<name>', 'name of the group')
    .addOption(new Option('--to-earliest', 'to the first record there is'))
    .addOption(new Option('--to-latest', 'to the end'))
    .addOption(new Option('--to-offset <N>', 'to this offset'))
    .addOption(new Option('--to-time <TIME>', `to the first record at or after a time: ${TIME_HELP}`))
    .addOption(new Option('--shift <N>', 'so many records forward or, negative, back'))
    .addOption(repeated('-t, --topic <NAME>', 'only this topic; may be repeated'))
    .addOption(repeated('-p, --partition <N>', 'only this partition of the one topic; may be repeated'))
    .addOption(new Option('--dry-run', 'change nothing, only show before and after'))
    .addOption(new Option('--force', 'also while the group has members, which get their partitions anew'))
    .addOption(urlOption())
    .addOption(jsonOption())
    .addHelpText('after', HELP)
    .action((name: string, options: ResetOptions) => reset(context, name, options))
}

async function reset(context: Context, group: string, options: ResetOptions): Promise<void> {
  const to = targetOf(options)
  const numbers = options.partition.map((text) => wholeNumber('--partition', text, 0))
  if (numbers.length > 0 && options.topic.length !== 1) {
    throw new UsageError('--partition: name the one topic that it belongs to, with --topic')
  }
  const { dryRun = false, force = false } = options
  const resets = await withClient(context, options, async (client) => {
    const partitions = await partitionsOf(client, options.topic, numbers)
    return client.admin.resetOffsets({ group, to, partitions, dryRun, force }).catch(withAdvice)
  })
  if (options.json) return context.out.json(resets)
  const rows = resets.map(({ topic, partition, before, after }) => [
    topic,
    String(partition),
    String(before ?? NONE),
    String(after),
  ])
  if (rows.length === 0) context.note(`${group} has no offsets; name topics with --topic`)
  else for (const line of formatTable(['TOPIC', 'PARTITION', 'BEFORE', 'AFTER'], rows)) await context.out.line(line)
  if (dryRun) context.note('a dry run: nothing was changed')
}

function withAdvice(error: unknown): never {
  if (!(error instanceof MillraceError) || error.code !== 'GROUP_NOT_EMPTY') throw error
  throw new MillraceError(error.code, `${error.message}: stop them first, or use --force`, { cause: error })
}

/** Undefined: all for which the group has an offset. */
async function partitionsOf(
  client: Millrace,
  topics: readonly string[],
  numbers: readonly number[],
): Promise<readonly TopicPartitions[] | undefined> {
  if (topics.length === 0) return undefined
  return Promise.all(
    topics.map(async (topic) => {
      if (numbers.length > 0) return { topic, partitions: numbers }
      const { partitions } = await client.admin.describeTopic(topic)
      return { topic, partitions: partitions.map(({ partition }) => partition) }
    }),
  )
}

/** @throws UsageError unless exactly one is given */
function targetOf({ toEarliest, toLatest, toOffset, toTime, shift }: ResetOptions): ResetQuery['to'] {
  const given = [toEarliest, toLatest, toOffset, toTime, shift].filter((value) => value !== undefined)
  if (given.length !== 1) {
    const wrong = given.length === 0 ? 'where to?' : 'only one place at a time:'
    throw new UsageError(`${wrong} allowed is one of --to-earliest, --to-latest, --to-offset, --to-time and --shift`)
  }
  if (toEarliest) return 'earliest'
  if (toLatest) return 'latest'
  if (toOffset !== undefined) return { offset: wholeNumber('--to-offset', toOffset, 0) }
  return toTime === undefined ? { shift: shiftOf(shift ?? '') } : { timestamp: parseTime('--to-time', toTime) }
}

function shiftOf(text: string): number {
  const number = Number(text)
  if (/^[+-]?\d+$/.test(text) && Number.isSafeInteger(number)) return number
  throw new UsageError(`--shift ${text}: allowed is a whole number, also a negative one`)
}

function repeated(flags: string, help: string): Option {
  return new Option(flags, help)
    .default([], 'all')
    .argParser((text: string, texts: readonly string[]) => [...texts, text])
}
