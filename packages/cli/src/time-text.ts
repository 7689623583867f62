/** A record's timestamp, which may be any number of ms since 1970, also one that no date has. */
export function timeText(timestampMs: number): string {
  const date = new Date(timestampMs)
  return Number.isNaN(date.getTime()) ? `${timestampMs}ms` : date.toISOString()
}
