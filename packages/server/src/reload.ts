import type { Limits } from '@millrace/record'
import { type Config, SETTINGS } from './settings.ts'

/** What changed between two configurations, by `Setting.key`. */
export interface ConfigChange {
  /** Settings that can change while the server runs. */
  readonly live: readonly string[]
  /** Those for which it must be started anew. */
  readonly needRestart: readonly string[]
}

export function changeBetween(before: Config, after: Config): ConfigChange {
  const changed = SETTINGS.filter(
    ({ key }) => JSON.stringify(valueAt(before, key)) !== JSON.stringify(valueAt(after, key)),
  )
  const keysOf = (isLive: boolean): string[] => changed.filter((one) => one.isLive === isLive).map(({ key }) => key)
  return { live: keysOf(true), needRestart: keysOf(false) }
}

/** Gives the limits that can change the values of `next`. Whoever was given `limits` sees them. */
export function changeLimits(limits: Limits, next: Limits): void {
  for (const { key, isLive } of SETTINGS) {
    const name = key.replace(/^limits\./, '') as keyof Limits
    if (isLive && name !== key) Object.assign(limits, { [name]: next[name] })
  }
}

function valueAt(config: Config, key: string): unknown {
  const name = key.replace(/^limits\./, '')
  return name === key ? config[key as keyof Config] : config.limits[name as keyof Limits]
}
