import { Command } from 'commander'
import { type ClientOptions, type Context, jsonOption, urlOption, withClient } from '../context.ts'

/** `millrace topic delete NAME` */
export function topicDeleteCommand(context: Context): Command {
  return new Command('delete')
    .description('delete a topic and all its records')
    .argument('<name>', 'name of the topic')
    .addOption(urlOption())
    .addOption(jsonOption())
    .action(async (name: string, options: ClientOptions) => {
      await withClient(context, options, (client) => client.admin.deleteTopic(name))
      if (options.json) await context.out.json({ deleted: name })
      else await context.out.line(`deleted ${name}`)
    })
}
