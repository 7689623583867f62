const CLEAR_LINE = '\r\x1b[K'

/** Says on stderr what is going on: a line that changes on a terminal, and a line for what is finished anywhere. */
export class ProgressLine {
  private readonly changes = process.stderr.isTTY

  /** @param share 0 to 1 */
  show(label: string, share: number): void {
    if (this.changes) process.stderr.write(`${CLEAR_LINE}${label} · ${Math.min(100, Math.floor(share * 100))} %`)
  }

  say(line: string): void {
    process.stderr.write(`${this.changes ? CLEAR_LINE : ''}${line}\n`)
  }
}
