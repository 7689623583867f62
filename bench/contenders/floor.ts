import { startForked } from '../harness/processes.ts'
import type { Contender } from './contender.ts'

/** The bare program: only the work that cannot be left out. */
export const floor: Contender = {
  name: 'floor',
  client: new URL('../clients/floor.ts', import.meta.url),
  storage: new URL('../storage/floor.ts', import.meta.url),
  server: {
    name: 'floor',
    settings: 'nothing to set',
    durability: 'after one fdatasync, shared by what arrived while the last one ran',
    missing: async () => undefined,
    version: async () => undefined,
    start: (options) => startForked(new URL('../floor/server.ts', import.meta.url), [options.directory], options),
  },
}
