import type { IncomingMessage, ServerResponse } from 'node:http'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { ERRORS, type ErrorCode, MillraceError } from '@millrace/record'
import Fastify, { type FastifyReply, type FastifySchema } from 'fastify'
import { codesByStatus, type DescribedRoute } from './declaration.ts'
import { EXAMPLES, type Example } from './examples.ts'
import { mapError, PROBLEM_TYPE, problemOf } from './problem.ts'
import { DESCRIBED, NAME, type SchemaNotes } from './schema-notes.ts'
import { Problem } from './schemas.ts'

type Json = Record<string, unknown>

const INFO = {
  title: 'Millrace',
  version: 'v1',
  description: `A durable, partitioned commit log. The same calls, and streams besides, are there over gRPC on this port.

What fails is answered with a problem (RFC 9457) whose \`code\` is permanent; each call lists the codes that it may answer
with. A path that there is not is answered with 404 \`ROUTE_NOT_FOUND\`, a method that a path does not have with 405
\`METHOD_NOT_ALLOWED\` and an \`Allow\` header. What is no request that can be understood is answered with 400
\`INVALID_REQUEST\`, 413 \`REQUEST_TOO_LARGE\` or 408 \`TIMED_OUT\`.

Query parameters, members of bodies and bodies that are not described are refused.`,
}

const TAGS = [
  { name: 'Topics', description: 'Making, finding, changing and deleting topics.' },
  { name: 'Records', description: 'Writing and reading records, and finding offsets.' },
  { name: 'Groups', description: 'Consumer groups and their offsets.' },
  { name: 'Transactions', description: 'What producers with a transactional id are doing.' },
  { name: 'Backups', description: 'Copies of all that the server keeps.' },
  { name: 'Server', description: 'What the server says about itself.' },
]

/** The headers of failures. */
const RETRY_AFTER = { 'Retry-After': { type: 'integer', description: 'Seconds after which it may work.' } }
const STATUSES_WITH_RETRY_AFTER: ReadonlySet<number> = new Set([429, 503])

/** The page runs its own script, shows its own pictures, and calls this server; nothing comes from elsewhere. */
const CONTENT_SECURITY_POLICY = {
  'default-src': "'none'",
  'script-src': "'self'",
  // What it draws carries its styles with it.
  'style-src': "'self' 'unsafe-inline'",
  'img-src': "'self' data:",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
}

export interface Description {
  /** The OpenAPI document. */
  readonly text: string
  /** Answers requests for the page and what belongs to it. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void
  readonly close: () => Promise<void>
}

/** @param docs the path of the page */
export async function describe(routes: readonly DescribedRoute[], docs: string): Promise<Description> {
  // An app of its own, which answers for none of the routes but the page.
  const app = Fastify({ exposeHeadRoutes: false, routerOptions: { maxParamLength: 65_536 } })
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => JSON.stringify)
  app.setErrorHandler((error, _request, reply) => sendProblem(reply, mapError(error)))
  app.setNotFoundHandler((_request, reply) =>
    sendProblem(reply, new MillraceError('ROUTE_NOT_FOUND', 'the page has no such file')),
  )
  await app.register(swagger, {
    openapi: { openapi: '3.1.1', info: INFO, tags: TAGS },
    convertConstToEnum: false,
    refResolver: { buildLocalReference: ({ $id }) => String($id) },
    transformObject: (made) => withExamples('openapiObject' in made ? made.openapiObject : made.swaggerObject) as never,
  })
  const components = new Components()
  const described = routes.map((route) => ({ ...route, schema: components.share(schemaOf(route)) }))
  for (const schema of components.schemas()) app.addSchema(schema)
  for (const { method, url, schema } of described) app.route({ method, url, schema, handler: async () => undefined })
  await app.register(swaggerUi, {
    routePrefix: docs,
    staticCSP: CONTENT_SECURITY_POLICY,
    uiConfig: {
      layout: 'BaseLayout',
      validatorUrl: null,
      displayRequestDuration: true,
      tryItOutEnabled: true,
      deepLinking: true,
    },
    theme: { title: 'Millrace' },
  })
  await app.ready()
  return {
    text: JSON.stringify(app.swagger()),
    handle: (request, response) => app.routing(request, response),
    close: () => app.close(),
  }
}

