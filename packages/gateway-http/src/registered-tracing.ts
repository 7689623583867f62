import type { Tracing } from './tracing.ts'

/** Where the API package, loaded by whoever registers an SDK, keeps what is registered: one place for all its copies. */
const REGISTRY = Symbol.for('opentelemetry.js.api.1')

/** Tracing, when this process has an SDK that takes spans. Without one not even the API package is loaded. */
export async function registeredTracing(): Promise<Tracing | undefined> {
  if (!(REGISTRY in globalThis)) return undefined
  const { Tracing } = await import('./tracing.ts')
  return Tracing.registered()
}
