import { Command } from 'commander'
import type { Context } from '../context.ts'
import { topicCreateCommand } from './topic-create.ts'
import { topicDeleteCommand } from './topic-delete.ts'
import { topicDescribeCommand } from './topic-describe.ts'
import { topicListCommand } from './topic-list.ts'

/** `millrace topic`, which only groups its subcommands. */
export function topicCommand(context: Context): Command {
  return new Command('topic')
    .description('create, list, describe and delete topics')
    .addCommand(topicCreateCommand(context))
    .addCommand(topicListCommand(context))
    .addCommand(topicDescribeCommand(context))
    .addCommand(topicDeleteCommand(context))
}
