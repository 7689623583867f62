import type { FastifyInstance } from 'fastify'
import { NoQuery, TransactionList } from '../schemas.ts'
import type { RouteContext } from './context.ts'

/** What producers with a transactional id are doing. */
export function transactionRoutes(app: FastifyInstance, { broker }: RouteContext): void {
  app.get(
    '/v1/transactions',
    {
      schema: {
        operationId: 'listTransactions',
        tags: ['Transactions'],
        summary: 'List the transactional ids and their open transactions',
        querystring: NoQuery,
        response: { 200: TransactionList },
        errors: ['STORAGE_FAILED'],
      },
    },
    async (): Promise<TransactionList> => ({ transactions: (await broker.transactions.list()).map(transactionJson) }),
  )
}

type Described = Awaited<ReturnType<RouteContext['broker']['transactions']['list']>>[number]

function transactionJson({ startedAtMs, partitions, ...it }: Described): TransactionList['transactions'][number] {
  const { transactionalId, producerId, producerEpoch, state, timeoutMs } = it
  const started = startedAtMs === undefined ? {} : { startedAtMs }
  return { transactionalId, producerId, producerEpoch, state, timeoutMs, ...started, partitions: partitions.length }
}
