import type { ProducerIdentity, ProducerIds } from '@millrace/engine'

const MAX_EPOCH = 0x7fff

/**
 * Producers of the broker's own, one for each request that is under way: a producer for every request would push those
 * of clients out of what partitions remember. Each request has an epoch of its own and begins at sequence 0, so that
 * nothing has to be known of what a lane wrote where, and so that a request of an earlier epoch that comes back too late
 * is fenced, and never taken for the later one.
 */
export class Lanes {
  private readonly producers: ProducerIds
  /** The last one that was used comes first, so that there are no more than there were requests at once. */
  private readonly free: ProducerIdentity[] = []

  constructor(producers: ProducerIds) {
    this.producers = producers
  }

  /** A producer that nobody uses, with an epoch that nothing was written with. */
  async take(): Promise<ProducerIdentity> {
    const lane = this.free.pop()
    if (lane === undefined || lane.producerEpoch === MAX_EPOCH) return this.producers.allocate()
    return { producerId: lane.producerId, producerEpoch: lane.producerEpoch + 1 }
  }

  /**
   * Makes a lane free. What became of its request must be known, and be kept before, or together with, whatever comes
   * next on the lane. A lane whose request is open is never given back.
   */
  giveBack({ producerId, producerEpoch }: ProducerIdentity): void {
    this.free.push({ producerId, producerEpoch })
  }
}
