/** What is counted of histories. Where one of these stays 0, that case was not tested. */
export const COUNTED = [
  'power cuts',
  'kills',
  'shutdowns',
  'starts cut short',
  'starts that failed',
  'second recoveries',
  'writes kept',
  'writes lost',
  'writes torn',
  'writes reordered',
  'writes that failed',
  'syncs that failed',
  'other calls that failed',
  'disks filled',
  'plain appends',
  'idempotent appends',
  'repeats recognised',
  'appends refused',
  'appends of unknown outcome',
  'journal writes',
  'journals removed',
  'single syncs',
  'segments begun',
  'reads at the tail',
  'reads in the middle',
  'reads behind an append',
  'reads over segments',
  'reads that waited',
  'lookups by time',
  'truncations',
  'log starts raised',
  'compactions',
  'records compacted',
  'tombstones compacted',
  'swaps cut short',
  'topics created',
  'topics deleted',
  'topics altered',
  'partitions added',
  'alterations found made',
  'alterations found not made',
  'backups made',
  'backups opened',
  'truncations while records came',
  'unsynced records lost',
  'transactions committed',
  'transactions aborted',
  'transactions that failed',
  'transactions found committed',
  'transactions found aborted',
  'records found aborted',
  'aborted records compacted',
  'reads below open transactions',
] as const
export type Counted = (typeof COUNTED)[number]

export type Counts = Record<Counted, number>

export function noCounts(): Counts {
  return Object.fromEntries(COUNTED.map((what) => [what, 0])) as Counts
}

export function addCounts(a: Readonly<Counts>, b: Readonly<Counts>): Counts {
  return Object.fromEntries(COUNTED.map((what) => [what, a[what] + b[what]])) as Counts
}
