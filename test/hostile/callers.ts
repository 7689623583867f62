import { request as httpRequest, type IncomingMessage } from 'node:http'
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { request as httpsRequest } from 'node:https'
import { FrameReader, frameMessage } from '@millrace/wire'
import { type AttackContext, pause } from './attack.ts'

/** Answers of gRPC that are larger are not looked at. */
const MAX_ANSWER_BYTES = 64 << 20

/** Calls REST and counts what comes of it: that it was answered, or the code of the problem. */
export async function callRest(context: AttackContext, method: string, path: string, body?: string): Promise<void> {
  const { target, signal, counts } = context
  const { url } = target
  const request = url.startsWith('https:') ? httpsRequest : httpRequest
  const outcome = await new Promise<string>((resolve) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const call = request(new URL(path, url), { method, headers, signal, rejectUnauthorized: false }, (response) => {
      // Of an answer that is good only its size counts, and it can be large.
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => {
        if (!isGood(response)) chunks.push(chunk)
      })
      response.on('error', () => resolve('no answer'))
      response.on('end', () => resolve(isGood(response) ? 'answered' : codeIn(Buffer.concat(chunks))))
    })
    call.on('error', () => resolve('no answer'))
    call.end(body)
  })
  count(context, outcome)
  if (outcome === 'no answer') await pause(signal, 5)
  counts.add('requests')
}

function isGood({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300
}

function codeIn(body: Buffer): string {
  try {
    return String((JSON.parse(body.toString()) as { code?: unknown }).code)
  } catch {
    return `no problem document: ${body.toString('latin1', 0, 100)}`
  }
}

/** What the server said, or that the attack's end cut it off, which counts for nothing. */
function count({ signal, counts }: AttackContext, outcome: string): void {
  if (signal.aborted && outcome === 'no answer') return
  counts.add(/^[A-Z_]+$/.test(outcome) ? `code ${outcome}` : outcome)
}

/** Keeps `width` HTTP/2 sessions of Node.js at work, one after another where the server ends them. */
export async function withSessions(
  { target, signal, counts }: AttackContext,
  width: number,
  use: (session: ClientHttp2Session, index: number) => Promise<void>,
): Promise<void> {
  const one = async (index: number): Promise<void> => {
    while (!signal.aborted) {
      const session = connect(target.url, { rejectUnauthorized: false })
      session.on('error', () => {})
      const stop = (): void => session.destroy()
      signal.addEventListener('abort', stop, { once: true })
      counts.add('connections')
      await use(session, index)
      signal.removeEventListener('abort', stop)
      session.destroy()
      await pause(signal, 5)
    }
  }
  await Promise.all(Array.from({ length: width }, (_, index) => one(index)))
}

/** Sends these messages on one call, leaves its side open when `stays`, and counts the code it ends with. */
export async function callRpc(
  context: AttackContext,
  session: ClientHttp2Session,
  path: string,
  messages: readonly Buffer[],
  { stays = false, onMessage }: { stays?: boolean; onMessage?: (message: Buffer) => void } = {},
): Promise<void> {
  if (session.destroyed || session.closed) return
  let stream: ClientHttp2Stream
  try {
    const fields = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' }
    stream = session.request(fields)
  } catch {
    return
  }
  const reader = new FrameReader({ maxMessageBytes: MAX_ANSWER_BYTES })
  let outcome = 'no answer'
  const look = (headers: Record<string, unknown>): void => {
    if (headers['millrace-code'] !== undefined) outcome = String(headers['millrace-code'])
    else if (headers['grpc-status'] === '0') outcome = 'OK'
  }
  stream.on('response', look).on('trailers', look)
  stream.on('error', () => {})
  stream.on('data', (chunk: Buffer) => {
    if (onMessage === undefined) return
    reader.push(chunk)
    for (let message = reader.read(); message !== undefined; message = reader.read()) onMessage(message)
  })
  stream.write(Buffer.concat(messages.map((message) => frameMessage(message))))
  if (!stays) stream.end()
  await new Promise<void>((resolve) => stream.once('close', () => resolve()))
  context.counts.add('calls')
  count(context, outcome === 'OK' ? 'answered' : outcome)
}
