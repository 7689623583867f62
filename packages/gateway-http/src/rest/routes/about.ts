import { MillraceError } from '@millrace/record'
import type { FastifyInstance } from 'fastify'
import { PROBLEM_TYPE, problemOf } from '../problem.ts'
import type { RouteContext } from './context.ts'

const ABOUT = {
  name: 'Millrace',
  what: 'A durable, partitioned commit log, over REST (/v1) and gRPC (millrace.v1) on this port.',
  links: {
    topics: '/v1/topics',
    transactions: '/v1/transactions',
    groups: '/v1/groups',
    health: '/healthz',
    readiness: '/readyz',
  },
}

/** What the server says about itself: what it is, whether it lives, whether it can do its work. */
export function aboutRoutes(app: FastifyInstance, context: RouteContext): void {
  app.get('/', { schema: { summary: 'What this is and where to go' } }, async () => ABOUT)
  app.get('/healthz', { schema: { summary: 'Whether the process answers' } }, async () => ({ status: 'ok' }))
  app.get('/readyz', { schema: { summary: 'Whether the server can do its work' } }, async (_request, reply) => {
    const problems = context.isDraining() ? ['the server is shutting down'] : context.broker.problems()
    if (problems.length === 0) return { status: 'ready' }
    // Whoever asks does so over and over, and what is wrong was logged when it happened: no line for each answer.
    const problem = problemOf(new MillraceError('NOT_READY', problems.join('; ')))
    return reply
      .code(problem.status)
      .header('content-type', PROBLEM_TYPE)
      .send(Buffer.from(JSON.stringify({ ...problem, problems })))
  })
}
