import { Command } from 'commander'
import { type ClientOptions, type Context, jsonOption, urlOption, withClient } from '../context.ts'
import { formatTable } from '../table.ts'

const HELP = `
Example:
  millrace topic list --json`

/** `millrace topic list` */
export function topicListCommand(context: Context): Command {
  return new Command('list')
    .alias('ls')
    .description('list the topics')
    .addOption(urlOption())
    .addOption(jsonOption())
    .addHelpText('after', HELP)
    .action(async (options: ClientOptions) => {
      const topics = await withClient(context, options, (client) => client.admin.listTopics())
      if (options.json) return context.out.json(topics)
      if (topics.length === 0) return context.note('there are no topics')
      const rows = topics.map((topic) => [
        topic.name,
        String(topic.partitions),
        new Date(topic.createdAtMs).toISOString(),
      ])
      for (const line of formatTable(['TOPIC', 'PARTITIONS', 'CREATED'], rows)) await context.out.line(line)
    })
}