function sendProblem(reply: FastifyReply, error: MillraceError): void {
  const problem = problemOf(error)
  reply
    .code(problem.status)
    .header('content-type', PROBLEM_TYPE)
    .send(Buffer.from(JSON.stringify(problem)))
}

/** The schema of a route with all its answers. */
function schemaOf(route: DescribedRoute): FastifySchema {
  const { errors: _errors, answerHeaders, response, ...schema } = route.schema
  const answers = Object.entries((response ?? {}) as Json).map(([status, answer]) => [
    status,
    answerOf(Number(status), answer as Json, answerHeaders),
  ])
  const problems = [...codesByStatus(route)].map(([status, codes]) => [status, problemsOf(status, codes)])
  return { ...schema, response: Object.fromEntries([...answers, ...problems]) }
}

const DESCRIPTION_BY_STATUS: Readonly<Record<number, string>> = {
  200: 'It worked.',
  201: 'It was made.',
  207: 'Some of it failed: errors stand in their places.',
}

function answerOf(status: number, answer: Json, headers: Json | undefined): Json {
  if (answer.type === 'null' || answer.content !== undefined) return answer
  return {
    description: DESCRIPTION_BY_STATUS[status],
    ...(headers && { headers }),
    content: { 'application/json': { schema: answer } },
  }
}

function problemsOf(status: number, codes: readonly ErrorCode[]): Json {
  const properties = { status: { const: status }, code: { enum: codes } }
  return {
    description: codes.map((code) => `\`${code}\`: ${ERRORS[code].title}.`).join('\n\n'),
    ...(STATUSES_WITH_RETRY_AFTER.has(status) ? { headers: RETRY_AFTER } : {}),
    content: { [PROBLEM_TYPE]: { schema: { allOf: [Problem, { type: 'object', properties }] } } },
  }
}

/** Puts schemas that have a name in one place. */
class Components {
  private readonly byName = new Map<string, Json>()

  /** A copy of `value` that refers to named schemas instead of holding them, and shows what else holds of a schema. */
  share<T>(value: T): T {
    return this.copy(value) as T
  }

  schemas(): Json[] {
    return [...this.byName].map(([name, schema]) => ({ ...schema, $id: name }))
  }

  private copy(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((one) => this.copy(one))
    if (typeof value !== 'object' || value === null) return value
    const { [NAME]: name, [DESCRIBED]: besides = {} } = value as SchemaNotes
    const members = Object.entries(value).map(([key, member]) => [key, this.copy(member)])
    const copied = { ...Object.fromEntries(members), ...besides }
    if (name === undefined) return copied
    this.byName.set(name, copied)
    return { $ref: `${name}#` }
  }
}

interface Operation {
  readonly operationId?: string
  readonly parameters?: { in: 'path' | 'query' | 'header'; name: string; example?: unknown }[]
  readonly requestBody?: { content: Record<string, Json> }
  readonly responses: Record<string, { content?: Record<string, Json> }>
}

function withExamples(document: { paths?: object }): object {
  for (const operations of Object.values(document.paths ?? {})) {
    for (const operation of Object.values(operations as Record<string, Operation>)) {
      const example = EXAMPLES[operation.operationId ?? '']
      if (example !== undefined) addExample(operation, example)
    }
  }
  return document
}

function addExample({ parameters = [], requestBody, responses }: Operation, example: Example): void {
  for (const parameter of parameters) {
    const value = { path: example.path, query: example.query, header: example.headers }[parameter.in]?.[parameter.name]
    if (value !== undefined) parameter.example = value
  }
  const taken = requestBody?.content['application/json']
  if (taken !== undefined) taken.example = example.body
  const given = responses[example.status]?.content?.[example.type ?? 'application/json']
  if (given !== undefined) given.example = example.answer
}
