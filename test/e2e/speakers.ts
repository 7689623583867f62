import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { request as requestHttp1 } from 'node:http'
import { connect } from 'node:http2'
import { buffer } from 'node:stream/consumers'
import { run } from './harness.ts'

export interface Answer {
  readonly status: number
  readonly type: string
  /** The body, parsed where it says that it is JSON. */
  readonly body: unknown
}

export interface Asked {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as it is; with the content type for JSON, unless `headers` has another. */
  readonly body?: string | undefined
}

/** Sends one request to a server at `url` in some way. */
export type Speaker = (url: string, asked: Asked) => Promise<Answer>

const http1: Speaker = async (url, { method = 'GET', path, headers, body }) => {
  const request = requestHttp1(new URL(url), { method, path, headers: allHeaders(headers, body), agent: false })
  request.end(body)
  const [response] = await once(request, 'response')
  return answer(response.statusCode, response.headers['content-type'], await buffer(response))
}

const http2: Speaker = async (url, { method = 'GET', path, headers, body }) => {
  const session = connect(url)
  // Its stream fails too, and that is awaited.
  session.on('error', () => {})
  try {
    const stream = session.request({ ':method': method, ':path': path, ...allHeaders(headers, body) })
    stream.end(body)
    const [response] = await once(stream, 'response')
    return answer(response[':status'], response['content-type'], await buffer(stream))
  } finally {
    session.close()
  }
}

const curl =
  (flag: string): Speaker =>
  async (url, { method = 'GET', path, headers, body }) => {
    const fields = Object.entries(allHeaders(headers, body)).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
    const data = body === undefined ? [] : ['--data-binary', '@-']
    const wanted = ['-w', '\n%{http_version} %{http_code} %{content_type}']
    const args = ['-sS', flag, '-X', method, ...fields, ...data, ...wanted, `${url}${path}`]
    const { stdout, stderr } = await run('curl', args, { input: body })
    const [, text, version, status, type] = /^([\s\S]*)\n(\S+) (\d+) (.*)$/.exec(stdout) ?? []
    if (text === undefined || (version === '2') !== (flag === '--http2-prior-knowledge'))
      throw new Error(stderr || stdout)
    return answer(Number(status), type, Buffer.from(text))
  }

/** Every way to speak REST: with Node.js, and with curl where that is installed. */
export const SPEAKERS: Readonly<Record<string, Speaker>> = {
  'HTTP/1.1': http1,
  'HTTP/2': http2,
  ...curls(),
}

function curls(): Record<string, Speaker> {
  const version = spawnSync('curl', ['--version'], { encoding: 'utf8' })
  if (version.status !== 0) return {}
  const both = { 'curl --http1.1': curl('--http1.1') }
  return version.stdout.includes('HTTP2')
    ? { ...both, 'curl --http2-prior-knowledge': curl('--http2-prior-knowledge') }
    : both
}

function allHeaders(headers: Asked['headers'], body: string | undefined): Record<string, string> {
  return { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers }
}

function answer(status: unknown, type: unknown, bytes: Buffer): Answer {
  const text = bytes.toString()
  const isJson = /^application\/(problem\+)?json/.test(String(type))
  return { status: Number(status), type: String(type ?? ''), body: isJson ? JSON.parse(text) : text }
}
