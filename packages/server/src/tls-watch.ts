import type { X509Certificate } from 'node:crypto'
import type { TlsCredentials } from '@millrace/gateway-http'
import type { Clock, Logger, Timer } from '@millrace/record'
import { lookAtTlsFiles, type TlsFiles, type TlsLook } from './tls-files.ts'

/**
 * Time between two looks at the files. They are read instead of watched, since that sees every way to replace a file:
 * renames, links that are turned around, file systems of other machines.
 */
const LOOK_MS = 5_000

export interface TlsWatchOptions {
  readonly files: TlsFiles
  readonly clock: Clock
  readonly logger: Logger
}

/** The credentials in files that may be replaced while the server runs. */
export class TlsWatch {
  private readonly files: TlsFiles
  private readonly clock: Clock
  private readonly logger: Logger
  private apply: (credentials: TlsCredentials) => void = () => {}
  /** What the last look saw, and that whose outcome was told, in use or not. */
  private lastSeen = ''
  private judged = ''
  private timer: Timer | undefined
  private looking: Promise<void> = Promise.resolve()
  private isClosed = false

  constructor({ files, clock, logger }: TlsWatchOptions) {
    this.files = files
    this.clock = clock
    this.logger = logger
  }

  /** @throws MillraceError INVALID_CONFIG that names the setting, its file, and what is wrong with it */
  async load(): Promise<TlsCredentials> {
    const look = await lookAtTlsFiles(this.files)
    const { credentials, certificate } = look.credentials()
    this.judged = look.seen
    this.tell(certificate, 'TLS certificate loaded')
    return credentials
  }

  /** Hands what is new and whole to `apply` from now on. */
  follow(apply: (credentials: TlsCredentials) => void): void {
    this.apply = apply
    this.lookLater()
  }

  /** Reads the files at once. What is wrong with them is logged, and what was in use stays. */
  reload(): Promise<void> {
    return this.look((look) => this.judge(look))
  }

  close(): void {
    this.isClosed = true
    this.timer?.cancel()
  }

  private lookLater(): void {
    if (this.isClosed) return
    this.timer = this.clock.setTimer(LOOK_MS, () => {
      void this.look((look) => this.judgeWhenSettled(look)).then(() => this.lookLater())
    })
  }

  /** One look after the other. */
  private look(use: (look: TlsLook) => void): Promise<void> {
    this.looking = this.looking.then(async () => {
      const look = await lookAtTlsFiles(this.files)
      if (this.isClosed) return
      use(look)
      this.lastSeen = look.seen
    })
    return this.looking
  }

  /** Files that are wrong may be half replaced: they get until the next look to become right. */
  private judgeWhenSettled(look: TlsLook): void {
    if (look.seen === this.judged) return
    if (look.seen === this.lastSeen || isWhole(look)) this.judge(look)
  }

  private judge(look: TlsLook): void {
    const isNew = look.seen !== this.judged
    this.judged = look.seen
    try {
      const { credentials, certificate } = look.credentials()
      if (!isNew) return
      this.apply(credentials)
      this.tell(certificate, 'TLS certificate reloaded')
    } catch (error) {
      this.logger.error({ err: error }, `the TLS files are not reloaded, what was in use stays: ${messageOf(error)}`)
    }
  }

  private tell(certificate: X509Certificate, what: string): void {
    const { subject, subjectAltName, validFrom, validTo } = certificate
    this.logger.info({ subject, subjectAltName, validFrom, validTo }, what)
    const nowMs = this.clock.nowMs()
    if (nowMs >= Date.parse(validFrom) && nowMs <= Date.parse(validTo)) return
    const { tlsCert } = this.files
    this.logger.warn({ tlsCert, validFrom, validTo }, 'the TLS certificate is not valid today: clients will refuse it')
  }
}

function isWhole(look: TlsLook): boolean {
  try {
    look.credentials()
    return true
  } catch {
    return false
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
