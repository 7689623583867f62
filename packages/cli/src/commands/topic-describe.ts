import { Command } from 'commander'
import { type ClientOptions, type Context, jsonOption, urlOption, withClient } from '../context.ts'
import { topicLines } from '../topic-lines.ts'

const HELP = `
Example:
  millrace topic describe orders`

/** `millrace topic describe NAME` */
export function topicDescribeCommand(context: Context): Command {
  return new Command('describe')
    .description('show the partitions and settings of a topic')
    .argument('<name>', 'name of the topic')
    .addOption(urlOption())
    .addOption(jsonOption())
    .addHelpText('after', HELP)
    .action(async (name: string, options: ClientOptions) => {
      const topic = await withClient(context, options, (client) => client.admin.describeTopic(name))
      if (options.json) return context.out.json(topic)
      for (const line of topicLines(topic)) await context.out.line(line)
    })
}
