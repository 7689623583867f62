import { Command, Option } from 'commander'
import { type ClientOptions, type Context, jsonOption, urlOption, wholeNumber, withClient } from '../context.ts'
import { count } from '../table.ts'
import { addSetting } from '../topic-settings.ts'

const HELP = `
Examples:
  millrace topic create orders --partitions 4
  millrace topic create audit --config retention.ms=-1 --config cleanup.policy=compact`

interface CreateOptions extends ClientOptions {
  readonly partitions: string
  readonly config: Readonly<Record<string, string>>
}

/** `millrace topic create NAME` */
export function topicCreateCommand(context: Context): Command {
  return new Command('create')
    .description('create a topic')
    .argument('<name>', 'name of the topic')
    .addOption(new Option('-p, --partitions <N>', 'number of partitions').default('1'))
    .addOption(
      new Option(
        '-c, --config <KEY=VALUE>',
        'a setting by its Kafka name, such as segment.bytes=1048576; may be repeated',
      )
        .default({}, 'none')
        .argParser(addSetting),
    )
    .addOption(urlOption())
    .addOption(jsonOption())
    .addHelpText('after', HELP)
    .action(async (name: string, options: CreateOptions) => {
      const partitions = wholeNumber('--partitions', options.partitions, 1)
      const topic = await withClient(context, options, (client) =>
        client.admin.createTopic({ name, partitions, config: options.config }),
      )
      if (options.json) await context.out.json(topic)
      else await context.out.line(`created ${topic.name} with ${count(topic.partitions, 'partition')}`)
    })
}
