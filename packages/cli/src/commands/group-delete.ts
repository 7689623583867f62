import { Command } from 'commander'
import { type ClientOptions, type Context, jsonOption, urlOption, withClient } from '../context.ts'

const HELP = `
Example:
  millrace group delete billing`

/** `millrace group delete NAME` */
export function groupDeleteCommand(context: Context): Command {
  return new Command('delete')
    .description('delete a consumer group without members, and its offsets')
    .argument('<name>', 'name of the group')
    .addOption(urlOption())
    .addOption(jsonOption())
    .addHelpText('after', HELP)
    .action(async (name: string, options: ClientOptions) => {
      await withClient(context, options, (client) => client.admin.deleteGroup(name))
      if (options.json) await context.out.json({ deleted: name })
      else await context.out.line(`deleted ${name}`)
    })
}
