import { Command } from 'commander'
import { type ClientOptions, type Context, jsonOption, urlOption, withClient } from '../context.ts'
import { formatTable } from '../table.ts'

const HELP = `
Example:
  millrace group list --json`

/** `millrace group list` */
export function groupListCommand(context: Context): Command {
  return new Command('list')
    .alias('ls')
    .description('list the consumer groups')
    .addOption(urlOption())
    .addOption(jsonOption())
    .addHelpText('after', HELP)
    .action(async (options: ClientOptions) => {
      const groups = await withClient(context, options, (client) => client.admin.listGroups())
      if (options.json) return context.out.json(groups)
      if (groups.length === 0) return context.note('there are no consumer groups')
      const rows = groups.map(({ name, state, members, epoch }) => [name, state, String(members), String(epoch)])
      for (const line of formatTable(['GROUP', 'STATE', 'MEMBERS', 'EPOCH'], rows)) await context.out.line(line)
    })
}
