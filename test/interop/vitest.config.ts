import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** The suite that needs more than npm: no part of `npm test`. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  resolve: { conditions: ['development'] },
  ssr: { resolve: { conditions: ['development'] } },
  test: {
    include: ['test/interop/**/*.interop.ts'],
    environment: 'node',
    maxWorkers: 2,
    testTimeout: 120_000,
  },
})
