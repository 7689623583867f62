import { EventEmitter, once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'

/** What a watched program said: its name first, then what it was told, then `gone` when the process ended. */
export interface Report {
  readonly program: string
  readonly event: string
  readonly detail: unknown
}

/**
 * Lets tests await what happens in processes that are not their children: each connects here and reports, and that its
 * connection closes tells that it is gone, however it ended.
 */
export class WatchPost {
  readonly reports: Report[] = []
  private readonly changes = new EventEmitter()
  private readonly sockets = new Set<Socket>()
  private readonly server: Server

  private constructor(server: Server) {
    this.server = server
    server.on('connection', (socket) => this.follow(socket))
  }

  static async open(): Promise<WatchPost> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new WatchPost(server)
  }

  get port(): number {
    const address = this.server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** The first report of this kind, once it is there. */
  async report(program: string, event: string): Promise<Report> {
    for (;;) {
      const found = this.reports.find((report) => report.program === program && report.event === event)
      if (found !== undefined) return found
      await once(this.changes, 'report')
    }
  }

  /** All that a program reported, in order. */
  eventsOf(program: string): string[] {
    return this.reports.filter((report) => report.program === program).map((report) => report.event)
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy()
    this.server.close()
  }

  private follow(socket: Socket): void {
    let program = ''
    let text = ''
    const add = (event: string, detail: unknown): void => {
      this.reports.push({ program, event, detail })
      this.changes.emit('report')
    }
    this.sockets.add(socket)
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      text += chunk
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        const [name, event, detail] = JSON.parse(text.slice(0, end)) as [string, string, unknown]
        text = text.slice(end + 1)
        program = name
        add(event, detail)
      }
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.sockets.delete(socket)
      add('gone', undefined)
    })
  }
}

/**
 * Source of a program that reports to a watch post at WATCH_PORT: `ready` with its process id and arguments, each
 * signal it gets, and then does what `then` says. Plain JavaScript for any Node.js.
 */
export function watchedProgram(name: string, then: string): string {
  return `
import { connect } from 'node:net'
const socket = connect(Number(process.env.WATCH_PORT), '127.0.0.1')
const report = (event, detail) => new Promise((done) => socket.write(JSON.stringify(['${name}', event, detail]) + '\\n', done))
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, async () => { await report(signal); ${then} })
await report('ready', { pid: process.pid, parent: process.ppid, args: process.argv.slice(2), node: process.versions.node })
`
}
