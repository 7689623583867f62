import type { ProducerIds } from '@millrace/engine'
import { Serial } from '@millrace/log'
import type { CatalogTable } from './catalog-store.ts'

const KEY = 'producer-ids'
/** Ids are set aside in blocks, so that a new producer seldom waits for the disk. A crash wastes the rest of a block. */
const BLOCK = 1_000

/** Gives producer ids, each once in the life of the data directory. */
export class LocalProducerIds implements ProducerIds {
  private readonly store: CatalogTable
  private readonly serial = new Serial()
  private next: number
  private end: number

  constructor(store: CatalogTable) {
    this.store = store
    const kept = store.get(KEY) as { end: number } | undefined
    this.next = kept?.end ?? 0
    this.end = this.next
  }

  allocate(): Promise<{ producerId: number; producerEpoch: number }> {
    return this.serial.run(async () => {
      if (this.next === this.end) {
        await this.store.set(KEY, { end: this.end + BLOCK })
        this.end += BLOCK
      }
      return { producerId: this.next++, producerEpoch: 0 }
    })
  }
}
