import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** An address that stays while servers behind it come and go, and whose connections can be cut. */
export class CuttableLink {
  private readonly server: Server
  private readonly pairs = new Set<readonly [Socket, Socket]>()
  private port = 0

  private constructor() {
    this.server = createServer((client) => this.join(client))
  }

  static async open(): Promise<CuttableLink> {
    const link = new CuttableLink()
    await new Promise<void>((resolve) => link.server.listen(0, '127.0.0.1', resolve))
    return link
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  /** Where connections that come from now on lead. */
  leadTo(url: string): void {
    this.port = Number(new URL(url).port)
  }

  /** Cuts connections, each with this chance; both ends see a reset. */
  cut(chance: () => boolean): number {
    let cut = 0
    for (const pair of this.pairs) {
      if (!chance()) continue
      cut++
      for (const socket of pair) socket.resetAndDestroy()
    }
    return cut
  }

  async close(): Promise<void> {
    this.cut(() => true)
    await new Promise((resolve) => this.server.close(resolve))
  }

  private join(client: Socket): void {
    const server = connect(this.port, '127.0.0.1')
    const pair = [client, server] as const
    this.pairs.add(pair)
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.setNoDelay(true)
      from.on('error', () => {})
      from.on('close', () => {
        this.pairs.delete(pair)
        to.destroy()
      })
      from.pipe(to)
    }
  }
}
