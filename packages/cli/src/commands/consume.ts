import { Command, Option } from 'commander'
import { type ClientOptions, type Context, urlOption, wholeNumber, withClient } from '../context.ts'
import { Interrupted } from '../failure.ts'
import { FROM_HELP, parseFrom } from '../position.ts'
import { FORMATS, type Format } from '../record-format.ts'

interface ConsumeOptions extends ClientOptions {
  readonly partition?: string
  readonly from: string
  readonly follow?: true
  readonly limit?: string
  readonly format: Format
}

/** `millrace consume TOPIC` */
export function consumeCommand(context: Context): Command {
  return new Command('consume')
    .description('print the records of a topic, in order within each partition')
    .argument('<topic>', 'name of the topic')
    .addOption(new Option('-p, --partition <N>', 'only this partition (all)'))
    .addOption(new Option('--from <WHERE>', `where to begin: ${FROM_HELP}`).default('earliest'))
    .addOption(new Option('-f, --follow', 'go on with what arrives, instead of stopping at the end that is there now'))
    .addOption(new Option('-n, --limit <N>', 'stop after N records'))
    .addOption(new Option('--format <FORMAT>', 'what to print').choices(Object.keys(FORMATS)).default('value'))
    .addOption(urlOption())
    .addOption(new Option('--json', 'the same as --format json').implies({ format: 'json' }))
    .action((topic: string, options: ConsumeOptions) => consume(context, topic, options))
}

async function consume(context: Context, topic: string, options: ConsumeOptions): Promise<void> {
  const from = parseFrom(options.from)
  const partition = options.partition === undefined ? undefined : wholeNumber('--partition', options.partition, 0)
  const limit = options.limit === undefined ? Number.POSITIVE_INFINITY : wholeNumber('--limit', options.limit, 1)
  const print = FORMATS[options.format]
  await withClient(context, options, async (client) => {
    let printed = 0
    const records = client.read({
      topic,
      from,
      ...(partition === undefined ? {} : { partition }),
      ...(options.follow ? {} : { to: 'end' as const }),
      signal: context.signal,
    })
    try {
      for await (const record of records) {
        await context.out.line(print(record))
        printed += 1
        if (printed >= limit) return
      }
    } catch (error) {
      if (!context.signal.aborted) throw error
    }
    // Following ends with a signal; anything else that a signal ends is not done.
    if (context.interrupted.aborted && !options.follow) throw new Interrupted()
  })
}
