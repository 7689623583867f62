/**
 * Offsets and what they mean. All are record offsets within one partition: safe integers, 0 for the first record ever
 * appended. Ends are exclusive: an end of 10 says that the record at 9 is inside. The brands keep an offset of one
 * meaning from being passed where another is meant; a cast at the place where the meaning arises makes one.
 */
declare const meaning: unique symbol
type Branded<Meaning extends string> = number & { readonly [meaning]: Meaning }

/** The first offset that can still be read. */
export type LogStartOffset = Branded<'log start'>
/** The offset that the next appended record gets; what lies below it may not be written yet. */
export type LogEndOffset = Branded<'log end'>
/** The end of what a sync has put on disk. */
export type DurableOffset = Branded<'durable end'>
/** The end of what is committed as the topic's `flush.policy` means it. No consumer reads past it. */
export type HighWatermark = Branded<'high watermark'>
/** The end of what is decided: the first offset of the oldest open transaction, or the high watermark. */
export type LastStableOffset = Branded<'last stable'>
/** The offset of the next record that a consumer group wants, as it committed it. */
export type CommittedOffset = Branded<'committed'>
