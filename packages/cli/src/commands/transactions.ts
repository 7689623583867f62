import { Command } from 'commander'
import { type ClientOptions, type Context, jsonOption, urlOption, withClient } from '../context.ts'
import { formatTable } from '../table.ts'

const HELP = `
Example:
  millrace transactions

An open transaction holds up those who read its partitions with isolation committed, until it ends, or its time-out aborts it.
SINCE and PARTITIONS speak of the open one; EPOCH rises with each transaction and each new instance.`

/** `millrace transactions` */
export function transactionsCommand(context: Context): Command {
  return new Command('transactions')
    .description('list the transactional ids and their open transactions')
    .addOption(urlOption())
    .addOption(jsonOption())
    .addHelpText('after', HELP)
    .action(async (options: ClientOptions) => {
      const transactions = await withClient(context, options, (client) => client.admin.listTransactions())
      if (options.json) return context.out.json(transactions)
      if (transactions.length === 0) return context.note('there are no transactional ids')
      const rows = transactions.map((it) => [
        it.transactionalId,
        it.state,
        it.startedAtMs === undefined ? '' : new Date(it.startedAtMs).toISOString(),
        String(it.timeoutMs),
        String(it.partitions),
        String(it.producerId),
        String(it.producerEpoch),
      ])
      const head = ['ID', 'STATE', 'SINCE', 'TIME-OUT MS', 'PARTITIONS', 'PRODUCER', 'EPOCH']
      for (const line of formatTable(head, rows)) await context.out.line(line)
    })
}
