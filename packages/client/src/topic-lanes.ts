import type { Lane } from './lane.ts'

/** The lanes of one topic's partitions. */
export class TopicLanes {
  private readonly create: (partition: number) => Lane
  private readonly lanes: (Lane | undefined)[] = []
  /** Takes records without a key at the moment. */
  private sticky: Lane | undefined

  /** @param create called once for each partition that is used */
  constructor(create: (partition: number) => Lane) {
    this.create = create
  }

  at(partition: number): Lane {
    this.lanes[partition] ??= this.create(partition)
    return this.lanes[partition]
  }

  /** The lane for records without a key: one until its batch is sealed, then that of the next partition. */
  next(partitions: number): Lane {
    const { sticky } = this
    if (sticky?.openBatch !== undefined && sticky.partition < partitions) return sticky
    this.sticky = this.at(sticky === undefined ? 0 : (sticky.partition + 1) % partitions)
    return this.sticky
  }
}
