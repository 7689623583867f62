import { Command } from 'commander'
import { type ClientOptions, type Context, jsonOption, urlOption, withClient } from '../context.ts'

const HELP = `
Examples:
  millrace backup
  millrace backup before-upgrade

The server makes it, on its own machine: in --backup-dir, or in "backups" in its data directory. Files that never change
are shared with the data by hard links, so that it takes little time and room; everything goes on meanwhile. Copy it to
another disk from there. To restore, copy a backup to where the data was and start the server. "millrace verify" checks one.`

/** `millrace backup [NAME]` */
export function backupCommand(context: Context): Command {
  return new Command('backup')
    .description('make a consistent copy of all that a running server keeps')
    .argument('[name]', 'name of the backup (the time)')
    .addOption(urlOption())
    .addOption(jsonOption())
    .addHelpText('after', HELP)
    .action(async (name: string | undefined, options: ClientOptions) => {
      const backup = await withClient(context, options, (client) => client.admin.createBackup({ name }))
      if (options.json) return context.out.json(backup)
      const { path, partitions, sizeBytes, copiedBytes, pausedMs } = backup
      await context.out.line(path)
      context.note(
        `${partitions} partitions, ${sizeBytes} bytes, of which ${copiedBytes} were copied; commits waited ${pausedMs} ms`,
      )
    })
}
