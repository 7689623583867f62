export { jsonCodec, type TableCodec, type TableKey } from './codec.ts'
export type { TablePartition } from './log-reader.ts'
export type { SnapshotStore } from './snapshots.ts'
export { type AppliedChange, Table, type TableChange, type TableOptions } from './table.ts'
