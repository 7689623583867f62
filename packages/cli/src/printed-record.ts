import type { ReadRecord } from '@millrace/client'

/** A record as it is printed. */
export type PrintedRecord = Pick<
  ReadRecord,
  'topic' | 'partition' | 'offset' | 'timestamp' | 'key' | 'value' | 'headers'
>
