/** A fenced block of a Markdown file. */
export interface FencedBlock {
  /** What stands after the fence, such as `sh`. */
  readonly language: string
  readonly text: string
  /** Line of the opening fence, counted from 1. */
  readonly line: number
}

/** All fenced blocks of a Markdown text, in order; those inside of lists too. */
export function fencedBlocks(markdown: string): FencedBlock[] {
  const blocks: FencedBlock[] = []
  let open: { fence: string; indent: string; language: string; line: number; text: string[] } | undefined
  for (const [index, line] of markdown.split('\n').entries()) {
    const [, indent = '', fence = '', language = ''] = /^(\s*)(`{3,}|~{3,})\s*(\S*)/.exec(line) ?? []
    if (open === undefined) {
      if (fence !== '') open = { fence, indent, language, line: index + 1, text: [] }
    } else if (fence.startsWith(open.fence) && language === '') {
      blocks.push({ language: open.language, text: open.text.join('\n'), line: open.line })
      open = undefined
    } else {
      open.text.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line)
    }
  }
  if (open !== undefined) throw new Error(`the block at line ${open.line} has no end`)
  return blocks
}

/** A command of a `console` block and what it is shown to print. */
export interface ShownCommand {
  readonly command: string
  readonly output: string
}

/** The commands of a `console` block: lines after `$ `, with lines that a backslash carries on, and their output. */
export function shownCommands(text: string): ShownCommand[] {
  const shown: { command: string; output: string[] }[] = []
  let carriedOn = false
  for (const line of text.split('\n')) {
    const last = shown.at(-1)
    if (carriedOn && last !== undefined) last.command += `\n${line}`
    else if (line.startsWith('$ ')) shown.push({ command: line.slice(2), output: [] })
    else if (last === undefined) throw new Error(`a console block begins with "$ ", not with: ${line}`)
    else last.output.push(line)
    carriedOn = (carriedOn || line.startsWith('$ ')) && line.endsWith('\\')
  }
  return shown.map(({ command, output }) => ({ command, output: output.join('\n').trim() }))
}

/** Whether `actual` is what was shown, where `…` stands for anything within a line, and alone for any lines. */
export function looksLike(shown: string, actual: string): boolean {
  const parts = shown
    .split('\n')
    .map((line) => (line.trim() === '…' ? '[^]*' : line.trimEnd().split('…').map(literally).join('.*')))
  return new RegExp(`^${parts.join('\n')}$`).test(actual.trim().replace(/[ \t]+$/gm, ''))
}

function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
