import { resolve } from 'node:path'
import { type DumpEntry, dumpSegmentFile } from '@millrace/server'
import { Command, Option } from 'commander'
import { type Context, jsonOption } from '../context.ts'
import { dumpLine } from '../dump-line.ts'
import { Interrupted, Told } from '../failure.ts'
import { bytes } from '../record-format.ts'
import { count } from '../table.ts'

const HELP = `
Examples:
  millrace dump data/orders-0/00000000000000000000.log
  millrace dump data/orders-0/00000000000000000000.log --records --json
  millrace dump data/orders-0/00000000000000000000.timeindex

It shows the batches of a .log file, or the entries of an .index, .timeindex or .txnindex, and only reads: the file may be
that of a running server, whose last batches may still be in its journal. Damage is shown at its byte, and what follows
after it.

Exit codes: 0 when all is well, 1 when something is damaged.`

/** `millrace dump FILE` */
export function dumpCommand(context: Context): Command {
  return new Command('dump')
    .description('show what a segment file or one of its indexes holds, and change nothing')
    .argument('<file>', 'a .log, .index, .timeindex or .txnindex file')
    .addOption(new Option('--records', 'show the records of each batch too'))
    .addOption(jsonOption())
    .addHelpText('after', HELP)
    .action((file: string, options: { records?: true; json?: true }) => dump(context, file, options))
}

async function dump(context: Context, file: string, options: { records?: true; json?: true }): Promise<void> {
  const { out, signal } = context
  try {
    const { entries, damages } = await dumpSegmentFile(resolve(context.cwd, file), {
      withRecords: options.records === true,
      signal,
      onEntry: (entry) => (options.json ? out.json(jsonOf(entry)) : out.line(dumpLine(entry))),
    })
    if (damages > 0) context.note(`millrace: ${file}: ${count(damages, 'place')} damaged`)
    else if (entries === 0) context.note(`${file} is empty`)
    if (damages > 0) throw new Told()
  } catch (error) {
    if (context.interrupted.aborted) throw new Interrupted()
    // Nobody reads what is printed any more.
    if (!signal.aborted) throw error
  }
}

function jsonOf(entry: DumpEntry): object {
  if (entry.kind !== 'record') return entry
  const { key, value, headers, ...others } = entry
  const shownHeaders = headers.map((header) => ({ key: header.key, ...bytes('value', header.value) }))
  return { ...others, ...bytes('key', key), ...bytes('value', value), headers: shownHeaders }
}
