/** A certificate and its key, in PEM. */
export interface Certified {
  readonly cert: string
  readonly key: string
}

/** What a certificate says; without it one for `localhost` and `127.0.0.1`, of both sides, from now on for a year. */
export interface CertificateOptions {
  readonly names?: readonly string[]
  readonly addresses?: readonly string[]
  readonly from?: Date
  readonly to?: Date
  /** Encrypts the key. */
  readonly passphrase?: string
}

/** Signs certificates. */
export interface Authority extends Certified {
  issue(options?: CertificateOptions): Promise<Certified>
}

/** An authority that only those trust who are given its certificate. */
export async function makeAuthority(name = 'Tests'): Promise<Authority> {
  const { generate } = await import('selfsigned')
  const ca = await generate([{ name: 'commonName', value: `${name} CA` }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
  const authority = { cert: ca.cert, key: ca.private }
  return { ...authority, issue: (options) => issue(authority, name, options) }
}

async function issue(ca: Certified, name: string, options: CertificateOptions = {}): Promise<Certified> {
  const { names = ['localhost'], addresses = ['127.0.0.1'], from, to, passphrase } = options
  const { generate } = await import('selfsigned')
  const made = await generate([{ name: 'commonName', value: names[0] ?? name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ca,
    ...(from && { notBeforeDate: from }),
    ...(to && { notAfterDate: to }),
    ...(passphrase !== undefined && { passphrase }),
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          ...names.map((value) => ({ type: 2 as const, value })),
          ...addresses.map((ip) => ({ type: 7 as const, ip })),
        ],
      },
    ],
  })
  return { cert: made.cert, key: made.private }
}
