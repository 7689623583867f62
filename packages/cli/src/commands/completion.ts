import tab from '@bomb.sh/tab/commander'
import type { Millrace } from '@millrace/client'
import type { Command } from 'commander'
import { type Context, withClient } from '../context.ts'

const HELP = `
Examples:
  millrace completion bash
  millrace completion zsh
  millrace completion fish
  millrace completion powershell

In .bashrc:                    source <(millrace completion bash)    # needs the package bash-completion
In .zshrc:                     source <(millrace completion zsh)
In fish, once:                 millrace completion fish > ~/.config/fish/completions/millrace.fish
In the profile of PowerShell:  millrace completion powershell | Out-String | Invoke-Expression

Names of topics and groups come from the server of MILLRACE_URL, if it answers at once.`

/** A person waits for the names: a server that is slower has none. */
const NAMES_TIMEOUT_MS = 500

/** Lists names of one kind. */
type List = (client: Millrace, signal: AbortSignal) => Promise<readonly { readonly name: string }[]>
const topics: List = ({ admin }, signal) => admin.listTopics({ signal })
const groups: List = ({ admin }, signal) => admin.listGroups({ signal })

/** Commands whose first argument is such a name. */
const NAMED: Readonly<Record<string, List>> = {
  'topic describe': topics,
  'topic alter': topics,
  'topic offsets': topics,
  'topic delete-records': topics,
  'topic delete': topics,
  produce: topics,
  consume: topics,
  'group describe': groups,
  'group reset': groups,
  'group delete': groups,
}

/**
 * Adds `millrace completion SHELL`, which prints the script of a shell, and the hidden `millrace complete -- WORD…` that
 * those scripts call. To be called when all other commands are there.
 */
export function addCompletion(program: Command, context: Context): void {
  const root = tab(program, { completionCommandName: 'completion' })
  const commandOf = (name: string) => program.commands.find((command) => command.name() === name)
  commandOf('completion')
    ?.description('print a script that has a shell complete the words of millrace')
    .addHelpText('after', HELP)
  commandOf('complete')?.hook('preAction', async (_program, { args }) => {
    for (const [command, list] of Object.entries(NAMED)) {
      if (args.slice(0, command.split(' ').length).join(' ') !== command) continue
      const names = await namesOf(context, list)
      const [argument] = root.commands.get(command)?.arguments.values() ?? []
      if (argument !== undefined) argument.handler = (complete) => names.forEach((name) => void complete(name, ''))
    }
  })
}

async function namesOf(context: Context, list: List): Promise<string[]> {
  const signal = AbortSignal.timeout(NAMES_TIMEOUT_MS)
  try {
    return (await withClient(context, {}, (client) => list(client, signal))).map(({ name }) => name)
  } catch {
    // Who completes a word does not want to hear of it.
    return []
  }
}
