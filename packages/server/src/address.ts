/** Where a socket listens. */
export interface Address {
  /** A host name or an IP address, an IPv6 one without brackets. */
  readonly host: string
  /** 0 asks for a free port. */
  readonly port: number
}

/** Reads `HOST:PORT` or `[IPV6]:PORT`; undefined when it is neither. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/@]+)):(\d{1,5})$/.exec(text)
  if (match === null) return undefined
  const host = match[1] ?? match[2]
  const port = Number(match[3])
  return host === undefined || port > 65_535 ? undefined : { host, port }
}

/** `HOST:PORT`, with brackets around an IPv6 address. */
export function formatAddress({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Whether only this machine reaches what listens at `host`. Names other than `localhost` are not looked up. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase()
  if (name === 'localhost' || name === '::1') return true
  const mapped = name.startsWith('::ffff:') ? name.slice('::ffff:'.length) : name
  return /^127(?:\.\d{1,3}){3}$/.test(mapped)
}

/** The host that a client on this machine uses for what listens at `host`: a wildcard address becomes loopback. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}
