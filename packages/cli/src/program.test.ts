import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import type { Context } from './context.ts'
import { Output } from './output.ts'
import { createProgram } from './program.ts'

/** A context for programs whose commands do not run. */
function idleContext(): Context {
  const never = new AbortController().signal
  return {
    stdin: process.stdin,
    out: new Output(process.stdout),
    note: () => {},
    env: {},
    cwd: '/',
    interrupted: never,
    signal: never,
    onHangUp: () => {},
  }
}

/** The command's own help, with what it adds. */
function helpOf(command: Command): string {
  let help = ''
  command.configureOutput({
    writeOut: (text) => {
      help += text
    },
  })
  command.outputHelp()
  return help
}

function commandsBelow(command: Command): Command[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => child.name() !== 'help')
    .flatMap((child) => [child, ...commandsBelow(child)])
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`
}

/** Words of an example, quoted as shells have it. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? match[3]!)
}

const CONTEXT = idleContext()
const COMMANDS = commandsBelow(createProgram(CONTEXT))

describe('every command', () => {
  it('is looked at', () => {
    expect(COMMANDS.length).toBeGreaterThan(20)
  })

  it.each(COMMANDS.map((command) => [pathOf(command), command] as const))(
    '%s has examples that parse',
    async (path, command) => {
      const examples = helpOf(command)
        .split('\n')
        .filter((line) => line.startsWith('  millrace '))
        .map((line) => line.trim())
      expect(examples).not.toEqual([])
      for (const example of examples) {
        // A group of commands shows those of its commands.
        expect(`${example} `).toContain(`${path} `)
        const program = createProgram(CONTEXT)
        const ran: string[] = []
        for (const each of [program, ...commandsBelow(program)]) {
          each.exitOverride().configureOutput({ writeErr: () => {} })
          each.action(() => void ran.push(pathOf(each)))
        }
        await program.parseAsync(wordsOf(example).slice(1), { from: 'user' })
        expect(ran).toEqual([expect.stringMatching(new RegExp(`^${path}`))])
      }
    },
  )

  it('refuses an option that there is not', async () => {
    for (const { name, parent } of COMMANDS.map((command) => ({ name: command.name(), parent: command.parent }))) {
      const program = createProgram(CONTEXT)
      const words = parent?.parent === null ? [name] : [parent?.name() ?? '', name]
      const rest = ['a', 'b', '--no-such-option']
      await expect(program.parseAsync([...words, ...rest], { from: 'user' }), words.join(' ')).rejects.toMatchObject({
        exitCode: 1,
      })
    }
  })
})
