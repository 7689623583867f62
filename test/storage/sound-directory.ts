import assert from 'node:assert/strict'
import { verifyDataDirectory } from '@millrace/engine-local'
import { nodeDisk } from '@millrace/log'

/** The offline check finds nothing wrong in a data directory that nobody has open. @throws AssertionError */
export async function assertSound(dataDir: string): Promise<void> {
  const errors: string[] = []
  await verifyDataDirectory({
    disk: nodeDisk(),
    dataDir,
    onFinding: ({ kind, severity, file, message }) => {
      if (severity === 'error') errors.push(`${kind} ${file}: ${message}`)
    },
  })
  assert.deepEqual(errors, [])
}
