import { once } from 'node:events'
import { request } from 'node:http'
import { type ClientHttp2Session, connect, constants } from 'node:http2'
import { DEFAULT_LIMITS, type Limits, systemClock } from '@millrace/record'
import { expect, onTestFinished, test } from 'vitest'
import { serveRpc, until } from '../test/rpc-harness.ts'

const KiB = 1024

async function open(limits: Partial<Limits>): Promise<{ port: number; session: ClientHttp2Session }> {
  const server = await serveRpc({ clock: systemClock, limits })
  onTestFinished(() => server.close())
  const session = connect(`http://127.0.0.1:${server.port}`)
  session.on('error', () => {})
  onTestFinished(() => session.destroy())
  await once(session, 'remoteSettings')
  return { port: server.port, session }
}

/** The status, or the code of the reset. */
async function get(session: ClientHttp2Session, headers: Record<string, string>): Promise<number> {
  const stream = session.request({ ':path': '/healthz', ...headers })
  stream.on('error', () => {})
  let status: number | undefined
  stream.once('response', (fields) => {
    status = fields[':status']
  })
  stream.resume()
  await new Promise((resolve) => stream.once('close', resolve))
  return status ?? stream.rstCode
}

function getHttp1(port: number, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ port, path: '/healthz', agent: false, headers }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode as number))
    })
      .on('error', reject)
      .end()
  })
}

test.each([
  [DEFAULT_LIMITS.headerBytes, false],
  [40 * KiB, true],
])('headers of 30 KiB where %i bytes are allowed: %j', async (headerBytes, isTaken) => {
  const { port, session } = await open({ headerBytes })
  expect(session.remoteSettings.maxHeaderListSize).toBe(headerBytes)
  const headers = Object.fromEntries(Array.from({ length: 3 }, (_, index) => [`x-${index}`, 'x'.repeat(10 * KiB)]))
  expect(await getHttp1(port, headers)).toBe(isTaken ? 200 : 413)
  expect(await get(session, headers)).toBe(isTaken ? 200 : constants.NGHTTP2_ENHANCE_YOUR_CALM)
})

test('windows are as large as they may be', async () => {
  const { session } = await open({ streamWindowBytes: 256 * KiB, connectionWindowBytes: 512 * KiB })
  await until(() => session.remoteSettings.initialWindowSize === 256 * KiB)
  await until(() => session.state.remoteWindowSize === 512 * KiB)
})

test.each([
  [10, true],
  [1_000, false],
])('a client that resets 50 streams where %i may be reset at once is ended: %j', async (resetsAtOnce, isEnded) => {
  const { session } = await open({ resetsAtOnce, resetsPerSecond: 1 })
  for (let number = 0; number < 50; number++) {
    const stream = session.request({ ':path': '/healthz' })
    stream.on('error', () => {})
    stream.close(constants.NGHTTP2_CANCEL)
  }
  if (isEnded) await until(() => session.destroyed)
  else expect(await get(session, {})).toBe(200)
})
