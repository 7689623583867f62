import { MillraceError } from '@millrace/record'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** Knows which methods each path answers to: Fastify's router only says that a path and method have no route. */
export class PathMethods {
  private readonly byPattern = new Map<string, Set<string>>()

  /** Takes note of all routes that `app` gets from now on. */
  watch(app: FastifyInstance): void {
    app.addHook('onRoute', ({ url, method }) => {
      const methods = this.byPattern.get(url) ?? new Set()
      for (const name of [method].flat()) methods.add(name)
      this.byPattern.set(url, methods)
    })
  }

  /** The methods of the path that a URL names, as the Allow header has them; undefined when there is no such path. */
  allowed(url: string): string | undefined {
    const path = segmentsOf(url.split(/[?#]/, 1)[0]!)
    for (const [pattern, methods] of this.byPattern) {
      if (matches(segmentsOf(pattern), path)) return [...methods, 'OPTIONS'].sort().join(', ')
    }
    return undefined
  }
}

/** ROUTE_NOT_FOUND for a request that no route answers. */
export function routeNotFound({ method, url }: FastifyRequest): MillraceError {
  const path = url.split('?', 1)[0]!
  return new MillraceError(
    'ROUTE_NOT_FOUND',
    `there is no ${method} ${path.length > 200 ? `${path.slice(0, 200)}…` : path}`,
  )
}

function segmentsOf(path: string): string[] {
  return path.split('/')
}

function matches(pattern: readonly string[], path: readonly string[]): boolean {
  return (
    (pattern.length === path.length || (pattern.at(-1) === '*' && pattern.length < path.length)) &&
    pattern.every((segment, index) => segment === '*' || segment.startsWith(':') || segment === path[index])
  )
}
