import { toConfig } from '@millrace/server'
import { Command } from 'commander'
import { type Context, jsonOption } from '../context.ts'
import { settingsOf, withSettings } from '../server-options.ts'
import { formatTable } from '../table.ts'

const HELP = `
Examples:
  millrace config
  millrace config --json --config millrace.config.json`

/** `millrace config`: what `serve` would run with, given the same flags, variables and file. */
export function configCommand(context: Context): Command {
  const command = withSettings(new Command('config'))
    .description('show the settings that serve would use, and where each comes from')
    .addOption(jsonOption())
    .addHelpText('after', HELP)
    .action(async (options: { json?: true }) => {
      const settings = settingsOf(command, context)
      if (options.json) return context.out.json(toConfig(settings))
      const rows = settings.map(({ setting, value, given }) => [setting.key, shown(value), given ?? 'default'])
      for (const line of formatTable(['SETTING', 'VALUE', 'FROM'], rows)) await context.out.line(line)
    })
  return command
}

function shown(value: unknown): string {
  if (value === undefined) return '-'
  return Array.isArray(value) ? value.join(',') || '-' : String(value)
}
