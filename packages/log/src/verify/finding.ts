/** `error`: something is wrong with what is stored. `note`: worth knowing, and well. */
export type Severity = 'error' | 'note'

interface FindingSpec {
  readonly severity: Severity
  readonly title: string
}

const error = (title: string): FindingSpec => ({ severity: 'error', title })
const note = (title: string): FindingSpec => ({ severity: 'note', title })

/** Every kind of finding. Kinds are permanent, like error codes. */
export const FINDINGS = {
  'corrupt-batch': error('Bytes are no whole batch, a CRC is wrong, or a base offset cannot be'),
  'invalid-batch': error('A batch contradicts itself although its CRC is right'),
  'unreadable-records': error('The records of a batch do not decompress or are not framed as its header says'),
  'offset-gap': error('Offsets are missing'),
  'offset-order': error('A batch does not come after the one before it'),
  'checksum-mismatch': error('A .crc file disagrees with its .log, or cannot be read'),
  'index-missing': error('A closed segment lacks an index file'),
  'index-mismatch': error('An offset index disagrees with its .log'),
  'time-index-mismatch': error('A time index disagrees with its .log'),
  'transaction-index-mismatch': error('A transaction index disagrees with its .log'),
  'snapshot-unreadable': error('A producer snapshot cannot be read'),
  'snapshot-mismatch': error('A producer snapshot disagrees with the log'),
  'leader-epochs-unreadable': error('The leader epochs are missing or cannot be read'),
  'leader-epoch-mismatch': error('A batch has another leader epoch than the checkpoint says'),
  'log-start-invalid': error('The kept log start is no offset of the log'),
  'metadata-mismatch': error('The partition.metadata file is missing or disagrees with the catalog'),
  'partition-missing': error('The directory of a partition is missing or has no segments'),
  'catalog-invalid': error('The catalog of topics is missing or has entries that cannot be read'),
  'journal-corrupt': error('A journal file is damaged before its end'),
  'journal-gap': error('The journal goes on behind the end of what the log has'),
  'unreadable-file': error('The system cannot read a file'),
  'records-too-large': note(
    'A batch expands to more than decompressedBytes; readers with that limit get BATCH_TOO_LARGE',
  ),
  'unclean-shutdown': note('The last shutdown was not in order; the next start recovers'),
  'torn-tail': note('The end of the last segment is not whole, as a crash leaves it; the next start cuts it off'),
  'torn-journal': note('The end of the journal is not whole, as a crash leaves it'),
  'torn-snapshot': note('A producer snapshot was being written when the process ended; it will not be used'),
  'producers-forgotten': note(
    'A producer snapshot lacks those that were idle longest, as when the limit of producers is reached',
  ),
  'journal-ahead': note('The next start takes batches from the journal into the log'),
  'unsealed-segment': note('A closed segment has no .crc file yet, so that its batch headers cannot be checked'),
  'unfinished-compaction': note('Compaction was under way when the process ended; the next start ends or undoes it'),
  'cut-tail': note('Bytes that an earlier recovery cut off'),
  'leftover-file': note('A file that belongs to nothing'),
  'leftover-directory': note('A directory that belongs to no topic; the next start removes it'),
} as const satisfies Record<string, FindingSpec>

export type FindingKind = keyof typeof FINDINGS

/** Something that a check of stored files came upon. */
export interface Finding {
  readonly kind: FindingKind
  readonly severity: Severity
  readonly file: string
  /** The byte in the file where it is. */
  readonly position?: number
  readonly message: string
}

/** Takes a finding; what is checked waits until it is done with it. */
export type Report = (finding: Finding) => Promise<void>

export function findingOf(kind: FindingKind, file: string, message: string, position?: number): Finding {
  const { severity } = FINDINGS[kind]
  return position === undefined ? { kind, severity, file, message } : { kind, severity, file, position, message }
}
