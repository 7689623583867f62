import { resolve } from 'node:path'
import { type Finding, type VerifySummary, verifyDirectory } from '@millrace/server'
import { Command } from 'commander'
import { type Context, jsonOption } from '../context.ts'
import { Interrupted, Told } from '../failure.ts'
import { openProgress, type Progress } from '../progress.ts'
import { count } from '../table.ts'

/** `millrace verify DIR` */
export function verifyCommand(context: Context): Command {
  return new Command('verify')
    .description('check every file of a data directory that no server uses, and change nothing')
    .argument('<dir>', 'the data directory')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExample:\n  millrace verify data\n\nExit codes: 0 when all is well (notes may be printed), 1 when something is wrong.',
    )
    .action((directory: string, options: { json?: true }) => verify(context, directory, options.json === true))
}

async function verify(context: Context, directory: string, json: boolean): Promise<void> {
  const { out, signal } = context
  let progress: Progress | undefined
  try {
    const summary = await verifyDirectory(resolve(context.cwd, directory), {
      signal,
      onFinding: (finding) => {
        progress?.clear()
        return json ? out.json({ finding }) : out.line(lineOf(finding))
      },
      onProgress: ({ doneBytes, totalBytes, directory: where }) => {
        progress ??= openProgress(totalBytes, context.note)
        progress.update(doneBytes, where)
      },
    })
    progress?.stop()
    if (json) await out.json({ summary })
    else await out.line(lastLineOf(summary))
    if (summary.errors > 0) throw new Told()
  } catch (error) {
    if (context.interrupted.aborted) throw new Interrupted()
    throw error
  } finally {
    progress?.stop()
  }
}

function lineOf({ kind, severity, file, position, message }: Finding): string {
  const place = position === undefined ? file : `${file} at byte ${position}`
  return `${severity} ${kind} ${place}: ${message.replaceAll(/\s*\n\s*/g, ' ')}`
}

function lastLineOf({ topics, partitions, batches, bytes, errors, notes }: VerifySummary): string {
  const checked = `${count(topics, 'topic')}, ${count(partitions, 'partition')}, batches: ${batches}, bytes: ${bytes}`
  const verdict = errors === 0 ? 'all is well' : count(errors, 'error')
  return `${verdict}${notes === 0 ? '' : `, ${count(notes, 'note')}`}: checked ${checked}`
}
