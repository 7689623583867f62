/** Share of its limit at which a table counts as full: before that, changes of the usual size are refused at times. */
const FULL = 0.95

/**
 * Why a table does not take every change, in words; undefined when it has room.
 * @param name what it is the table of
 * @param maxBytes `limits.tableBytes`
 */
export function fullTableProblem(name: string, sizeBytes: number, maxBytes: number): string | undefined {
  if (sizeBytes < FULL * maxBytes) return undefined
  return `the table of ${name} is full: ${sizeBytes} of ${maxBytes} bytes (tableBytes)`
}
