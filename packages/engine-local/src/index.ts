export { BACKUPS_DIRECTORY } from './layout.ts'
export { type LocalEngineOptions, openLocalEngine } from './local-engine.ts'
export {
  type VerifyOptions,
  type VerifyProgress,
  type VerifySummary,
  verifyDataDirectory,
} from './verify-data-directory.ts'
