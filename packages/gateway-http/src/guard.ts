import type { IncomingHttpHeaders } from 'node:http'
import { MillraceError } from '@millrace/record'

export interface RequestGuardOptions {
  /** Origins, as browsers send them, whose pages may call; `*` lets every page. */
  readonly allowedOrigins?: readonly string[] | undefined
  /**
   * Whether a request must name this machine's loopback, or a name from `addOwnHost`, as its host. For a server that
   * listens on loopback without authentication.
   */
  readonly checkHost: boolean
  /** Requests come over TLS. Then a page that came in clear text is another's, since anybody on the way could change it. */
  readonly isSecure?: boolean | undefined
}

/** `name`, `name:port`, `[v6]` or `[v6]:port`, as it stands in Host and :authority. */
const AUTHORITY = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/
const IPV4_LOOPBACK = /^127(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/

/** What a page of an allowed origin may use, and how long a browser may remember it. */
const PREFLIGHT_HEADERS = {
  'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
  'access-control-allow-headers': 'Content-Type, Last-Event-ID, Idempotency-Key',
  'access-control-max-age': '600',
}

/**
 * Keeps web pages of other sites out. A page can make its visitor's browser send requests to loopback; what gives it
 * away is the Host that it used (DNS rebinding) or the Origin that the browser states (cross-site requests).
 */
export class RequestGuard {
  private readonly allowedOrigins: ReadonlySet<string>
  private readonly allowAnyOrigin: boolean
  private readonly checkHost: boolean
  /** How the origin of a page that came from this server begins. Behind a proxy that ends TLS it is https, too. */
  private readonly ownSchemes: readonly string[]
  private readonly ownHosts = new Set<string>(['localhost', '[::1]'])

  constructor({ allowedOrigins = [], checkHost, isSecure = false }: RequestGuardOptions) {
    this.allowedOrigins = new Set(allowedOrigins.map((origin) => origin.toLowerCase().replace(/\/$/, '')))
    this.allowAnyOrigin = this.allowedOrigins.has('*')
    this.checkHost = checkHost
    this.ownSchemes = isSecure ? ['https'] : ['http', 'https']
  }

  /** Adds a name or address under which this server answers, such as the one it was told to listen on. */
  addOwnHost(host: string): void {
    const name = host.toLowerCase()
    this.ownHosts.add(name.includes(':') && !name.startsWith('[') ? `[${name}]` : name)
  }

  /** The reason to refuse a request, HOST_NOT_ALLOWED or ORIGIN_NOT_ALLOWED; undefined when there is none. */
  checkRequest(headers: IncomingHttpHeaders): MillraceError | undefined {
    return this.checkAuthorities(headers) ?? this.checkOrigin(headers)
  }

  /**
   * What the answer to a request that passed `checkRequest` must carry for browsers to show it to the page that asked,
   * and for caches to keep the answers of different origins apart.
   */
  corsHeaders({ origin }: IncomingHttpHeaders): Readonly<Record<string, string>> {
    if (this.allowedOrigins.size === 0) return {}
    if (origin === undefined || !this.allowsOrigin(origin)) return { vary: 'Origin' }
    return {
      vary: 'Origin',
      'access-control-allow-origin': origin,
      'access-control-expose-headers': 'Allow, Idempotent-Replayed, Location, Retry-After',
    }
  }

  /** The answer to a browser that asks before it sends the real request; undefined when `method` is no such question. */
  preflightHeaders(method: string, headers: IncomingHttpHeaders): Readonly<Record<string, string>> | undefined {
    if (method !== 'OPTIONS' || headers.origin === undefined) return undefined
    if (headers['access-control-request-method'] === undefined) return undefined
    return PREFLIGHT_HEADERS
  }

  private checkAuthorities(headers: IncomingHttpHeaders): MillraceError | undefined {
    if (!this.checkHost) return undefined
    const authority = headers[':authority']
    const named = [authority, headers.host].filter((host) => typeof host === 'string')
    if (named.length === 0) return new MillraceError('HOST_NOT_ALLOWED', 'the request names no host')
    const foreign = named.find((host) => !this.isOwnHost(host))
    if (foreign === undefined) return undefined
    return new MillraceError(
      'HOST_NOT_ALLOWED',
      `this server answers to localhost and to its own address, not to ${quoted(foreign)}`,
    )
  }

  private isOwnHost(authority: string): boolean {
    const host = AUTHORITY.exec(authority.toLowerCase())?.[1]
    return host !== undefined && (this.ownHosts.has(host) || IPV4_LOOPBACK.test(host))
  }

  private checkOrigin(headers: IncomingHttpHeaders): MillraceError | undefined {
    const { origin } = headers
    if (origin === undefined || this.allowsOrigin(origin) || this.isSameOrigin(origin, headers)) return undefined
    return new MillraceError(
      'ORIGIN_NOT_ALLOWED',
      `pages of ${quoted(origin)} may not call this server; --cors-origin allows an origin`,
    )
  }

  private allowsOrigin(origin: string): boolean {
    return this.allowAnyOrigin || this.allowedOrigins.has(origin.toLowerCase())
  }

  /** Whether a page of `origin` came from the very host and port that it now calls. */
  private isSameOrigin(origin: string, headers: IncomingHttpHeaders): boolean {
    const host = headers[':authority'] ?? headers.host
    if (typeof host !== 'string') return false
    const authority = host.toLowerCase()
    return this.ownSchemes.some((scheme) => origin.toLowerCase() === `${scheme}://${authority}`)
  }
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)
}
