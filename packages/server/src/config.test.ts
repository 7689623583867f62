import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEFAULT_LIMITS } from '@millrace/record'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadSettings, toConfig } from './config.ts'
import { flagOf, SETTINGS, variableOf } from './settings.ts'

let cwd = ''
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'millrace-config-'))
})
afterEach(() => rm(cwd, { recursive: true }))

type Given = { flags?: Record<string, unknown>; env?: Record<string, string>; file?: string }
const load = ({ flags = {}, env = {}, file }: Given) => toConfig(loadSettings({ flags, env, file, cwd }))
const writeConfig = (content: unknown, name = 'millrace.config.json') =>
  writeFile(join(cwd, name), typeof content === 'string' ? content : JSON.stringify(content))

/** A value that each setting allows, as a flag or variable gives it, and one that none of its kind allows. */
const SAMPLES: Record<string, { good: string; means: unknown; bad: string }> = {
  data: { good: 'memory', means: 'memory', bad: '' },
  http: { good: '127.0.0.1:0', means: '127.0.0.1:0', bad: '127.0.0.1' },
  allowInsecure: { good: 'true', means: true, bad: 'yes' },
  corsOrigin: { good: 'https://a.example', means: ['https://a.example'], bad: 'a.example' },
  logLevel: { good: 'debug', means: 'debug', bad: 'loud' },
  backupDir: { good: 'copies', means: 'copies', bad: '' },
  logFile: { good: 'a.log', means: 'a.log', bad: '' },
  readyFile: { good: 'ready.json', means: 'ready.json', bad: '' },
  'limits.noiseBytesPerConnection': { good: '2000000', means: 2_000_000, bad: '1.5' },
  'limits.producerIdExpirationMs': { good: '700000', means: 700_000, bad: '1.5' },
  'limits.headerBytes': { good: '8000', means: 8_000, bad: '1.5' },
  'limits.streamWindowBytes': { good: '70000', means: 70_000, bad: '1.5' },
  'limits.connectionWindowBytes': { good: '70000', means: 70_000, bad: '1.5' },
  tlsCert: { good: 'cert.pem', means: 'cert.pem', bad: '' },
  tlsKey: { good: 'key.pem', means: 'key.pem', bad: '' },
  tlsKeyPassphraseFile: { good: 'passphrase', means: 'passphrase', bad: '' },
  tlsClientCa: { good: 'ca.pem', means: 'ca.pem', bad: '' },
}
/** What a setting is not allowed without. */
const companionsOf = (key: string) => {
  const { [key]: _, ...others }: Record<string, unknown> = { tlsCert: 'cert.pem', tlsKey: 'key.pem' }
  return key.startsWith('tls') ? others : {}
}
// Within the defaults, so that no other limit contradicts it.
const sampleOf = (key: string) =>
  SAMPLES[key] ??
  (key === 'limits.requestTimeoutMs'
    ? { good: '20000', means: 20_000, bad: '-1' }
    : { good: '2000', means: 2000, bad: '1.5' })

function settingIn(config: object, key: string): unknown {
  return key.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], config)
}

describe('the settings', () => {
  it('derive flag and variable from the key', () => {
    const names = Object.fromEntries(SETTINGS.map((setting) => [setting.key, [flagOf(setting), variableOf(setting)]]))
    expect(names.allowInsecure).toEqual(['--allow-insecure', 'MILLRACE_ALLOW_INSECURE'])
    expect(names['limits.requestBytes']).toEqual(['--limit-request-bytes', 'MILLRACE_LIMIT_REQUEST_BYTES'])
  })

  it('have every limit, with the default that the limits have', () => {
    expect(load({}).limits).toEqual(DEFAULT_LIMITS)
  })

  it('have defaults that they allow themselves', () => {
    for (const { default: value, parse } of SETTINGS) if (value !== undefined) expect(parse(value)).toEqual(value)
  })

  it.each(SETTINGS.map((setting) => [setting.key, setting] as const))(
    '%s is read from each source, flags first',
    async (key, setting) => {
      const { good, means } = sampleOf(key)
      const flags = companionsOf(key)
      expect(settingIn(load({ flags, env: { [variableOf(setting)]: good } }), key)).toEqual(means)
      await writeConfig(key.startsWith('limits.') ? { limits: { [key.slice(7)]: means } } : { [key]: means })
      expect(settingIn(load({ flags }), key)).toEqual(means)

      // A better source hides a bad value in a worse one; only what takes effect is judged.
      await writeConfig(key.startsWith('limits.') ? { limits: { [key.slice(7)]: -1 } } : { [key]: -1 })
      expect(settingIn(load({ flags, env: { [variableOf(setting)]: good } }), key)).toEqual(means)
      const env = { [variableOf(setting)]: 'bad' }
      expect(settingIn(load({ env, flags: { ...flags, [key]: good } }), key)).toEqual(means)
    },
  )

  it.each(SETTINGS.map((setting) => [setting.key, setting] as const))(
    '%s: a bad value is named, wherever it stands',
    async (key, setting) => {
      const { bad } = sampleOf(key)
      const message = (name: string, value: string) => ({
        code: 'INVALID_CONFIG',
        message: `${name}=${value}: allowed is ${setting.allowed}`,
      })
      expect(() => load({ flags: { [key]: bad } })).toThrow(expect.objectContaining(message(flagOf(setting), bad)))
      expect(() => load({ env: { [variableOf(setting)]: bad } })).toThrow(
        expect.objectContaining(message(variableOf(setting), bad)),
      )
      await writeConfig(key.startsWith('limits.') ? { limits: { [key.slice(7)]: null } } : { [key]: null })
      expect(() => load({})).toThrow(
        expect.objectContaining(message(`${join(cwd, 'millrace.config.json')}: ${key}`, 'null')),
      )
    },
  )
})

