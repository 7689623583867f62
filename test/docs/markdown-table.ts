/**
 * The first table under a heading of a Markdown text, as rows of cells without the marks of code.
 * @throws Error when there is no such heading, or no table under it
 */
export function tableUnder(markdown: string, heading: string): string[][] {
  const lines = markdown.split('\n')
  const at = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, '') === heading)
  if (at < 0) throw new Error(`there is no heading "${heading}"`)
  const rest = lines.slice(at + 1)
  const end = rest.findIndex((line) => /^#+ /.test(line))
  const section = end < 0 ? rest : rest.slice(0, end)
  const first = section.findIndex((line) => line.startsWith('|'))
  if (first < 0) throw new Error(`there is no table under "${heading}"`)
  const length = section.slice(first).findIndex((line) => !line.startsWith('|'))
  const table = section.slice(first, length < 0 ? undefined : first + length)
  // Below the names of the columns and the line that divides them.
  return table.slice(2).map((line) =>
    line
      .replace(/^\||\|$/g, '')
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', '')),
  )
}
