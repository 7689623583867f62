export { ManualClock } from './manual-clock.ts'
export { createMemoryEngine, MemoryEngine, type MemoryEngineOptions } from './memory-engine.ts'
export { type SeededRandom, seededRandom } from './seeded-random.ts'
