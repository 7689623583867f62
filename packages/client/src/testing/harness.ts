import { systemClock } from '@millrace/record'
import type { MillraceOptions } from '../millrace.ts'
import { Millrace } from '../millrace.ts'
import type { ReadOptions } from '../read-options.ts'
import type { FakeEngine } from './fake-engine.ts'
import { FakeServer } from './fake-server.ts'

/** A fake server and a client of it, which ends with the scope that it was made in. */
export interface Harness extends AsyncDisposable {
  readonly server: FakeServer
  readonly mr: Millrace
  /** Texts of all records of a partition, as another client reads them. */
  texts(topic: string, partition?: number): Promise<(string | null)[]>
}

/** Starts a fake server over `engine`, and a client that retries fast. */
export async function startHarness(engine: FakeEngine, options: MillraceOptions = {}): Promise<Harness> {
  const server = await new FakeServer(engine).start()
  const mr = new Millrace({ url: server.url, retryMs: 1, ...options }, { clock: systemClock })
  return {
    server,
    mr,
    texts: (topic, partition = 0) => readTexts(server.url, { topic, partition, to: 'end' }),
    async [Symbol.asyncDispose]() {
      await mr.close({ signal: AbortSignal.abort() })
      await server.stop()
    },
  }
}

async function readTexts(url: string, options: ReadOptions): Promise<(string | null)[]> {
  await using mr = new Millrace({ url, retryMs: 1 })
  return (await collect(mr.read(options))).map((record) => record.text())
}

/** All that `source` gives. */
export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of source) items.push(item)
  return items
}

/** A promise and the function that resolves it. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open() }
}
