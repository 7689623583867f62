import { CommanderError } from 'commander'
import type { Context } from './context.ts'
import { describeFailure, EXIT, type ExitCode, Interrupted, oneLine, Told, UsageError } from './failure.ts'
import { Output } from './output.ts'
import { commandLine, createProgram } from './program.ts'
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
