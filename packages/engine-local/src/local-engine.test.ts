import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { engineConformance } from '@millrace/engine/conformance'
import { memoryDisk, nodeDisk } from '@millrace/log'
import { CrashDisk, ManualClock, seededRandom } from '@millrace/testkit'
import { openLocalEngine } from './local-engine.ts'

engineConformance('engine-local on a simulated disk', async (limits) => {
  const clock = new ManualClock()
  const disk = new CrashDisk(seededRandom(1))
  const open = () => openLocalEngine({ disk, dataDir: '/data', clock, limits })
  let engine = await open()
  return {
    engine,
    clock,
    holdCommits: () => disk.holdSyncs(),
    failAppends() {
      disk.failNext({ operation: 'write', code: 'ENOSPC', times: 100 })
      return () => disk.clearFaults()
    },
    async reopen() {
      await engine.close()
      engine = await open()
      return engine
    },
  }
})

engineConformance('engine-local in memory', async (limits) => {
  const clock = new ManualClock()
  return { clock, engine: await openLocalEngine({ disk: memoryDisk(), dataDir: '/data', clock, limits }) }
})

engineConformance('engine-local on files', async (limits) => {
  const clock = new ManualClock()
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-engine-'))
  const open = () => openLocalEngine({ disk: nodeDisk(), dataDir, clock, limits })
  let engine = await open()
  return {
    engine,
    clock,
    async reopen() {
      await engine.close()
      engine = await open()
      return engine
    },
    dispose: () => rm(dataDir, { recursive: true, force: true }),
  }
})
