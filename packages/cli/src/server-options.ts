import { access, constants, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { type Effective, flagOf, loadSettings, SETTINGS, type Setting, variableOf } from '@millrace/server'
import { type Command, Option } from 'commander'
import type { Context } from './context.ts'
import { UsageError } from './failure.ts'

/** Gives a command a flag for each setting of the server, and `--config`. */
export function withSettings(command: Command): Command {
  command.addOption(new Option('--config <FILE>', 'read settings from FILE instead of millrace.config.json'))
  for (const setting of SETTINGS) {
    const flag = setting.argument === undefined ? flagOf(setting) : `${flagOf(setting)} <${setting.argument}>`
    const option = new Option(flag, `${setting.help}${shownDefault(setting)}`)
    command.addOption(isLimit(setting) ? option.helpGroup('Limits:') : option)
  }
  return command.addHelpText(
    'after',
    `\nEach flag has a variable, such as ${variableOf(SETTINGS[0]!)}, and a key in millrace.config.json.\n` +
      'Flags beat variables, and variables beat the file.',
  )
}

/**
 * The settings of a command that `withSettings` made, as its line, the environment and the file give them.
 * @throws UsageError when one is not known or not allowed
 */
export function settingsOf(command: Command, context: Context): Effective[] {
  const options: Readonly<Record<string, unknown>> = command.opts()
  const attributes = new Map(command.options.map((option) => [option.long, option.attributeName()]))
  const flags = Object.fromEntries(
    SETTINGS.map((setting) => [setting.key, options[attributes.get(flagOf(setting)) ?? '']]),
  )
  const file = options.config === undefined ? undefined : String(options.config)
  try {
    return loadSettings({ flags, file, env: context.env, cwd: context.cwd })
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
}

/**
 * Finds out before anything is opened whether the ready file can be written.
 * @throws UsageError
 */
export async function checkReadyFile(settings: readonly Effective[], { cwd }: Context): Promise<void> {
  const row = settings.find(({ setting }) => setting.key === 'readyFile')
  if (row?.value === undefined) return
  const path = resolve(cwd, String(row.value))
  try {
    await access(dirname(path), constants.W_OK)
    const stats = await stat(path).catch(() => undefined)
    if (stats?.isDirectory()) throw new Error('it is a directory')
  } catch (error) {
    const because = (error as Error).message
    throw new UsageError(`${row.given}=${row.value}: cannot be written: ${because}`, { cause: error })
  }
}

function isLimit(setting: Setting): boolean {
  return setting.key.startsWith('limits.')
}

function shownDefault(setting: Setting): string {
  const value = setting.default
  const nothing = value === undefined || value === false || (Array.isArray(value) && value.length === 0)
  return nothing ? '' : ` (${String(value)})`
}
