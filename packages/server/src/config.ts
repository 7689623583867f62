import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { MillraceError } from '@millrace/record'
import { isLoopback, parseAddress } from './address.ts'
import { type Config, flagOf, SETTINGS, type Setting, variableOf } from './settings.ts'

/** The file that is read from the working directory when no other is named. */
export const CONFIG_FILE = 'millrace.config.json'
/** Names the configuration file, as the flag `--config` does. */
export const CONFIG_VARIABLE = 'MILLRACE_CONFIG'

/** Where values come from. Those of an earlier source beat those of a later one. */
export interface Source {
  /** Values by `Setting.key`; undefined and absent are the same. */
  readonly values: Readonly<Record<string, unknown>>
  /** What its user calls a setting there. */
  nameOf(setting: Setting): string
}

/** The value of one setting and who gave it. */
export interface Effective {
  readonly setting: Setting
  readonly value: unknown
  /** The name under which it was given; undefined for a default. */
  readonly given: string | undefined
}

/**
 * Checks what the sources give and fills in the defaults.
 * @returns a row for each setting
 * @throws MillraceError INVALID_CONFIG that names the setting, the value and what is allowed
 */
export function effectiveSettings(sources: readonly Source[]): Effective[] {
  const rows = SETTINGS.map((setting): Effective => {
    const source = sources.find(({ values }) => values[setting.key] !== undefined)
    if (source === undefined) return { setting, value: setting.default, given: undefined }
    const given = source.nameOf(setting)
    const value = setting.parse(source.values[setting.key])
    if (value === undefined) throw notAllowed(given, source.values[setting.key], setting.allowed)
    return { setting, value, given }
  })
  refuseInsecure(rows)
  refuseHalfTls(rows)
  refuseContradiction(rows)
  return rows
}

/** The configuration that `rows` hold, as `startServer` takes it. */
export function toConfig(rows: readonly Effective[]): Config {
  const config: Record<string, unknown> = {}
  const limits: Record<string, unknown> = {}
  for (const { setting, value } of rows) {
    if (setting.key.startsWith('limits.')) limits[setting.key.slice('limits.'.length)] = value
    else config[setting.key] = value
  }
  return { ...config, limits } as unknown as Config
}

/**
 * Gathers the settings of a server process: flags, then `MILLRACE_*` variables, then the configuration file.
 * @param flags values by `Setting.key`
 * @param file the file that `--config` names
 * @throws MillraceError INVALID_CONFIG
 */
export function loadSettings(o: {
  flags: Readonly<Record<string, unknown>>
  file?: string | undefined
  env: Readonly<Record<string, string | undefined>>
  cwd: string
}): Effective[] {
  const flags: Source = { values: o.flags, nameOf: flagOf }
  const variables: Source = { values: variableValues(o.env), nameOf: variableOf }
  const file = readConfigFile(o.cwd, o.file ?? o.env[CONFIG_VARIABLE])
  return effectiveSettings(file === undefined ? [flags, variables] : [flags, variables, file])
}

/** Variables of Millrace that are not settings of the server. */
const OTHER_VARIABLES = new Set([
  CONFIG_VARIABLE,
  'MILLRACE_URL',
  'MILLRACE_CA',
  'MILLRACE_CLIENT_CERT',
  'MILLRACE_CLIENT_KEY',
])
/** What Kubernetes puts into every container for a service that is called millrace. */
const KUBERNETES_VARIABLE = /^MILLRACE_(SERVICE_HOST|SERVICE_PORT|PORT)(_|$)/

function variableValues(env: Readonly<Record<string, string | undefined>>): Record<string, unknown> {
  const byVariable = new Map(SETTINGS.map((setting) => [variableOf(setting), setting.key]))
  const values: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('MILLRACE_') || OTHER_VARIABLES.has(name) || KUBERNETES_VARIABLE.test(name)) continue
    const key = byVariable.get(name)
    if (key === undefined) {
      throw invalid(`the variable ${name}=${value ?? ''} is not known; there are ${[...byVariable.keys()].join(', ')}`)
    }
    values[key] = value
  }
  return values
}

