/** What Node.js puts into the errors of a certificate that is for somebody else. */
interface NameMismatch {
  readonly cert?: { readonly subjectaltname?: string }
}

/**
 * Since TLS 1.3 a client is done with the handshake before the server has judged its certificate, and Node.js does not
 * tell an HTTP/2 session what the server said then.
 */
export const ENDED_AFTER_HANDSHAKE =
  'it ended the connection after the TLS handshake; it may require a client certificate (--client-cert FILE), or another'

/** Whether a server refused HTTP/2 in clear text, with RFC 9113's INADEQUATE_SECURITY. */
export function wantsTls(cause: unknown): boolean {
  return cause instanceof Error && cause.message === 'Session closed with error code 12'
}

/**
 * Why an attempt to connect will fail again however often it is made, and what to do about it; undefined: it may pass.
 * @param cause what the attempt failed with
 */
export function hopelessReason(cause: unknown, { origin, host, hostname }: URL): string | undefined {
  if (!(cause instanceof Error)) return undefined
  const { code = '' } = cause as { code?: string }
  if (code === 'CERT_HAS_EXPIRED') return `the certificate of ${origin}, or its authority's, has expired: renew it`
  if (code === 'CERT_NOT_YET_VALID')
    return `the certificate of ${origin} is not valid yet: look at the clocks on both sides`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = (cause as NameMismatch).cert?.subjectaltname ?? 'nobody'
    return `the certificate of ${origin} is not for ${hostname} but for ${names}: use one of these names, or set tls.servername`
  }
  if (UNTRUSTED.has(code)) {
    return `the certificate of ${origin} is not signed by an authority that is trusted here (${code}): give the authority's certificate as tls.ca (--ca FILE)`
  }
  if (CLEAR_TEXT.has(code)) {
    return `${origin} does not answer with TLS; for a server in clear text it is http://${host}`
  }
  const alert = /ALERT_(.+)$/.exec(code)?.[1]
  if (alert === undefined) return undefined
  if (alert === 'CERTIFICATE_REQUIRED' || alert === 'HANDSHAKE_FAILURE') {
    return `${origin} requires a client certificate (${code}): give one as tls.cert and tls.key (--client-cert FILE, --client-key FILE)`
  }
  return `${origin} refuses the TLS handshake: ${alert.toLowerCase().replaceAll('_', ' ')}`
}

/** OpenSSL's words for certificates that lead to no trusted one. */
const UNTRUSTED: ReadonlySet<string> = new Set([
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'INVALID_CA',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])
/** OpenSSL's words for bytes that are no TLS. */
const CLEAR_TEXT: ReadonlySet<string> = new Set([
  'ERR_SSL_HTTP_REQUEST',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_WRONG_VERSION_NUMBER',
])
