import { resolve } from 'node:path'
import { type Server, startServer, toConfig } from '@millrace/server'
import { Command } from 'commander'
import { tuneCollector } from '../collector.ts'
import { type Context, DEFAULT_URL, jsonOption } from '../context.ts'
import { checkReadyFile, settingsOf, withSettings } from '../server-options.ts'
import { aborted } from '../signals.ts'

const HELP = `
Examples:
  millrace serve
  millrace serve --data /var/lib/millrace --http 127.0.0.1:7070
  millrace serve --data memory --http 127.0.0.1:0 --ready-file ready.json`

/** `millrace serve`, which is also what `millrace` alone does. */
export function serveCommand(context: Context): Command {
  const command = withSettings(new Command('serve'))
    .description(
      'serve until SIGINT or SIGTERM; SIGHUP, where it is not on a terminal, has it read its configuration again',
    )
    .addOption(jsonOption())
    .addHelpText('after', HELP)
    .action(async (options: { json?: true }) => {
      tuneCollector()
      const settings = settingsOf(command, context)
      await checkReadyFile(settings, context)
      const server = await startServer(toConfig(settings))
      // On a terminal it means that the terminal is gone.
      if (!process.stderr.isTTY)
        context.onHangUp(() => void server.reload(() => toConfig(settingsOf(command, context))))
      try {
        if (options.json)
          await context.out.json({ url: server.url, http: server.http, data: server.data, pid: process.pid })
        else for (const line of banner(server, context.cwd)) await context.out.line(line)
        const end = aborted(context.interrupted)
        // Who asked for a line that cannot be written would wait for it in vain.
        await Promise.race([context.out.flush(), end])
        await end
      } finally {
        context.onHangUp(undefined)
        await server.close()
      }
    })
  return command
}

function banner(server: Server, cwd: string): string[] {
  const url = server.url === DEFAULT_URL ? '' : ` --url ${server.url}`
  return [
    `Millrace serves REST and gRPC at ${server.url}`,
    server.data === 'memory' ? 'Data: in memory, gone at the end' : `Data: ${resolve(cwd, server.data)}`,
    'Try, in another terminal:',
    `  npx millrace topic create hello${url}`,
    `  npx millrace produce hello 'Hello, log!'${url}`,
    `  npx millrace consume hello${url}`,
    ...(server.url.startsWith('https:') ? ['They need --ca FILE where the certificate is not trusted anyway.'] : []),
    'Ctrl-C ends it.',
  ]
}
