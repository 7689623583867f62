export { type LocalEngineOptions, openLocalEngine } from './local-engine.ts'
