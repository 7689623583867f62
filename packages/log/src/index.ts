export type { CleanupConfig } from './cleanup-config.ts'
export { Committer } from './committer.ts'
export {
  CLEAN_FILE,
  DataDirectory,
  FORMAT_FILE,
  inspectDirectory,
  keepName,
  LOCK_FILE,
  makeDurableDirectory,
} from './data-directory.ts'
export { type Disk, type DiskFile, type DiskLock, hasSystemCode, readFile, replaceFile, storageError } from './disk.ts'
export type {
  DumpEntry,
  DumpedBatch,
  DumpedRecord,
} from './dump/dump-entry.ts'
export { type DumpSummary, dumpFile } from './dump/dump-file.ts'
export { METADATA_FILE, partitionDirectoryName } from './file-names.ts'
export { FilePool } from './file-pool.ts'
export { Journal, type JournaledBatches } from './journal.ts'
export { encodeIdentity, identityKey, type PartitionIdentity } from './journal-entry.ts'
export { fillFromJournal } from './journal-fill.ts'
export { keepBatches, withKeptBatches } from './journal-kept.ts'
export type { PartitionLogConfig } from './log-config.ts'
export type { LogContext } from './log-context.ts'
export { LogStats } from './log-stats.ts'
export { memoryDisk } from './memory-disk.ts'
export { nodeDisk } from './node-disk.ts'
export type { OpenTransaction } from './open-transactions.ts'
export type { LinkedPartition } from './partition-link.ts'
export type { Isolation, LogRead, PartitionLog } from './partition-log.ts'
export type { AppendedBatch } from './pending-append.ts'
export { removeDirectory } from './piecewise-removal.ts'
export { ProducerRoom } from './producer-room.ts'
export { type OpenOptions, openPartitionLog, PartitionRecovery } from './recovery.ts'
export { IndexCache } from './segment-indexes.ts'
export { Serial } from './serial.ts'
export { sideBySide } from './side-by-side.ts'
export { TailCache } from './tail-cache.ts'
export { Throttle } from './throttle.ts'
export { FINDINGS, type Finding, type FindingKind, findingOf, type Report, type Severity } from './verify/finding.ts'
export { verifyJournal } from './verify/verify-journal.ts'
export { type VerifiedPartition, type VerifyPartitionOptions, verifyPartition } from './verify/verify-partition.ts'
