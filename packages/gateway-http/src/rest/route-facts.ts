import type { FastifyInstance } from 'fastify'

/** What all requests of a route have in common. */
export interface RouteFacts {
  /** Its method, and its path with parameters by name: `GET /v1/topics/:topic`. */
  readonly call: string
  readonly takesBody: boolean
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined where the server has no route. */
    route: RouteFacts | undefined
  }
}

/** Gives each request its route's facts, before later hooks: Fastify makes `routeOptions` anew whenever it is read. */
export function tellRoutes(app: FastifyInstance): void {
  // By what is the same object in all requests of a route.
  const known = new WeakMap<object, RouteFacts>()
  app.decorateRequest('route', undefined)
  app.addHook('onRequest', (request, _reply, done) => {
    if (!request.is404) {
      const { config, method, url, schema } = request.routeOptions
      request.route = known.get(config)
      if (request.route === undefined) {
        const { body } = (schema ?? {}) as { body?: unknown }
        request.route = { call: `${method} ${url}`, takesBody: body !== undefined }
        known.set(config, request.route)
      }
    }
    done()
  })
}