function readConfigFile(cwd: string, named: string | undefined): Source | undefined {
  const path = resolve(cwd, named ?? CONFIG_FILE)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (named === undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw invalid(`the configuration file ${path} cannot be read: ${(error as Error).message}`)
  }
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch (error) {
    throw invalid(`the configuration file ${path} is not JSON: ${(error as Error).message}`)
  }
  if (!isObject(content)) throw invalid(`the configuration file ${path} has to hold a JSON object`)
  return { values: flatten(content, path), nameOf: ({ key }) => `${path}: ${key}` }
}

/**
 * Turns `{limits: {topics: 5}}` into `{'limits.topics': 5}`.
 * @param where what the user calls the object, for messages
 * @throws MillraceError INVALID_CONFIG for a key that is no setting
 */
export function flatten(content: Readonly<Record<string, unknown>>, where: string): Record<string, unknown> {
  const { limits = {}, ...rest } = content
  if (!isObject(limits)) throw notAllowed(`${where}: limits`, limits, 'an object of limits')
  const limitValues = Object.entries(limits).map(([name, value]) => [`limits.${name}`, value])
  const values: Record<string, unknown> = { ...rest, ...Object.fromEntries(limitValues) }
  const keys = SETTINGS.map(({ key }) => key)
  for (const [key, value] of Object.entries(values)) {
    if (!keys.includes(key)) {
      throw invalid(`${key}=${JSON.stringify(value)} in ${where} is not a setting; there are ${keys.join(', ')}`)
    }
  }
  return values
}

function refuseInsecure(rows: readonly Effective[]): void {
  const effective = (key: string): unknown => rows.find(({ setting }) => setting.key === key)?.value
  const http = String(effective('http'))
  if (effective('allowInsecure') === true || isLoopback(parseAddress(http)?.host ?? '')) return
  const whom = effective('tlsCert') === undefined ? 'nobody has to log in' : 'nobody has to log in, TLS or not'
  throw invalid(
    `http=${http}: other machines could reach this address, and ${whom}; ` +
      'allowed is a loopback address such as 127.0.0.1:7070, or this one with --allow-insecure',
  )
}

/** Without both of them there would be a port in clear text that somebody takes for a secure one. */
function refuseHalfTls(rows: readonly Effective[]): void {
  const row = (key: string): Effective | undefined => rows.find(({ setting }) => setting.key === key)
  const given = TLS_SETTINGS.map(row).find((candidate) => candidate?.value !== undefined)
  if (given === undefined) return
  const missing = ['tlsCert', 'tlsKey'].map(row).find((candidate) => candidate?.value === undefined)
  if (missing === undefined) return
  throw invalid(`${given.given}=${given.value}: TLS needs a certificate and its key; missing is ${missing.setting.key}`)
}

const TLS_SETTINGS = ['tlsCert', 'tlsKey', 'tlsKeyPassphraseFile', 'tlsClientCa']

function refuseContradiction(rows: readonly Effective[]): void {
  const row = (key: string): Effective | undefined => rows.find(({ setting }) => setting.key === key)
  const refuseLonger = (one: string, other: string, what: string): void => {
    const [shorter, longer] = [row(`limits.${one}`), row(`limits.${other}`)]
    if (Number(shorter?.value) <= Number(longer?.value)) return
    throw invalid(
      `${shorter?.given ?? shorter?.setting.key}=${shorter?.value}: allowed is at most ${what}, ` +
        `${longer?.given ?? longer?.setting.key}=${longer?.value}`,
    )
  }
  refuseLonger('headersTimeoutMs', 'requestTimeoutMs', 'the time for the whole request')
  // A repeat is known by the producer that the first request was written with.
  refuseLonger('idempotencyWindowMs', 'producerIdExpirationMs', 'the time for which its producer is remembered')
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function notAllowed(name: string, value: unknown, allowed: string): MillraceError {
  const shown = typeof value === 'string' ? value : JSON.stringify(value)
  return invalid(`${name}=${shown}: allowed is ${allowed}`)
}

function invalid(message: string): MillraceError {
  return new MillraceError('INVALID_CONFIG', message)
}
