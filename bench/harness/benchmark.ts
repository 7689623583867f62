import type { ContenderName } from '../contenders/contender.ts'
import type { Figures, StorageTask, Task } from './tasks.ts'
import type { Unit } from './units.ts'

/** One kind of figure. The first column of a benchmark is the one that is compared. */
export interface Column {
  /** Its name among the figures. */
  readonly key: string
  readonly title: string
  readonly unit: Unit
  readonly better: 'more' | 'less'
}

/** What is measured in each round: one contender with one setting. */
export interface Entry {
  /** Unique in the benchmark. */
  readonly name: string
  readonly contender: ContenderName
  /** The entry that this one is compared with. */
  readonly baseline?: string
  /** Further entries that it is compared with. */
  readonly peers?: readonly string[]
  /** Left out with --quick, as there is no time for all. */
  readonly notQuick?: boolean
  measure(run: Run): Promise<Figures>
}

/** What an entry works with. */
export interface Run {
  /** Whether this is a short run. */
  readonly quick: boolean
  readonly contender: ContenderName
  /** What `prepare` gave for this contender. */
  readonly prepared: Figures
  /** A name that no topic has. */
  newTopic(): string
  /**
   * Does a task with the contender's client, in a process of its own, and adds the processor time that client and
   * server took for each record and the server's peak memory to the figures. Before it begins, what others wrote and did
   * not sync goes to disk.
   */
  perform(task: Task): Promise<Figures>
  /**
   * Does a task with the contender's storage program, without a server: in a process of its own, in an empty directory
   * that is removed. Adds the processor time of the whole task (cpuMs) to the figures.
   */
  performAlone(task: StorageTask, env?: Readonly<Record<string, string>>): Promise<Figures>
  /** Starts a server of the contender's for this entry alone and stops it; returns how long it took to be ready. */
  coldStartMs(): Promise<number>
  /**
   * Starts a server of the contender's, has its client do `task`, ends the server, and starts one on the same data;
   * returns how long that took to be ready.
   * @param end `kill`: by SIGKILL
   */
  restartMs(task: Task, end: 'kill' | 'close'): Promise<number>
}

/** A figure that the product must reach. */
export interface Target {
  readonly entry: string
  readonly column: string
  /** Compare the ratio to the entry's baseline in place of the figure. */
  readonly ratio?: boolean
  /** Compare the ratio to this one of the entry's peers. */
  readonly to?: string
  readonly atLeast?: number
  readonly atMost?: number
}

export interface Benchmark {
  readonly name: string
  /** One line on what is measured. */
  readonly about: string
  readonly columns: readonly [Column, ...Column[]]
  /** The column up to which a picture draws a line, beyond the bar of the first. Default: the rounds' lowest to highest. */
  readonly tail?: string
  readonly entries: readonly Entry[]
  readonly targets: readonly Target[]
  /** `once`: further rounds would measure something else, because the servers keep what they have seen. */
  readonly rounds: { readonly quick: number; readonly full: number } | 'once'
  /** False for a benchmark that starts its servers itself. */
  readonly sharedServers: boolean
  /** Done once for each contender before the first round, with its server running. */
  prepare?(run: Run): Promise<Figures>
}
