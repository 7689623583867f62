import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** Where the server is. */
export interface Target {
  readonly host: string
  readonly port: number
  readonly url: string
}

export function targetOf(url: string): Target {
  const { hostname, port } = new URL(url)
  return { host: hostname, port: Number(port), url }
}

/** A connection that says whatever it is told to, and does not mind what becomes of it. */
export class HostileSocket {
  readonly socket: Socket
  receivedBytes = 0
  isClosed = false

  /** @param alpn what to ask for in a handshake; undefined: clear text */
  constructor({ host, port }: Target, alpn?: string) {
    const plain = connect({ host, port, allowHalfOpen: true, noDelay: true })
    plain.on('error', () => {})
    this.socket =
      alpn === undefined ? plain : connectTls({ socket: plain, rejectUnauthorized: false, ALPNProtocols: [alpn] })
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      this.isClosed = true
    })
    this.socket.on('data', (chunk: Buffer) => {
      this.receivedBytes += chunk.length
    })
  }

  /** Resolves when the kernel has room for more, or the connection is gone. */
  async write(bytes: Buffer | string): Promise<void> {
    if (this.isClosed) return
    await new Promise<void>((resolve) => {
      const gone = (): void => resolve()
      this.socket.once('close', gone)
      this.socket.write(bytes, () => {
        this.socket.off('close', gone)
        resolve()
      })
    })
    // A kernel that takes everything at once would otherwise leave this process no time for anything else.
    await new Promise((resolve) => setImmediate(resolve))
  }

  /** Leaves what comes in the kernel. */
  stopReading(): void {
    this.socket.pause()
  }

  destroy(): void {
    this.socket.destroy()
  }

  /** Waits until the server has ended it, or `signal` is aborted. */
  async closed(signal: AbortSignal): Promise<void> {
    if (this.isClosed || signal.aborted) return
    await new Promise<void>((resolve) => {
      this.socket.once('close', () => resolve())
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }
}
