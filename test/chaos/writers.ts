import type { Millrace } from '@millrace/client'
import { type HistoryEvent, nowMs } from './history.ts'

/** Writes numbered records of many keys; a key's next record is sent when the one before is known to be stored. */
export class Writers {
  private readonly client: Millrace
  private readonly topic: string
  private readonly keys: readonly string[]
  private readonly note: (event: HistoryEvent) => void
  private readonly pause: () => Promise<void>
  private isStopping = false
  private running: Promise<unknown> = Promise.resolve()
  /** A record that failed for good: its key gets no more, so that its numbers have no gap. */
  failures: unknown[] = []

  constructor(
    client: Millrace,
    options: { topic: string; keys: number; note: (event: HistoryEvent) => void; pause: () => Promise<void> },
  ) {
    this.client = client
    this.topic = options.topic
    this.keys = Array.from({ length: options.keys }, (_, index) => `key-${index}`)
    this.note = options.note
    this.pause = options.pause
  }

  start(): void {
    const producer = this.client.producer({ deliveryTimeoutMs: 600_000 })
    this.running = Promise.all(
      this.keys.map(async (key) => {
        try {
          for (let sequence = 0; !this.isStopping; sequence++) {
            const { partition, offset } = await producer.send({ topic: this.topic, key, value: { key, sequence } })
            this.note({ kind: 'sent', at: nowMs(), place: { partition, offset }, key, sequence })
            await this.pause()
          }
        } catch (error) {
          this.failures.push(error)
        }
      }),
    ).then(() => producer.close())
  }

  async stop(): Promise<void> {
    this.isStopping = true
    await this.running
  }
}
