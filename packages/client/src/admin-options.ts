export interface AdminCallOptions {
  readonly signal?: AbortSignal | undefined
  /** Default: the client's `requestTimeoutMs`. */
  readonly timeoutMs?: number | undefined
}
