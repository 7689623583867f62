/** Cuts bytes into lines at LF, without decoding them; CR stays. The last line may lack its LF. */
export async function* byteLines(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let begun: Buffer[] = []
  for await (const chunk of input) {
    let start = 0
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, start)) {
      const part = chunk.subarray(start, at)
      yield begun.length === 0 ? part : Buffer.concat([...begun, part])
      begun = []
      start = at + 1
    }
    if (start < chunk.length) begun.push(chunk.subarray(start))
  }
  if (begun.length > 0) yield Buffer.concat(begun)
}

const LF = 0x0a
