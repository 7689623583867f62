import { UsageError } from './failure.ts'

/** Adds `KEY=VALUE`, as `--config` has it, to the settings so far. @throws UsageError */
export function addSetting(text: string, settings: Readonly<Record<string, string>>): Record<string, string> {
  const at = text.indexOf('=')
  if (at <= 0) throw new UsageError(`--config ${text}: allowed is KEY=VALUE`)
  return { ...settings, [text.slice(0, at)]: text.slice(at + 1) }
}
