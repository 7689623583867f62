import { SingleBar } from 'cli-progress'
import { number } from './sources.ts'

/** Prints a line of the demo's story. */
export function say(line = ''): void {
  process.stdout.write(`${line}\n`)
}

/** Shows how far the producing is: a bar on a terminal, a line for each tenth elsewhere. */
export class Meter {
  private readonly total: number
  private readonly bar: SingleBar | undefined
  private tenths = 0

  constructor(total: number) {
    this.total = total
    if (!process.stdout.isTTY) return
    this.bar = new SingleBar({
      format: '   {bar} {percentage}%  {value} of {total} acknowledged',
      barCompleteChar: '█',
      barIncompleteChar: '░',
      hideCursor: true,
      gracefulExit: false,
      formatValue: (value) => number(value),
    })
    this.bar.start(total, 0)
  }

  update(done: number): void {
    this.bar?.update(done)
    const tenths = Math.floor((done * 10) / Math.max(1, this.total))
    if (this.bar === undefined && tenths > this.tenths) say(`   ${tenths * 10} %  ${number(done)} acknowledged`)
    this.tenths = tenths
  }

  /** Prints a line without breaking the bar. */
  say(line: string): void {
    // A bar stays above the line as it was; it goes on below.
    if (this.bar !== undefined) process.stdout.write('\n')
    say(`   ${line}`)
  }

  stop(): void {
    this.bar?.stop()
  }
}
