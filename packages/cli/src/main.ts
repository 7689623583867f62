import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { configCommand } from './commands/config.ts'
import { consumeCommand } from './commands/consume.ts'
import { produceCommand } from './commands/produce.ts'
import { serveCommand } from './commands/serve.ts'
import { topicCommand } from './commands/topic.ts'
import { verifyCommand } from './commands/verify.ts'
import type { Context } from './context.ts'
import { describeFailure, EXIT, type ExitCode, Interrupted, UsageError } from './failure.ts'
import { Output } from './output.ts'
import { listenForSignals } from './signals.ts'

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
  const readerGone = watchForClosedPipe()
  const signal = AbortSignal.any([signals.interrupted, readerGone])
  const out = new Output(process.stdout, readerGone)
  const context: Context = {
    stdin: process.stdin,
    out,
    note,
    env: process.env,
    cwd: process.cwd(),
    interrupted: signals.interrupted,
    signal,
    exitCode: EXIT.done,
  }
  try {
    await createProgram(context).parseAsync(args, { from: 'user' })
    return context.exitCode
  } catch (error) {
    return readerGone.aborted ? EXIT.done : report(error, note)
  } finally {
    await out.flush()
    signals.stop()
    // A terminal or pipe that nobody writes to any more would keep the process alive.
    process.stdin.destroy()
  }
}

function createProgram(context: Context): Command {
  const program = new Command('millrace')
    .description('A durable, partitioned commit log and message queue in one Node.js process')
    .version(packageVersion())
    .addCommand(serveCommand(context), { isDefault: true })
    .addCommand(topicCommand(context))
    .addCommand(produceCommand(context))
    .addCommand(consumeCommand(context))
    .addCommand(verifyCommand(context))
    .addCommand(configCommand(context))
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 wrong usage.')
  prepare(program)
  return program
}

/** Makes a command and those below it throw instead of ending the process, so that exit codes are ours. */
function prepare(command: Command): void {
  command.exitOverride().configureOutput({ outputError: () => {} })
  for (const child of command.commands) prepare(child)
}

function report(error: unknown, note: (line: string) => void): ExitCode {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.done
    if (error.code !== 'commander.help') note(`millrace: ${error.message.replace(/^error: /, '')}`)
    return EXIT.usage
  }
  if (error instanceof Interrupted) {
    note('millrace: interrupted')
    return EXIT.failed
  }
  note(`millrace: ${describeFailure(error)}`)
  return error instanceof UsageError ? EXIT.usage : EXIT.failed
}

/** The signal is aborted when whoever read our output went away, as `head` does. */
function watchForClosedPipe(): AbortSignal {
  const controller = new AbortController()
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    controller.abort()
  })
  // Messages that nobody can see are dropped.
  process.stderr.on('error', () => {})
  return controller.signal
}

function packageVersion(): string {
  const manifest: { version: string } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return manifest.version
}
