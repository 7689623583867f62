import { Command } from 'commander'
import type { Context } from '../context.ts'
import { topicAlterCommand } from './topic-alter.ts'
import { topicCreateCommand } from './topic-create.ts'
import { topicDeleteCommand } from './topic-delete.ts'
import { topicDeleteRecordsCommand } from './topic-delete-records.ts'
import { topicDescribeCommand } from './topic-describe.ts'
import { topicListCommand } from './topic-list.ts'
import { topicOffsetsCommand } from './topic-offsets.ts'

/** `millrace topic`, which only groups its subcommands. */
export function topicCommand(context: Context): Command {
  return new Command('topic')
    .description('create, list, describe, change and delete topics')
    .addHelpText('after', '\nExample:\n  millrace topic create orders --partitions 4')
    .addCommand(topicCreateCommand(context))
    .addCommand(topicListCommand(context))
    .addCommand(topicDescribeCommand(context))
    .addCommand(topicAlterCommand(context))
    .addCommand(topicOffsetsCommand(context))
    .addCommand(topicDeleteRecordsCommand(context))
    .addCommand(topicDeleteCommand(context))
}
