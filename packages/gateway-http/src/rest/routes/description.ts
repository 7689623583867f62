import { type Clock, type Limits, MillraceError } from '@millrace/record'
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify'
import { OpenCount } from '../../open-count.ts'
import type { DescribedRoute } from '../declaration.ts'
import type { Description } from '../description.ts'
import { cutOffResponse, isGone } from '../response.ts'
import { OpenApi } from '../schemas.ts'

const DOCS = '/docs'
/** Files of the page that are on their way at once: each is open meanwhile. A browser asks for about five. */
const MAX_FILES = 64

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
export function descriptionRoutes(
  app: FastifyInstance,
  routes: readonly DescribedRoute[],
  { clock, limits }: { readonly clock: Clock; readonly limits: Limits },
): void {
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
  const files = new OpenCount(() => MAX_FILES)
  const page = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const { handle } = await load()
    if (isGone(reply.raw)) throw new MillraceError('CANCELLED', 'the caller went away')
    if (!files.take()) {
      throw new MillraceError(
        'LIMIT_REACHED',
        `${MAX_FILES} files of the page are on their way; that is all there may be`,
      )
    }
    const timer = clock.setTimer(limits.stalledReaderTimeoutMs, () => cutOffResponse(reply.raw))
    reply.raw.once('close', () => {
      timer.cancel()
      files.giveBack()
    })
    reply.hijack()
    // What the guard wants every answer to carry.
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) reply.raw.setHeader(name, value)
    handle(request.raw, reply.raw)
  }
  app.get(DOCS, { schema: { hide: true } }, page)
  app.get(`${DOCS}/*`, { schema: { hide: true } }, page)
}
