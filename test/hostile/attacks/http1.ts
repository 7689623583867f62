import { type Attack, pause, withConnections } from '../attack.ts'

const HEAD = 'Host: localhost\r\n'
const JSON_HEAD = `${HEAD}Content-Type: application/json\r\n`

/** What can be done to a server of HTTP/1.1. */
export const HTTP1_ATTACKS: readonly Attack[] = [
  {
    name: 'slow headers',
    does: '300 connections send a header byte by byte (slowloris)',
    run: (context) =>
      withConnections(context, 300, async (connection) => {
        await connection.write(`GET / HTTP/1.1\r\n${HEAD}`)
        while (!connection.isClosed && !context.signal.aborted) {
          await connection.write('x')
          context.counts.add('bytes')
          await pause(context.signal, 50)
        }
      }),
  },
  {
    name: 'slow bodies',
    does: '300 connections send a body byte by byte',
    run: (context) =>
      withConnections(context, 300, async (connection) => {
        await connection.write(`POST /v1/topics/good/records HTTP/1.1\r\n${JSON_HEAD}Content-Length: 8000000\r\n\r\n{`)
        while (!connection.isClosed && !context.signal.aborted) {
          await connection.write(' ')
          context.counts.add('bytes')
          await pause(context.signal, 50)
        }
      }),
  },
  {
    name: 'silence',
    does: '1,000 connections say nothing, or half of what they should',
    run: (context) =>
      withConnections(context, 1_000, async (connection, index) => {
        await connection.write(['', 'P', 'PRI * HTTP/2.0\r\n', 'GET / HTTP/1.1\r\n'][index % 4] as string)
        await connection.closed(context.signal)
      }),
  },
  {
    name: 'half-closed',
    does: '200 connections end their side in the middle of a request, or wait for an answer for ever',
    run: (context) =>
      withConnections(context, 200, async (connection, index) => {
        const whole = `GET /v1/topics/good/partitions/0/records?from=latest&waitMs=60000 HTTP/1.1\r\n${HEAD}\r\n`
        connection.socket.end(index % 2 === 0 ? whole : whole.slice(0, 40))
        connection.stopReading()
        await connection.closed(context.signal)
      }),
  },
  {
    name: 'giant headers',
    does: 'headers of a megabyte, and 5,000 of them',
    run: (context) =>
      withConnections(context, 20, async (connection, index) => {
        const many = Array.from({ length: 5_000 }, (_, number) => `x${number}: 1\r\n`).join('')
        const giant = `X: ${'x'.repeat(1 << 20)}\r\n`
        await connection.write(`GET / HTTP/1.1\r\n${HEAD}${index % 2 === 0 ? many : giant}\r\n`)
        context.counts.add('requests')
        await connection.closed(context.signal)
      }),
  },
  {
    name: 'lying lengths',
    does: 'bodies that are longer or shorter than they say, or say it twice',
    run: (context) =>
      withConnections(context, 50, async (connection, index) => {
        const body = '{"records":[{"value":{"string":"x"}}]}'
        const lies = [
          `Content-Length: ${body.length + 100}\r\n\r\n${body}`,
          `Content-Length: ${body.length - 10}\r\n\r\n${body}`,
          `Content-Length: ${body.length}\r\nTransfer-Encoding: chunked\r\n\r\n${body}`,
          `Content-Length: 5\r\nContent-Length: 6\r\n\r\n${body}`,
          `Content-Length: -1\r\n\r\n${body}`,
          `Content-Length: 99999999999999999999\r\n\r\n${body}`,
          `Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n${body}`,
          `Transfer-Encoding: chunked\r\n\r\n5\r\n${body}\r\n0\r\n\r\n`,
          `Transfer-Encoding: chunked\r\n\r\n26;${'x'.repeat(100_000)}\r\n${body}`,
          `Transfer-Encoding: gzip, chunked\r\n\r\n${body}`,
        ]
        await connection.write(`POST /v1/topics/lies/records HTTP/1.1\r\n${JSON_HEAD}${lies[index % lies.length]}`)
        context.counts.add('requests')
        // A body that is too short is never ended: the next one must not have to wait for it.
        await Promise.race([connection.closed(context.signal), pause(context.signal, 200)])
      }),
  },
  {
    name: 'pipelining',
    does: '20 connections send requests without end and read no answer',
    run: (context) =>
      withConnections(context, 20, async (connection) => {
        connection.stopReading()
        const requests = `GET /v1/topics/good HTTP/1.1\r\n${HEAD}\r\n`.repeat(500)
        while (!connection.isClosed && !context.signal.aborted) {
          await connection.write(requests)
          context.counts.add('requests', 500)
        }
      }),
  },
  {
    name: 'not found',
    does: '20 connections ask for what is not there, as fast as they get answers',
    run: (context) =>
      withConnections(context, 20, async (connection) => {
        let number = 0
        while (!connection.isClosed && !context.signal.aborted) {
          const before = connection.receivedBytes
          await connection.write(`GET /v1/topics/no-${number++}${'%2e'.repeat(300)} HTTP/1.1\r\n${HEAD}\r\n`)
          context.counts.add('requests')
          while (connection.receivedBytes === before && !connection.isClosed && !context.signal.aborted)
            await pause(context.signal, 1)
          if (context.signal.aborted) return
        }
      }),
  },
]
