import { Command } from 'commander'
import { type ClientOptions, type Context, jsonOption, urlOption, withClient } from '../context.ts'
import { formatTable } from '../table.ts'

/** `millrace topic describe NAME` */
export function topicDescribeCommand(context: Context): Command {
  return new Command('describe')
    .description('show the partitions and settings of a topic')
    .argument('<name>', 'name of the topic')
    .addOption(urlOption())
    .addOption(jsonOption())
    .action(async (name: string, options: ClientOptions) => {
      const topic = await withClient(context, options, (client) => client.admin.describeTopic(name))
      if (options.json) return context.out.json(topic)
      await context.out.line(`${topic.name}  ${topic.id}  created ${new Date(topic.createdAtMs).toISOString()}`)
      const rows = topic.partitions.map((status) => [
        String(status.partition),
        String(status.logStartOffset),
        String(status.highWatermark),
        String(status.sizeBytes),
      ])
      for (const line of formatTable(['PARTITION', 'FIRST OFFSET', 'END OFFSET', 'BYTES'], rows))
        await context.out.line(line)
      for (const line of formatTable(['SETTING', 'VALUE'], Object.entries(topic.config))) await context.out.line(line)
    })
}
