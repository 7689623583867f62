import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { batchBytesAtMost, writeBatch } from './batch.ts'
import { FRAME_PREFIX_BYTES, FrameReader, writePrefix } from './frames.ts'

const PARTITION_BYTES = 4
const HEADER_BYTES = FRAME_PREFIX_BYTES + PARTITION_BYTES
/** The most records that are sent one by one and go into one batch. */
const MAX_GATHERED = 4_000
/** Acknowledged batches that stay in the list of those in flight, so that it is not moved for each. */
const FORGET_AFTER = 1_000

/** Encodes and sends batches over one stream; acknowledgements come in the order of the batches. */
export class FloorProducer {
  private readonly stream: ClientHttp2Stream
  private readonly valueBytes: number
  /** An acknowledged batch has left this process: its Buffer is used again. */
  private readonly spare = new Map<number, Buffer[]>()
  private readonly inFlight: { readonly settle: () => void; readonly buffer: Buffer }[] = []
  private acknowledged = 0
  private gathered: { readonly partition: number; values: Buffer[]; settles: (() => void)[] } | undefined

  constructor(session: ClientHttp2Session, topic: string, valueBytes: number) {
    this.valueBytes = valueBytes
    this.stream = session.request({ ':method': 'POST', ':path': `/${topic}` }, { endStream: false })
    const frames = new FrameReader((payload) => this.settle(payload.readUInt32BE(0)))
    this.stream.on('data', (chunk: Buffer) => frames.push(chunk))
  }

  sendBatch(values: readonly Buffer[], partition: number): Promise<void> {
    return new Promise((resolve) => this.write(values, partition, resolve))
  }

  /** Gathers what is sent in one turn of the event loop. */
  send(value: Buffer, partition: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.gathered?.partition !== partition || this.gathered.values.length === MAX_GATHERED) this.flush()
      if (this.gathered === undefined) {
        this.gathered = { partition, values: [], settles: [] }
        setImmediate(() => this.flush())
      }
      this.gathered.values.push(value)
      this.gathered.settles.push(resolve)
    })
  }

  private flush(): void {
    if (this.gathered === undefined) return
    const { partition, values, settles } = this.gathered
    this.gathered = undefined
    this.write(values, partition, () => {
      for (const settle of settles) settle()
    })
  }

  private write(values: readonly Buffer[], partition: number, settle: () => void): void {
    // Powers of two, so that Buffers of few sizes serve batches of all sizes.
    const bytes = 2 ** Math.ceil(Math.log2(HEADER_BYTES + batchBytesAtMost(values.length, this.valueBytes)))
    const buffer = this.spare.get(bytes)?.pop() ?? Buffer.allocUnsafeSlow(bytes)
    const end = writeBatch(buffer, HEADER_BYTES, values, 0, values.length)
    writePrefix(buffer, end - FRAME_PREFIX_BYTES)
    buffer.writeUInt32BE(partition, FRAME_PREFIX_BYTES)
    this.inFlight.push({ settle, buffer })
    this.stream.write(buffer.subarray(0, end))
  }

  private settle(batches: number): void {
    for (let index = 0; index < batches; index++) {
      const { settle, buffer } = this.inFlight[this.acknowledged++]!
      const spare = this.spare.get(buffer.length)
      if (spare === undefined) this.spare.set(buffer.length, [buffer])
      else spare.push(buffer)
      settle()
    }
    if (this.acknowledged < FORGET_AFTER) return
    this.inFlight.splice(0, this.acknowledged)
    this.acknowledged = 0
  }
}
