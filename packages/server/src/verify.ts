import { resolve } from 'node:path'
import type { VerifyProgress, VerifySummary } from '@millrace/engine-local'
import type { Finding } from '@millrace/log'

export interface VerifyDirectoryOptions {
  /** Gets each finding, its file relative to the directory; the check goes on when it is done with it. */
  readonly onFinding: (finding: Finding) => Promise<void> | void
  readonly onProgress?: (progress: VerifyProgress) => void
  readonly signal?: AbortSignal
}

/**
 * Checks every file of a data directory that no server uses, and changes nothing.
 * @throws MillraceError DATA_DIR_LOCKED, DATA_DIR_INVALID; what `signal` was aborted with
 */
export async function verifyDirectory(directory: string, options: VerifyDirectoryOptions): Promise<VerifySummary> {
  const [{ verifyDataDirectory }, { nodeDisk }] = await Promise.all([
    import('@millrace/engine-local'),
    import('@millrace/log'),
  ])
  return verifyDataDirectory({ disk: nodeDisk(), dataDir: resolve(directory).replaceAll('\\', '/'), ...options })
}
