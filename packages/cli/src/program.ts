import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { backupCommand } from './commands/backup.ts'
import { addCompletion } from './commands/completion.ts'
import { configCommand } from './commands/config.ts'
import { consumeCommand } from './commands/consume.ts'
import { dumpCommand } from './commands/dump.ts'
import { groupCommand } from './commands/group.ts'
import { produceCommand } from './commands/produce.ts'
import { serveCommand } from './commands/serve.ts'
import { topicCommand } from './commands/topic.ts'
import { transactionsCommand } from './commands/transactions.ts'
import { verifyCommand } from './commands/verify.ts'
import type { Context } from './context.ts'
import { addTlsOptions } from './tls-options.ts'

/**
 * `args` with the command that they leave out, and `help COMMAND` as `COMMAND --help`. Of a word that is no command
 * nothing but the word is left, so that it is refused as such whatever follows.
 */
export function commandLine(program: Command, args: readonly string[]): readonly string[] {
  const line = args[0] === 'help' ? [...args.slice(1), '--help'] : args
  const first = line[0]
  if (first === undefined) return ['serve']
  if (first.startsWith('-')) return OWN_FLAGS.includes(first) ? line : ['serve', ...line]
  return program.commands.some((command) => command.name() === first) ? line : [first]
}

/** Flags of `millrace` itself; all others are those of `serve`. */
const OWN_FLAGS: readonly string[] = ['-h', '--help', '-V', '--version']

/** The command with all below it. Failures are thrown. */
export function createProgram(context: Context): Command {
  const { description, version } = manifest()
  const program = new Command('millrace')
    .description(`${description}\n\nWithout a command it serves, as "millrace serve" does, and takes the same options.`)
    .version(version)
    .addCommand(serveCommand(context))
    .addCommand(topicCommand(context))
    .addCommand(produceCommand(context))
    .addCommand(consumeCommand(context))
    .addCommand(groupCommand(context))
    .addCommand(transactionsCommand(context))
    .addCommand(backupCommand(context))
    .addCommand(verifyCommand(context))
    .addCommand(dumpCommand(context))
    .addCommand(configCommand(context))
    .helpCommand('help [command...]', 'display help for a command, such as topic create')
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 wrong usage.')
  prepare(program)
  addCompletion(program, context)
  return program
}

/**
 * Makes a command and those below it throw instead of ending the process, so that exit codes are ours, and gives those
 * that talk to a server the options for it that they have in common.
 */
function prepare(command: Command): void {
  addTlsOptions(command)
  command.exitOverride().configureOutput({ outputError: () => {} })
  for (const child of command.commands) prepare(child)
}

function manifest(): { readonly description: string; readonly version: string } {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
}
