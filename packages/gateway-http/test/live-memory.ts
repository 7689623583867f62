import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What this process has in memory and still needs: in V8's heap and, where Buffers and long headers are, outside it. */
export function liveMemory(): { readonly heapBytes: number; readonly externalBytes: number } {
  // What one collection found is given back in the background, and at the latest when the next begins.
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return { heapBytes: heapUsed, externalBytes: external }
}
