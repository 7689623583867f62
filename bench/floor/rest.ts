/* The floor of REST: parses the JSON of a produce request, stores nothing, and answers with JSON of the same shape. */
import fastify from 'fastify'

interface Produce {
  readonly records: readonly unknown[]
}

const app = fastify()
let nextOffset = 0

app.post('/v1/topics', async (_, reply) => reply.code(201).send({}))
app.post<{ Body: Produce }>('/v1/topics/:topic/records', async (request) => ({
  results: request.body.records.map(() => ({ partition: 0, offset: nextOffset++, timestamp: Date.now() })),
}))
const url = await app.listen({ host: '127.0.0.1', port: 0 })
process.send?.({ port: Number(new URL(url).port) })
process.on('disconnect', () => process.exit())
process.on('SIGTERM', () => process.exit())
