import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { backupCommand } from './commands/backup.ts'
import { configCommand } from './commands/config.ts'
import { consumeCommand } from './commands/consume.ts'
import { groupCommand } from './commands/group.ts'
import { produceCommand } from './commands/produce.ts'
import { serveCommand } from './commands/serve.ts'
import { topicCommand } from './commands/topic.ts'
import { transactionsCommand } from './commands/transactions.ts'
import { verifyCommand } from './commands/verify.ts'
import type { Context } from './context.ts'
import { describeFailure, EXIT, type ExitCode, Interrupted, oneLine, Told, UsageError } from './failure.ts'
import { Output } from './output.ts'
import { listenForSignals } from './signals.ts'
import { addTlsOptions } from './tls-options.ts'

/**
 * Runs one command line of `millrace` on this process's streams.
 * @param args what follows the command's name
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage
 */
export async function main(args: readonly string[]): Promise<ExitCode> {
  const note = (line: string): void => {
    process.stderr.write(`${line}\n`)
  }
  const signals = listenForSignals(() => {
    note('millrace: asked again: ending at once')
    process.exit(EXIT.failed)
  })
  const out = new Output(process.stdout)
  // Messages that nobody can see are dropped.
  process.stderr.on('error', () => {})
  const context: Context = {
    stdin: process.stdin,
    out,
    note,
    env: process.env,
    cwd: process.cwd(),
    interrupted: signals.interrupted,
    onHangUp: signals.onHangUp,
    signal: AbortSignal.any([signals.interrupted, out.ended]),
  }
  try {
    const failure = await outcomeOf(runProgram(context, args))
    // What was printed before a failure is printed all the same.
    const unwritten = await outcomeOf(out.flush())
    const code = report(failure, note)
    return code === EXIT.done ? report(unwritten, note) : code
  } finally {
    signals.stop()
    // A terminal or pipe that nobody writes to any more would keep the process alive.
    process.stdin.destroy()
  }
}

/** What `work` fails with; undefined: nothing. */
async function outcomeOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
    return undefined
  } catch (error) {
    return error
  }
}

async function runProgram(context: Context, args: readonly string[]): Promise<void> {
  const program = createProgram(context)
  await program.parseAsync(commandLine(program, args), { from: 'user' })
}

/**
 * `args` with the command that they leave out, and `help COMMAND` as `COMMAND --help`. Of a word that is no command
 * nothing but the word is left, so that it is refused as such whatever follows.
 */
function commandLine(program: Command, args: readonly string[]): readonly string[] {
  const line = args[0] === 'help' ? [...args.slice(1), '--help'] : args
  const first = line[0]
  if (first === undefined) return ['serve']
  if (first.startsWith('-')) return OWN_FLAGS.includes(first) ? line : ['serve', ...line]
  return program.commands.some((command) => command.name() === first) ? line : [first]
}

/** Flags of `millrace` itself; all others are those of `serve`. */
const OWN_FLAGS: readonly string[] = ['-h', '--help', '-V', '--version']

function createProgram(context: Context): Command {
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
    .addCommand(configCommand(context))
    .helpCommand('help [command...]', 'display help for a command, such as topic create')
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 wrong usage.')
  prepare(program)
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

function report(error: unknown, note: (line: string) => void): ExitCode {
  if (error === undefined) return EXIT.done
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.done
    if (error.code !== 'commander.help') note(`millrace: ${usageMessage(error)}`)
    return EXIT.usage
  }
  if (error instanceof Interrupted) note('millrace: interrupted')
  else if (!(error instanceof Told)) note(`millrace: ${describeFailure(error)}`)
  return error instanceof UsageError ? EXIT.usage : EXIT.failed
}

function usageMessage({ code, message }: CommanderError): string {
  const line = oneLine(message.replace(/^error: /, ''))
  const needsHint = code === 'commander.unknownCommand' && !line.includes('Did you mean')
  return needsHint ? `${line}; see millrace --help` : line
}

function manifest(): { readonly description: string; readonly version: string } {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
}
