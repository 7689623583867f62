import { CrashDisk, ManualClock, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { openLocalEngine } from './local-engine.ts'

describe('a backup', () => {
  test('is there when the power is cut as soon as it is made, the first one too', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const disk = new CrashDisk(seededRandom(seed))
      const options = { dataDir: '/data', backupDir: '/far/away/backups', clock: new ManualClock() }
      const engine = await openLocalEngine({ disk: disk.mount({ deadCalls: 'hang' }), ...options })
      await engine.backups?.create('one')
      disk.crash()
      expect(await disk.list('/far/away/backups').catch(() => [])).toEqual(['one'])
      const names = await disk.list('/far/away/backups/one')
      expect(names).toEqual(expect.arrayContaining(['format-version', '__millrace_catalog-0']))
    }
  })
})
