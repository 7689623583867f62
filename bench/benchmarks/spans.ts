/** How long a client program works: the time that counts, after some that does not. */
export function spans(quick: boolean): { readonly warmupMs: number; readonly ms: number } {
  return quick ? { warmupMs: 300, ms: 800 } : { warmupMs: 1_000, ms: 4_000 }
}

/** For tasks that end by their number of records, not by time. */
export const NO_END_MS = 3_600_000

export const ROUNDS = { quick: 1, full: 5 } as const
