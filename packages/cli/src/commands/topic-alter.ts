import { Command, Option } from 'commander'
import { type ClientOptions, type Context, jsonOption, urlOption, wholeNumber, withClient } from '../context.ts'
import { UsageError } from '../failure.ts'
import { topicLines } from '../topic-lines.ts'
import { addSetting } from '../topic-settings.ts'

const HELP = `
Examples:
  millrace topic alter orders --partitions 8
  millrace topic alter orders --config retention.ms=86400000 --unset segment.bytes

It holds at once, for what is open too. With more partitions, keys go to other partitions than before; what is stored
stays where it is.`

interface AlterOptions extends ClientOptions {
  readonly partitions?: string
  readonly config: Readonly<Record<string, string>>
  readonly unset: readonly string[]
}

/** `millrace topic alter NAME` */
export function topicAlterCommand(context: Context): Command {
  return new Command('alter')
    .description('change settings of a topic, add partitions to it, or both; all or nothing')
    .argument('<name>', 'name of the topic')
    .addOption(new Option('-p, --partitions <N>', 'how many partitions there are to be; never fewer than there are'))
    .addOption(
      new Option('-c, --config <KEY=VALUE>', 'give a setting another value; may be repeated')
        .default({}, 'none')
        .argParser(addSetting),
    )
    .addOption(
      new Option('--unset <KEY>', 'give a setting its default back; may be repeated')
        .default([], 'none')
        .argParser((key: string, keys: readonly string[]) => [...keys, key]),
    )
    .addOption(urlOption())
    .addOption(jsonOption())
    .addHelpText('after', HELP)
    .action(async (name: string, options: AlterOptions) => {
      const change = changeOf(options)
      const topic = await withClient(context, options, (client) => client.admin.alterTopic(name, change))
      if (options.json) return context.out.json(topic)
      for (const line of topicLines(topic)) await context.out.line(line)
    })
}

function changeOf({ partitions, config, unset }: AlterOptions): {
  partitions: number | undefined
  config: Record<string, string | null>
} {
  if (partitions === undefined && Object.keys(config).length === 0 && unset.length === 0) {
    throw new UsageError('nothing to change: give --partitions, --config or --unset')
  }
  const both = unset.find((key) => Object.hasOwn(config, key))
  if (both !== undefined) throw new UsageError(`--unset ${both}: --config gives it a value`)
  return {
    partitions: partitions === undefined ? undefined : wholeNumber('--partitions', partitions, 1),
    config: { ...config, ...Object.fromEntries(unset.map((key) => [key, null])) },
  }
}
