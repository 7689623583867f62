import { createServer, request as httpRequest, type Server } from 'node:http'
import { type ClientHttp2Session, connect, createServer as createHttp2Server, type Http2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { DEFAULT_LIMITS, type Logger, silentLogger } from '@millrace/record'
import { Answers } from '../src/answers.ts'
import { RequestGuard } from '../src/guard.ts'
import { InFlight } from '../src/in-flight.ts'
import { RequestStats } from '../src/request-stats.ts'
import { createRestApp, type RestApp, type RestAppOptions } from '../src/rest/app.ts'
import { Unsent } from '../src/unsent.ts'

export type Protocol = 'HTTP/1.1' | 'HTTP/2'
export const PROTOCOLS: readonly Protocol[] = ['HTTP/1.1', 'HTTP/2']

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** The body parsed, or undefined when it is empty. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly json: any
}

export interface Ask {
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as it is; anything but a string or a Buffer as JSON with its content type. */
  readonly body?: unknown
}

/** A REST app behind a real server, and a client that speaks the server's protocol. */
export interface RestServer {
  readonly port: number
  readonly server: Server | Http2Server
  ask(method: string, path: string, ask?: Ask): Promise<Answer>
  close(): Promise<void>
}

/** REST before a broker; what is not given is what tests need mostly. */
export function restApp(given: Pick<RestAppOptions, 'broker' | 'clock'> & Partial<RestAppOptions>): Promise<RestApp> {
  const { limits = DEFAULT_LIMITS } = given
  const unsent = given.unsent ?? new Unsent(limits.unsentBytes)
  return createRestApp({
    limits,
    unsent,
    logger: silentLogger,
    guard: new RequestGuard({ checkHost: true }),
    inFlight: new InFlight(limits),
    answers: new Answers(limits, unsent),
    requests: new RequestStats(),
    ...given,
  })
}

export async function serveRest(app: RestApp, protocol: Protocol): Promise<RestServer> {
  const server = protocol === 'HTTP/2' ? createHttp2Server(app.handle) : createServer(app.handle)
  const sessions = new Set<ClientHttp2Session>()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    server,
    async ask(method, path, ask = {}) {
      const { headers, body } = encode(ask)
      if (protocol === 'HTTP/1.1') return askHttp1(port, method, path, headers, body)
      const session = connect(`http://127.0.0.1:${port}`)
      sessions.add(session)
      try {
        return await askHttp2(session, method, path, headers, body)
      } finally {
        session.destroy()
        sessions.delete(session)
      }
    },
    async close() {
      for (const session of sessions) session.destroy()
      if ('closeAllConnections' in server) server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await app.close()
    },
  }
}

function encode({ headers = {}, body }: Ask): { headers: Record<string, string>; body: string | Buffer | undefined } {
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) return { headers: { ...headers }, body }
  return { headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }
}

function answerOf(status: number, headers: Answer['headers'], chunks: Buffer[]): Answer {
  const text = Buffer.concat(chunks).toString()
  const isJson = /^application\/(problem\+)?json/.test(String(headers['content-type']))
  return { status, headers, text, json: isJson && text !== '' ? JSON.parse(text) : undefined }
}

function askHttp1(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string>,
  body: string | Buffer | undefined,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const request = httpRequest(
      { host: '127.0.0.1', port, method, path, headers: { ...length, ...headers }, agent: false },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => resolve(answerOf(response.statusCode ?? 0, response.headers, chunks)))
        response.on('error', reject)
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

export function askHttp2(
  session: ClientHttp2Session,
  method: string,
  path: string,
  headers: Record<string, string>,
  body: string | Buffer | undefined,
): Promise<Answer> {
  const { host, ...others } = headers
  const authority = host === undefined ? {} : { ':authority': host }
  return new Promise((resolve, reject) => {
    session.on('error', reject)
    const head = { ':method': method, ':path': path, ...authority, ...others }
    const stream = session.request(head, { endStream: body === undefined })
    let answered: { status: number; headers: Answer['headers'] } | undefined
    const chunks: Buffer[] = []
    stream.on('response', (response) => {
      const { ':status': status, ...rest } = response
      answered = { status: Number(status), headers: rest as Answer['headers'] }
    })
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', reject)
    // Not 'close': a client that is refused in the middle of its body does not see that.
    stream.on('end', () => {
      if (answered === undefined) reject(new Error('the stream ended without an answer'))
      else resolve(answerOf(answered.status, answered.headers, chunks))
    })
    if (body !== undefined) stream.end(body)
  })
}

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

/** A logger that keeps its lines. */
export function recordingLogger(): { logger: Logger; lines: LogLine[] } {
  const lines: LogLine[] = []
  const write = (level: LogLine['level']) => (fields: object, message: string) => {
    lines.push({ level, fields: fields as LogLine['fields'], message })
  }
  return { lines, logger: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') } }
}
