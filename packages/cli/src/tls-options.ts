import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { MillraceOptions } from '@millrace/client'
import { type Command, Option } from 'commander'
import { UsageError } from './failure.ts'

/** Where variables and files are looked for. */
interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
}

/** The options about TLS of every command that talks to a server. */
export interface TlsOptions {
  readonly ca?: string
  readonly clientCert?: string
  readonly clientKey?: string
}

/** Each option with its variable and its help. */
const OPTIONS: Readonly<Record<keyof TlsOptions, { flag: string; variable: string; help: string }>> = {
  ca: {
    flag: '--ca',
    variable: 'MILLRACE_CA',
    help: "certificates (PEM) of the authorities to trust for the server, instead of the system's",
  },
  clientCert: {
    flag: '--client-cert',
    variable: 'MILLRACE_CLIENT_CERT',
    help: 'certificate (PEM) to show to a server that asks for one',
  },
  clientKey: {
    flag: '--client-key',
    variable: 'MILLRACE_CLIENT_KEY',
    help: 'key (PEM) of that certificate, when it is not in the same file',
  },
}

/** Gives the options about TLS to `command` when it has `--url`. */
export function addTlsOptions(command: Command): void {
  if (!command.options.some((option) => option.long === '--url')) return
  for (const { flag, variable, help } of Object.values(OPTIONS)) {
    command.addOption(new Option(`${flag} <FILE>`, `${help} (${variable})`).helpGroup('TLS:'))
  }
}

/**
 * What the client is told about TLS, from the options and their variables.
 * @throws UsageError that names the option or variable, its file, and what is wrong with it
 */
export async function clientTls(surroundings: Surroundings, options: TlsOptions): Promise<MillraceOptions['tls']> {
  const ca = await read(surroundings, options, 'ca')
  const cert = await read(surroundings, options, 'clientCert')
  const key = await read(surroundings, options, 'clientKey')
  if (ca !== undefined) certificateIn(ca)
  if (key !== undefined && cert === undefined) {
    throw new UsageError(`${key.given}: a key needs its certificate; add ${OPTIONS.clientCert.flag}`)
  }
  if (cert !== undefined) checkPair(cert, key)
  if (ca === undefined && cert === undefined) return undefined
  return {
    ...(ca && { ca: ca.pem }),
    ...(cert && { cert: cert.pem, key: (key ?? cert).pem }),
  }
}

interface PemFile {
  /** The option or variable, and the file. */
  readonly given: string
  readonly pem: string
}

async function read(
  { env, cwd }: Surroundings,
  options: TlsOptions,
  name: keyof TlsOptions,
): Promise<PemFile | undefined> {
  const { flag, variable } = OPTIONS[name]
  const path = options[name] ?? env[variable]
  if (path === undefined || path === '') return undefined
  const given = options[name] === undefined ? `${variable}=${path}` : `${flag} ${path}`
  try {
    return { given, pem: await readFile(resolve(cwd, path), 'utf8') }
  } catch (error) {
    throw new UsageError(`${given}: cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

/** OpenSSL passes over a file of authorities without any. */
function certificateIn({ given, pem }: PemFile): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw new UsageError(`${given}: there is no certificate in it; allowed is PEM`, { cause })
  }
}

/** OpenSSL names neither the file nor the option. @param key undefined when it is in the file of the certificate */
function checkPair(cert: PemFile, key: PemFile | undefined): void {
  const certificate = certificateIn(cert)
  const file = key ?? cert
  let privateKey: KeyObject
  try {
    privateKey = createPrivateKey(file.pem)
  } catch (cause) {
    const advice = key === undefined ? `; add ${OPTIONS.clientKey.flag}` : '; allowed is PEM, not encrypted'
    throw new UsageError(`${file.given}: there is no key in it that can be read${advice}`, { cause })
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new UsageError(`${file.given}: its key is not that of the certificate in ${cert.given}`)
  }
}
