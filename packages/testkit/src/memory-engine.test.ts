import { engineConformance } from '@millrace/engine/conformance'
import { MillraceError } from '@millrace/record'
import { ManualClock } from './manual-clock.ts'
import { createMemoryEngine } from './memory-engine.ts'

engineConformance('the memory engine', async (limits) => {
  const clock = new ManualClock()
  const engine = createMemoryEngine({ clock, limits })
  return {
    engine,
    clock,
    holdCommits: () => engine.holdCommits(),
    failAppends() {
      engine.failAppends(new MillraceError('DISK_FULL', 'the test says so'))
      return () => engine.failAppends()
    },
  }
})
