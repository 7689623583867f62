import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify'
import type { DescribedRoute } from '../declaration.ts'
import type { Description } from '../description.ts'
import { OpenApi } from '../schemas.ts'

const DOCS = '/docs'

const OPENAPI_SCHEMA: FastifySchema = {
  operationId: 'getDescription',
  tags: ['Server'],
  summary: 'Tell what calls there are',
  description: 'This document. There is a page to read it at `/docs`.',
  response: { 200: OpenApi },
  errors: [],
}

/** Takes note of all routes that `app` gets from now on, but those that are to be hidden. */
export function watchRoutes(app: FastifyInstance): readonly DescribedRoute[] {
  const routes: DescribedRoute[] = []
  app.addHook('onRoute', ({ method, url, schema = {} }) => {
    for (const name of [method].flat())
      if (name !== 'HEAD' && schema.hide !== true) routes.push({ method: name, url, schema })
  })
  return routes
}

/** The description of all routes, and a page to read it. */
export function descriptionRoutes(app: FastifyInstance, routes: readonly DescribedRoute[]): void {
  let description: Promise<Description> | undefined
  // Most servers are never asked: neither start nor memory pay for it before.
  const load = (): Promise<Description> => {
    description ??= import('../description.ts')
      .then(({ describe }) => describe(routes, DOCS))
      .catch((error: unknown) => {
        // It may have lacked no more than a file handle.
        description = undefined
        throw error
      })
    return description
  }
  app.addHook('onClose', async () => (await description?.catch(() => undefined))?.close())

  app.get('/openapi.json', { schema: OPENAPI_SCHEMA }, async (_request, reply) =>
    reply.type('application/json').send((await load()).text),
  )
  const page = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const { handle } = await load()
    reply.hijack()
    // What the guard wants every answer to carry.
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) reply.raw.setHeader(name, value)
    handle(request.raw, reply.raw)
  }
  app.get(DOCS, { schema: { hide: true } }, page)
  app.get(`${DOCS}/*`, { schema: { hide: true } }, page)
}
