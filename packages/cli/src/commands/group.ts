import { Command } from 'commander'
import type { Context } from '../context.ts'
import { groupDeleteCommand } from './group-delete.ts'
import { groupDescribeCommand } from './group-describe.ts'
import { groupListCommand } from './group-list.ts'
import { groupResetCommand } from './group-reset.ts'

/** `millrace group`, which only groups its subcommands. */
export function groupCommand(context: Context): Command {
  return new Command('group')
    .description('list, describe, reset and delete consumer groups')
    .addHelpText('after', '\nExample:\n  millrace group describe billing')
    .addCommand(groupListCommand(context))
    .addCommand(groupDescribeCommand(context))
    .addCommand(groupResetCommand(context))
    .addCommand(groupDeleteCommand(context))
}
