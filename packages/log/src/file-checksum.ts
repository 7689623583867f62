import { checksum, MillraceError } from '@millrace/record'
import type { DiskFile } from './disk.ts'

const CHUNK_BYTES = 1 << 20

/**
 * The CRC-32C of the first `sizeBytes` bytes of a file.
 * @throws MillraceError STORAGE_FAILED when it has less
 */
export async function checksumOf(file: DiskFile, sizeBytes: number): Promise<number> {
  const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, Math.max(sizeBytes, 1)))
  let sum = 0
  for (let position = 0; position < sizeBytes; ) {
    const bytes = await file.read(chunk.subarray(0, Math.min(chunk.length, sizeBytes - position)), position)
    if (bytes === 0) throw new MillraceError('STORAGE_FAILED', 'a segment is shorter than what was written to it')
    sum = checksum(chunk.subarray(0, bytes), sum)
    position += bytes
  }
  return sum
}