it('limits that contradict each other stop the start', () => {
  const message = /^--limit-headers-timeout-ms=9000: allowed is at most .* MILLRACE_LIMIT_REQUEST_TIMEOUT_MS=8000$/
  const flags = { 'limits.headersTimeoutMs': '9000' }
  const env = { MILLRACE_LIMIT_REQUEST_TIMEOUT_MS: '8000' }
  expect(() => load({ flags, env })).toThrow(message)
})

describe('TLS', () => {
  it.each([
    [{ tlsCert: 'c' }, '--tls-cert=c: TLS needs a certificate and its key; missing is tlsKey'],
    [{ tlsKey: 'k' }, '--tls-key=k: TLS needs a certificate and its key; missing is tlsCert'],
    [{ tlsClientCa: 'a' }, '--tls-client-ca=a: TLS needs a certificate and its key; missing is tlsCert'],
  ])('with a part of it missing is refused: %j', (flags, message) => {
    expect(() => load({ flags })).toThrow(message)
  })

  it('makes no address safe on which nobody has to log in', () => {
    const flags = { tlsCert: 'c', tlsKey: 'k', http: '0.0.0.0:7070' }
    expect(() => load({ flags })).toThrow(/nobody has to log in, TLS or not; .*--allow-insecure$/)
    expect(load({ flags: { ...flags, allowInsecure: true } })).toMatchObject(flags)
  })
})

describe('names that are not settings', () => {
  it('stop the start when they stand in the file, with what there is', async () => {
    await writeConfig({ kafka: 'off' })
    expect(() => load({})).toThrow(/^kafka="off" in .*millrace\.config\.json is not a setting; there are data, http, /)
    await writeConfig({ limits: { topic: 5 } })
    expect(() => load({})).toThrow(/^limits\.topic=5 in .* is not a setting/)
  })

  it('stop the start when they are variables', () => {
    expect(() => load({ env: { MILLRACE_DATE: 'x' } })).toThrow(
      /^the variable MILLRACE_DATE=x is not known; .*MILLRACE_DATA/,
    )
  })

  it('are let through when they are for the client or come from Kubernetes', () => {
    const client = { MILLRACE_URL: 'http://x', MILLRACE_CA: 'ca', MILLRACE_CLIENT_CERT: 'c', MILLRACE_CLIENT_KEY: 'k' }
    const env = { ...client, MILLRACE_SERVICE_HOST: '10.0.0.1', MILLRACE_PORT_7070_TCP_ADDR: '10.0.0.1' }
    expect(load({ env }).data).toBe('data')
  })
})

describe('the configuration file', () => {
  it('may be named, by the flag before the variable', async () => {
    await writeConfig({ data: 'one' }, 'one.json')
    await writeConfig({ data: 'two' }, 'two.json')
    expect(load({ env: { MILLRACE_CONFIG: 'one.json' } }).data).toBe('one')
    expect(load({ env: { MILLRACE_CONFIG: 'one.json' }, file: 'two.json' }).data).toBe('two')
  })

  it('has to be there when it is named', () => {
    expect(() => load({ file: 'gone.json' })).toThrow(/configuration file .*gone\.json cannot be read: ENOENT/)
  })

  it.each([
    ['{"data":', /is not JSON/],
    ['["data"]', /has to hold a JSON object/],
    ['{"limits":[1]}', /: limits=\[1\]: allowed is an object of limits$/],
  ])('has to be a JSON object: %s', async (content, message) => {
    await writeConfig(content)
    expect(() => load({})).toThrow(message)
  })
})

describe('an address that other machines reach', () => {
  it.each(['0.0.0.0:7070', '[::]:7070', '192.168.1.4:7070', 'example.com:80', '128.0.0.1:1'])(
    '%s is refused without allow-insecure',
    (http) => {
      expect(() => load({ flags: { http } })).toThrow(/http=.*--allow-insecure/)
      expect(load({ flags: { http, allowInsecure: true } }).http).toBe(http)
    },
  )

  it.each(['127.0.0.1:7070', '127.8.8.8:1', 'localhost:0', '[::1]:7070', '[::ffff:127.0.0.1]:7070'])(
    '%s is not one',
    (http) => {
      expect(load({ flags: { http } }).http).toBe(http)
    },
  )

  it.each(['127.0.0.1:65536', ':7070', '127.0.0.1:', '::1:7070', 'http://127.0.0.1:7070', '127.0.0.1:-1', '[::1]'])(
    '%s is no address',
    (http) => {
      expect(() => load({ flags: { http } })).toThrow(`--http=${http}: allowed is HOST:PORT`)
    },
  )
})
