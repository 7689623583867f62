export { type BatchOptions, batchOf } from './batches.ts'
export { type Authority, type CertificateOptions, type Certified, makeAuthority } from './certificates.ts'
export { CrashDisk, type DiskFault, type DiskObserver, type DiskOperation, type MountOptions } from './crash-disk.ts'
export type { CrashCounts } from './crash-disk-file.ts'
export {
  checkHistory,
  fingerprint,
  HISTORY_PROBLEMS,
  type HistoryProblem,
  type HistoryProblemKind,
  type HistoryRecord,
  type HistoryReport,
  type PartitionHistory,
  type ReadRecord,
  type SendOutcome,
  type SentRecord,
} from './history.ts'
export { ManualClock } from './manual-clock.ts'
export { createMemoryEngine, MemoryEngine, type MemoryEngineOptions } from './memory-engine.ts'
export { type SeededRandom, seededRandom } from './seeded-random.ts'
export { eventsOf, openTail, type TailEvent, type TailReader } from './tail-reader.ts'
