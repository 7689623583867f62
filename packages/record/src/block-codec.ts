/**
 * One way to compress. The `Async` ones read and write the same blocks, fail with the same errors, and work in the thread
 * pool, on one thread at a time. Nothing beyond `maxBytes` is allocated for what a block claims to expand to.
 */
export interface BlockCodec {
  compress(bytes: Buffer): Buffer
  compressAsync(bytes: Buffer): Promise<Buffer>
  decompress(bytes: Buffer, maxBytes: number): Buffer
  decompressAsync(bytes: Buffer, maxBytes: number): Promise<Buffer>
}
