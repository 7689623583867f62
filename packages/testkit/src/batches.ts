import { BatchBuilder, type BuildOptions } from '@millrace/record'

export interface BatchOptions extends BuildOptions {
  /** Of every record, in ms since 1970. Default 1000. */
  readonly timestamp?: number
}

/** A batch as a client sends it, with one keyless record for each value. */
export function batchOf(values: readonly string[], { timestamp = 1_000, ...options }: BatchOptions = {}): Buffer {
  const builder = new BatchBuilder()
  for (const value of values) builder.append({ key: null, value: Buffer.from(value), timestamp })
  return builder.build(options).buffer
}
