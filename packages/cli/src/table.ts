/** A cell where there is nothing. */
export const NONE = '-'

/** Lines of a table whose columns stand under each other; columns of numbers lean to the right. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const numeric = head.map((_, column) => {
    const cells = rows.map((row) => row[column]).filter((cell) => cell !== NONE)
    return cells.length > 0 && cells.every((cell) => /^\d+$/.test(cell ?? ''))
  })
  return [head, ...rows].map((row) =>
    row
      .map((cell, column) => (numeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}

/** `1 partition`, `2 partitions` */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
