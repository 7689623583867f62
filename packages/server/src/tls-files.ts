import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { TlsCredentials } from '@millrace/gateway-http'
import { MillraceError } from '@millrace/record'
import type { Config } from './settings.ts'

/** The files that TLS is set up from, by the settings that name them. */
export type TlsFiles = Pick<Config, 'tlsKeyPassphraseFile' | 'tlsClientCa'> & {
  readonly tlsCert: string
  readonly tlsKey: string
}

/** What the files hold, or for one that cannot be read the error. */
type Contents = { readonly [name in keyof TlsFiles]: string | Error | undefined }

/** One look at the files. */
export interface TlsLook {
  /** Equal for two looks that saw the same. */
  readonly seen: string
  /** @throws MillraceError INVALID_CONFIG that names the setting, its file, and what is wrong with it */
  credentials(): { readonly credentials: TlsCredentials; readonly certificate: X509Certificate }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** The files that `config` names; undefined: no TLS. */
export function tlsFilesOf(config: Config): TlsFiles | undefined {
  const { tlsCert, tlsKey, tlsKeyPassphraseFile, tlsClientCa } = config
  if (tlsCert === undefined || tlsKey === undefined) return undefined
  return { tlsCert, tlsKey, tlsKeyPassphraseFile, tlsClientCa }
}

/** Reads the files. They may be replaced one after the other meanwhile, so that what is read need not fit together. */
export async function lookAtTlsFiles(files: TlsFiles): Promise<TlsLook> {
  const { tlsCert, tlsKey, tlsKeyPassphraseFile, tlsClientCa } = files
  const contents: Contents = {
    tlsCert: await contentOf(tlsCert),
    tlsKey: await contentOf(tlsKey),
    tlsKeyPassphraseFile: await contentOf(tlsKeyPassphraseFile),
    tlsClientCa: await contentOf(tlsClientCa),
  }
  const seen = JSON.stringify(Object.values(contents).map((content) => String(content)))
  return { seen, credentials: () => credentialsOf(files, contents) }
}

async function contentOf(path: string | undefined): Promise<string | Error | undefined> {
  if (path === undefined) return undefined
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    return error as Error
  }
}

function credentialsOf(files: TlsFiles, contents: Contents): ReturnType<TlsLook['credentials']> {
  for (const [name, content] of Object.entries(contents)) {
    if (content instanceof Error) throw wrong(files, name as keyof TlsFiles, `cannot be read: ${content.message}`)
  }
  const cert = String(contents.tlsCert)
  const key = String(contents.tlsKey)
  const passphrase = contents.tlsKeyPassphraseFile?.toString().replace(/\r?\n$/, '')
  const clientCa = contents.tlsClientCa?.toString()
  const certificate = firstCertificate(files, 'tlsCert', cert)
  checkKey(files, certificate, key, passphrase)
  if (clientCa !== undefined) firstCertificate(files, 'tlsClientCa', clientCa)
  const credentials: TlsCredentials = { cert, key, passphrase, clientCa }
  try {
    createSecureContext({ cert, key, passphrase, ca: clientCa })
  } catch (cause) {
    throw wrong(files, 'tlsCert', `cannot be used: ${(cause as Error).message}`, cause)
  }
  return { credentials, certificate }
}

/** The first certificate of a file whose certificates can all be read. */
function firstCertificate(files: TlsFiles, name: 'tlsCert' | 'tlsClientCa', pem: string): X509Certificate {
  try {
    const [first] = (pem.match(CERTIFICATE) ?? []).map((block) => new X509Certificate(block))
    if (first !== undefined) return first
  } catch (cause) {
    throw wrong(files, name, `a certificate in it cannot be read: ${(cause as Error).message}`, cause)
  }
  throw wrong(files, name, 'there is no certificate in it; allowed is PEM, with "-----BEGIN CERTIFICATE-----"')
}

function checkKey(files: TlsFiles, certificate: X509Certificate, key: string, passphrase: string | undefined): void {
  let isOfCertificate: boolean
  try {
    // An empty one where none is given: without any, OpenSSL would ask for it on the terminal.
    isOfCertificate = certificate.checkPrivateKey(createPrivateKey({ key, passphrase: passphrase ?? '' }))
  } catch (cause) {
    const hint = /ENCRYPTED/.test(key) ? '; it is encrypted: is its passphrase in tlsKeyPassphraseFile?' : ''
    throw wrong(files, 'tlsKey', `there is no private key in it that can be read${hint}`, cause)
  }
  if (isOfCertificate) return
  throw wrong(files, 'tlsKey', `it is not the key of the first certificate in tlsCert=${files.tlsCert}`)
}

function wrong(files: TlsFiles, name: keyof TlsFiles, why: string, cause?: unknown): MillraceError {
  return new MillraceError('INVALID_CONFIG', `${name}=${files[name]}: ${why}`, cause === undefined ? {} : { cause })
}
