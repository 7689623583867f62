import { Command, Option } from 'commander'
import { type ClientOptions, type Context, jsonOption, urlOption, wholeNumber, withClient } from '../context.ts'

const HELP = `
Example:
  millrace topic delete-records orders --partition 0 --before 1000

It cannot be undone. An offset at or below the first one changes nothing; one past the end is refused. "millrace topic
offsets" finds the offset of a time. The disk space is freed in the background, a segment at a time.`

interface DeleteRecordsOptions extends ClientOptions {
  readonly partition: string
  readonly before: string
}

/** `millrace topic delete-records NAME` */
export function topicDeleteRecordsCommand(context: Context): Command {
  return new Command('delete-records')
    .description('delete the records of a partition before an offset')
    .argument('<name>', 'name of the topic')
    .addOption(new Option('-p, --partition <N>', 'the partition').makeOptionMandatory())
    .addOption(new Option('--before <OFFSET>', 'the first offset that stays').makeOptionMandatory())
    .addOption(urlOption())
    .addOption(jsonOption())
    .addHelpText('after', HELP)
    .action(async (topic: string, options: DeleteRecordsOptions) => {
      const partition = wholeNumber('--partition', options.partition, 0)
      const before = wholeNumber('--before', options.before, 0)
      const { logStartOffset } = await withClient(context, options, (client) =>
        client.admin.deleteRecords({ topic, partition, before }),
      )
      if (options.json) await context.out.json({ topic, partition, logStartOffset })
      else await context.out.line(`partition ${partition} of ${topic} begins at offset ${logStartOffset}`)
    })
}
