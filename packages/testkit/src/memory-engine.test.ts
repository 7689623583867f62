import { engineConformance } from '@millrace/engine/conformance'
import { ManualClock } from './manual-clock.ts'
import { createMemoryEngine } from './memory-engine.ts'

engineConformance('the memory engine', async (limits) => {
  const clock = new ManualClock()
  const engine = createMemoryEngine({ clock, limits })
  return { engine, clock, holdCommits: () => engine.holdCommits() }
})
