/*
 * What a data directory holds, beside the lock and the marker of a clean shutdown:
 *
 *   __millrace_catalog-0/     the catalog's own log
 *   __millrace_transactions-0/   transactional ids and what was decided of their transactions
 *   backups/                  backups, where no other place for them is named
 *   journal/                  the journal, and what it had of partitions that could not be opened
 *   <topic>-<partition>/      a partition
 *   <topic id>-<partition>.deleted/   one whose topic was deleted, on its way out
 *   <topic id>-<partition>.orphan/    one with records, of a topic that the catalog does not know
 */
import { type PartitionIdentity, partitionDirectoryName } from '@millrace/log'
import { INTERNAL_TOPIC_PREFIX } from '@millrace/record'

export const CATALOG_DIRECTORY = partitionDirectoryName(`${INTERNAL_TOPIC_PREFIX}catalog`, 0)
export const TRANSACTIONS_DIRECTORY = partitionDirectoryName(`${INTERNAL_TOPIC_PREFIX}transactions`, 0)
export const JOURNAL_DIRECTORY = 'journal'
export const BACKUPS_DIRECTORY = 'backups'

/** The catalog's own log in the journal; no topic has this id. */
export const CATALOG: PartitionIdentity = { topicId: '00000000-0000-0000-0000-000000000000', partition: 0 }
/** The log of transactions in the journal; no topic has this id either. */
export const TRANSACTIONS: PartitionIdentity = { topicId: '00000000-0000-0000-0000-000000000001', partition: 0 }

/** Keys of topics in the catalog begin so; the topic's id follows. */
export const TOPIC_KEY_PREFIX = 'topic/'
/** Keys of topics that are deleted and whose directories may still be in place; the topic's id follows. */
export const DELETED_KEY_PREFIX = 'deleted-topic/'
