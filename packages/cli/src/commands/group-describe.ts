import type { GroupDetails, TopicPartitions } from '@millrace/client'
import { Command } from 'commander'
import { type ClientOptions, type Context, jsonOption, urlOption, withClient } from '../context.ts'
import { formatTable, NONE } from '../table.ts'

const HELP = `
Example:
  millrace group describe billing

LAG is how many records are not committed yet. OWNED is what a member has now, TARGET what it should have when all is
settled.`

/** `millrace group describe NAME` */
export function groupDescribeCommand(context: Context): Command {
  return new Command('describe')
    .description('show the members, offsets and lag of a consumer group')
    .argument('<name>', 'name of the group')
    .addOption(urlOption())
    .addOption(jsonOption())
    .addHelpText('after', HELP)
    .action(async (name: string, options: ClientOptions) => {
      const group = await withClient(context, options, (client) => client.admin.describeGroup(name))
      if (options.json) return context.out.json(group)
      for (const line of linesOf(group)) await context.out.line(line)
    })
}

function linesOf({ name, state, epoch, assignor, members, partitions }: GroupDetails): string[] {
  const memberRows = members.map((member) => [
    member.memberId,
    member.clientId === '' ? NONE : member.clientId,
    member.instanceId ?? NONE,
    String(member.epoch),
    shown(member.owned),
    shown(member.target),
  ])
  const partitionRows = partitions.map((status) => [
    status.topic,
    String(status.partition),
    String(status.committedOffset ?? NONE),
    String(status.highWatermark),
    String(status.lag ?? NONE),
    status.memberId ?? NONE,
  ])
  const lines = [`${name}  ${state}  epoch ${epoch}  ${assignor}`]
  if (memberRows.length > 0) {
    lines.push(...formatTable(['MEMBER', 'CLIENT', 'INSTANCE', 'EPOCH', 'OWNED', 'TARGET'], memberRows))
  }
  if (partitionRows.length > 0) {
    lines.push(...formatTable(['TOPIC', 'PARTITION', 'COMMITTED', 'END OFFSET', 'LAG', 'MEMBER'], partitionRows))
  }
  return lines
}

/** `orders/0,1 payments/3` */
function shown(partitions: readonly TopicPartitions[]): string {
  if (partitions.length === 0) return NONE
  return partitions.map(({ topic, partitions: numbers }) => `${topic}/${numbers}`).join(' ')
}
