import { MillraceError } from '@millrace/record'
import type { FastifyInstance, FastifySchema } from 'fastify'
import { PROBLEM_TYPE, problemOf } from '../problem.ts'
import { About, Health, Readiness } from '../schemas.ts'
import type { RouteContext } from './context.ts'

const ABOUT = {
  name: 'Millrace',
  what: 'A durable, partitioned commit log, over REST (/v1) and gRPC (millrace.v1) on this port.',
  links: {
    topics: '/v1/topics',
    groups: '/v1/groups',
    transactions: '/v1/transactions',
    health: '/healthz',
    readiness: '/readyz',
    description: '/openapi.json',
    docs: '/docs',
  },
}

const ABOUT_SCHEMA = {
  operationId: 'about',
  tags: ['Server'],
  summary: 'Tell what this is and where to go',
  response: { 200: About },
  errors: [],
}
const HEALTH_SCHEMA = {
  operationId: 'getHealth',
  tags: ['Server'],
  summary: 'Tell whether the process answers',
  response: { 200: Health },
  errors: [],
}
const READINESS_SCHEMA: FastifySchema = {
  operationId: 'getReadiness',
  tags: ['Server'],
  summary: 'Tell whether the server can do its work',
  description: 'Where it cannot, `problems` of the answer says why.',
  response: { 200: Readiness },
  errors: ['NOT_READY'],
}
const METRICS_SCHEMA: FastifySchema = {
  operationId: 'getMetrics',
  tags: ['Server'],
  summary: 'Tell the metrics of the server',
  description: "In Prometheus' text format, for it to scrape.",
  response: { 200: { description: 'It worked.', content: { 'text/plain': { schema: { type: 'string' } } } } },
  errors: [],
}

/** What the server says about itself: what it is, whether it lives, whether it can do its work. */
export function aboutRoutes(app: FastifyInstance, context: RouteContext): void {
  const { metrics } = context
  const links = metrics === undefined ? ABOUT.links : { ...ABOUT.links, metrics: '/metrics' }
  app.get('/', { schema: ABOUT_SCHEMA }, async () => ({ ...ABOUT, links }))
  app.get('/healthz', { schema: HEALTH_SCHEMA }, async () => ({ status: 'ok' }))
  app.get('/readyz', { schema: READINESS_SCHEMA }, async (request, reply) => {
    const problems = context.isDraining() ? ['the server is shutting down'] : await context.broker.problems()
    if (problems.length === 0) return { status: 'ready' }
    // Whoever asks does so over and over, and what is wrong was logged when it happened: no line for each answer.
    const error = new MillraceError('NOT_READY', problems.join('; '))
    request.failure = error
    const problem = problemOf(error)
    return reply
      .code(problem.status)
      .header('content-type', PROBLEM_TYPE)
      .send(Buffer.from(JSON.stringify({ ...problem, problems })))
  })
  if (metrics === undefined) return
  app.get('/metrics', { schema: METRICS_SCHEMA }, async (_request, reply) => {
    const { contentType, text } = await metrics()
    // As bytes, because Fastify would add a charset of its own to text.
    return reply.header('content-type', contentType).send(Buffer.from(text))
  })
}
