import { Command, Option } from 'commander'
import { type ClientOptions, type Context, jsonOption, urlOption, wholeNumber, withClient } from '../context.ts'
import { parseTime, TIME_HELP } from '../position.ts'
import { formatTable, NONE } from '../table.ts'
import { timeText } from '../time-text.ts'

const HELP = `
Examples:
  millrace topic offsets orders
  millrace topic offsets orders --partition 0 --at 2026-11-01T08:00Z

Of a time it is the offset of the first record at or after it; where there is none, that of the next record to come, and
TIMESTAMP is "-".`

interface OffsetsOptions extends ClientOptions {
  readonly partition?: string
  readonly at?: string
}

/** `millrace topic offsets NAME` */
export function topicOffsetsCommand(context: Context): Command {
  return new Command('offsets')
    .description('show where the partitions of a topic begin and end, or their offsets at a time')
    .argument('<name>', 'name of the topic')
    .addOption(new Option('-p, --partition <N>', 'only this partition (all)'))
    .addOption(new Option('--at <WHERE>', `earliest, latest, or ${TIME_HELP} (both ends)`))
    .addOption(urlOption())
    .addOption(jsonOption())
    .addHelpText('after', HELP)
    .action((topic: string, options: OffsetsOptions) => offsets(context, topic, options))
}

async function offsets(context: Context, topic: string, options: OffsetsOptions): Promise<void> {
  const partition = options.partition === undefined ? undefined : wholeNumber('--partition', options.partition, 0)
  const { out } = context
  if (options.at === undefined) {
    const [earliest, latest] = await withClient(context, options, ({ admin }) =>
      Promise.all((['earliest', 'latest'] as const).map((at) => admin.offsets({ topic, partition, at }))),
    )
    // A partition that was added between the two calls is only in the later one.
    const ends = earliest!.flatMap(({ partition, offset }) => {
      const end = latest!.find((entry) => entry.partition === partition)
      return end === undefined ? [] : [{ partition, earliest: offset, latest: end.offset }]
    })
    if (options.json) return out.json(ends)
    const rows = ends.map((end) => [String(end.partition), String(end.earliest), String(end.latest)])
    for (const line of formatTable(['PARTITION', 'EARLIEST', 'LATEST'], rows)) await out.line(line)
    return
  }
  const at = positionOf(options.at)
  const found = await withClient(context, options, ({ admin }) => admin.offsets({ topic, partition, at }))
  if (options.json) return out.json(found)
  const rows = found.map((entry) => [
    String(entry.partition),
    String(entry.offset),
    entry.timestamp === undefined ? NONE : timeText(entry.timestamp),
  ])
  for (const line of formatTable(['PARTITION', 'OFFSET', 'TIMESTAMP'], rows)) await out.line(line)
}

function positionOf(text: string): 'earliest' | 'latest' | { timestamp: number } {
  return text === 'earliest' || text === 'latest' ? text : { timestamp: parseTime('--at', text) }
}
