/**
 * What a chaos run saw. Times are in ms of the machine's monotonic clock, which all processes share; what a process notes
 * before it acts has the time before, so that "ended before began" holds between processes.
 */
export type HistoryEvent =
  /** A record that a producer was told to be committed; `sequence` counts the records of its key. */
  | {
      readonly kind: 'sent'
      readonly at: number
      readonly place: Place
      readonly key: string
      readonly sequence: number
    }
  /** A record whose handler has begun. */
  | {
      readonly kind: 'handled'
      readonly at: number
      readonly member: string
      readonly place: Place
      readonly key: string
      readonly sequence: number
    }
  /** An offset whose commit was acknowledged. */
  | {
      readonly kind: 'committed'
      readonly began: number
      readonly at: number
      readonly member: string
      readonly partition: number
      readonly offset: number
    }
  | {
      readonly kind: 'assigned' | 'revoked' | 'lost'
      readonly at: number
      readonly member: string
      readonly partition: number
    }
  /** The member was killed or stopped, and owns nothing that others could not have. */
  | { readonly kind: 'halted'; readonly at: number; readonly member: string }
  /** Found in the committed output at the end: what was made of the input record at `place`. */
  | {
      readonly kind: 'output'
      readonly output: Place
      readonly place: Place
      readonly key: string
      readonly sequence: number
    }
  /** The group's committed offset at the end, and the end of the partition. */
  | { readonly kind: 'finished'; readonly partition: number; readonly offset: number; readonly end: number }

export interface Place {
  readonly partition: number
  readonly offset: number
}

export function placeName({ partition, offset }: Place): string {
  return `${partition}/${offset}`
}

/** Of a clock that all processes of this machine share. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
