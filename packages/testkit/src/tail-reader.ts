import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect, constants } from 'node:http2'
import { request as httpsRequest } from 'node:https'

/** An event as an EventSource would raise it, or, without data, the id that it would remember. */
export interface TailEvent {
  readonly id: string
  readonly event: string
  readonly data: string | undefined
}

export interface TailReader {
  readonly status: Promise<number>
  readonly headers: Promise<Readonly<Record<string, unknown>>>
  /** What was received, as text. */
  readonly text: () => string
  /** The id that an EventSource would come back with. */
  readonly lastEventId: () => string
  /** Resolves with what has been received once `enough` of it has. */
  readonly until: (enough: (text: string) => boolean) => Promise<string>
  /** Resolves when the answer is over: true when it ended in order. */
  readonly ended: Promise<boolean>
  readonly pause: () => void
  readonly resume: () => void
  /** Goes away without a word. */
  readonly leave: () => void
}

/** A client that opens an answer without end and reads it as it comes. @param ca with it over TLS, trusting this authority */
export function openTail(
  port: number,
  protocol: 'HTTP/1.1' | 'HTTP/2',
  path: string,
  headers: Readonly<Record<string, string>> = { accept: 'text/event-stream' },
  ca?: string,
): TailReader {
  const head = Promise.withResolvers<{ status: number; headers: Readonly<Record<string, unknown>> }>()
  const ended = Promise.withResolvers<boolean>()
  const waiting = new Set<() => void>()
  let text = ''
  head.promise.catch(() => {})
  const take = (chunk: string): void => {
    text += chunk
    for (const look of waiting) look()
  }
  const end = (inOrder: boolean): void => {
    head.reject(new Error('there was no answer'))
    ended.resolve(inOrder)
    for (const look of waiting) look()
  }
  const stream = protocol === 'HTTP/1.1' ? overHttp1() : overHttp2()

  function overHttp1() {
    let response: IncomingMessage | undefined
    const asked = { host: '127.0.0.1', port, path, headers: { ...headers }, agent: false as const }
    const begin = (answer: IncomingMessage): void => {
      response = answer
      head.resolve({ status: answer.statusCode ?? 0, headers: answer.headers })
      answer.setEncoding('utf8').on('data', take)
      answer.on('error', () => {})
      answer.on('close', () => end(answer.complete))
    }
    const request =
      ca === undefined ? httpRequest(asked, begin) : httpsRequest({ ...asked, ca, servername: 'localhost' }, begin)
    request.on('error', () => end(false))
    request.end()
    return {
      pause: () => response?.pause(),
      resume: () => response?.resume(),
      leave: () => request.destroy(),
    }
  }

  function overHttp2() {
    const session =
      ca === undefined
        ? connect(`http://127.0.0.1:${port}`)
        : connect(`https://localhost:${port}`, { ca, host: '127.0.0.1' })
    session.on('error', () => end(false))
    const request = session.request({ ':path': path, ...headers })
    request.on('response', ({ ':status': status, ...others }) =>
      head.resolve({ status: Number(status), headers: others }),
    )
    let isWhole = false
    request.setEncoding('utf8').on('data', take)
    request.on('end', () => {
      isWhole = request.rstCode === constants.NGHTTP2_NO_ERROR
    })
    request.on('error', () => {})
    request.on('close', () => {
      end(isWhole && request.rstCode === constants.NGHTTP2_NO_ERROR)
      session.destroy()
    })
    return {
      pause: () => void request.pause(),
      resume: () => void request.resume(),
      leave: () => session.destroy(),
    }
  }

  return {
    ...stream,
    get status() {
      return head.promise.then(({ status }) => status)
    },
    get headers() {
      return head.promise.then(({ headers: given }) => given)
    },
    text: () => text,
    lastEventId: () => eventsOf(text).at(-1)?.id ?? '',
    ended: ended.promise,
    until: (enough) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!enough(text)) return
          waiting.delete(look)
          resolve(text)
        }
        waiting.add(look)
        void ended.promise.then(() => {
          if (waiting.has(look)) reject(new Error(`the tail ended before that:\n${text.slice(-500)}`))
        })
        look()
      }),
  }
}

/** The events of a stream, parsed as WHATWG HTML says; what is not whole is left out. */
export function eventsOf(text: string): TailEvent[] {
  const blocks = text.split('\n\n')
  blocks.pop()
  const events: TailEvent[] = []
  let id = ''
  for (const block of blocks) {
    let event = 'message'
    const data: string[] = []
    for (const line of block.split('\n')) {
      const [, name, value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? []
      if (name === 'id') id = value
      else if (name === 'event') event = value
      else if (name === 'data') data.push(value)
    }
    events.push({ id, event, data: data.length === 0 ? undefined : data.join('\n') })
  }
  return events
}
