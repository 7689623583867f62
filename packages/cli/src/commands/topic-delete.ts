import { Command } from 'commander'
import { type ClientOptions, type Context, jsonOption, urlOption, withClient } from '../context.ts'

const HELP = `
Example:
  millrace topic delete orders

It asks nothing and cannot be undone. The topic is gone at once; its disk space is freed in the background.`

/** `millrace topic delete NAME` */
export function topicDeleteCommand(context: Context): Command {
  return new Command('delete')
    .description('delete a topic and all its records')
    .argument('<name>', 'name of the topic')
    .addOption(urlOption())
    .addOption(jsonOption())
    .addHelpText('after', HELP)
    .action(async (name: string, options: ClientOptions) => {
      await withClient(context, options, (client) => client.admin.deleteTopic(name))
      if (options.json) await context.out.json({ deleted: name })
      else await context.out.line(`deleted ${name}`)
    })
}
