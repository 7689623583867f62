const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 }
/** The longest time that timers know. */
const MAX_MS = 2 ** 31 - 1

/** The time that a `grpc-timeout` header allows, in ms; undefined when there is none that makes sense. */
export function parseTimeoutMs(header: string | string[] | undefined): number | undefined {
  const parts = typeof header === 'string' ? /^(\d{1,8})([HMSmun])$/.exec(header) : null
  if (parts === null) return undefined
  return Math.min(Number(parts[1]) * (UNIT_MS[parts[2] as string] as number), MAX_MS)
}
