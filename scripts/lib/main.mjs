import { constants } from 'node:os'
import { Children, Stopped } from './children.mjs'
import { install } from './install.mjs'
import { environmentFor, pickNode } from './node.mjs'
import { Complaint, ROOT } from './project.mjs'

/**
 * The frame of every command of this repository: installs what is missing, picks a Node.js, calls `main` and makes its
 * result the exit code. A complaint is printed without a stack. Told to stop by a signal, it exits with `stoppedCode`,
 * by default as a shell says it: 128 and the signal's number.
 */
export async function run(main, { stoppedCode = (signal) => 128 + constants.signals[signal] } = {}) {
  try {
    const children = new Children()
    await install(ROOT, children)
    const node = pickNode(ROOT)
    process.exitCode = await main({ children, node, env: environmentFor(node) })
  } catch (error) {
    if (error instanceof Stopped) process.exitCode = stoppedCode(error.signal)
    else if (error instanceof Complaint) {
      console.error(error.message)
      process.exitCode = 1
    } else throw error
  }
}
