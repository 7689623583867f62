import { startForked } from '../harness/processes.ts'
import type { Contender } from './contender.ts'

/** The floor of REST: a route that parses the JSON of a produce request and answers as if it had done something. */
export const fastify: Contender = {
  name: 'fastify',
  client: new URL('../clients/rest.ts', import.meta.url),
  server: {
    name: 'fastify',
    settings: 'one route without schemas',
    durability: 'stores nothing',
    missing: async () => undefined,
    version: async () => undefined,
    start: (options) => startForked(new URL('../floor/rest.ts', import.meta.url), [], options),
  },
}
