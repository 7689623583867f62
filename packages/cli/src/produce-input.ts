import { createReadStream, fstatSync, ReadStream, type Stats } from 'node:fs'
import { access, constants, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import type { Context } from './context.ts'
import { UsageError } from './failure.ts'
import { type Lines, readLines } from './lines.ts'

/** What `produce` sends. */
export interface ProduceInput {
  /** Ends early, without an error, when the user interrupts the command. */
  readonly groups: AsyncIterable<Lines>
  /** What the user calls one of them. */
  readonly noun: 'line' | 'value'
  /** Bytes of all, where that is known. */
  readonly totalBytes: number | undefined
  /** It has an end that nobody has to wait for, so that its lines can be counted. */
  readonly hasEnd: boolean
}

/**
 * Opens the values of the command line, the file, or, without either, standard input.
 * @param stopped ends an input that may have no end
 * @throws UsageError
 */
export async function openInput(
  context: Context,
  values: readonly string[],
  file: string | undefined,
  stopped: AbortSignal,
): Promise<ProduceInput> {
  if (values.length > 0) {
    const groups = single({ lines: values.map((value) => Buffer.from(value)), endByte: 0 })
    return { groups, noun: 'value', totalBytes: undefined, hasEnd: true }
  }
  const { stream, sizeBytes } = file === undefined ? standardInput(context) : await openFile(context, file)
  const hasEnd = sizeBytes !== undefined
  const end = hasEnd ? context.signal : AbortSignal.any([context.signal, stopped])
  return { groups: readLines(until(end, stream)), noun: 'line', totalBytes: sizeBytes, hasEnd }
}

/** `sizeBytes` is undefined where the stream may never end. */
interface Source {
  readonly stream: Readable
  readonly sizeBytes: number | undefined
}

function standardInput({ stdin }: Context): Source {
  // What is not a file, such as a pipe, may not end.
  if (!(stdin instanceof ReadStream)) return { stream: stdin, sizeBytes: undefined }
  const stats = fstatSync((stdin as ReadStream & { readonly fd: number }).fd)
  return { stream: stdin, sizeBytes: stats.isFile() ? stats.size : undefined }
}

async function openFile({ cwd }: Context, file: string): Promise<Source> {
  const path = resolve(cwd, file)
  const stats = await readableStats(path).catch((error: Error) => error)
  if (stats instanceof Error) throw new UsageError(`--file ${file}: cannot be read: ${stats.message}`)
  if (stats.isDirectory()) throw new UsageError(`--file ${file}: is a directory`)
  return { stream: createReadStream(path), sizeBytes: stats.isFile() ? stats.size : undefined }
}

async function readableStats(path: string): Promise<Stats> {
  await access(path, constants.R_OK)
  return stat(path)
}

async function* single<T>(item: T): AsyncGenerator<T> {
  yield item
}

/** What `stream` gives until `signal` is aborted; then it ends, without an error. */
async function* until(signal: AbortSignal, stream: Readable): AsyncGenerator<Buffer> {
  const destroy = (): unknown => stream.destroy()
  signal.addEventListener('abort', destroy, { once: true })
  try {
    yield* stream
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', destroy)
  }
}
