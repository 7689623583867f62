import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import { Backup, CreateBackupBody, NoQuery } from '../schemas.ts'
import type { RouteContext } from './context.ts'

/** Copies of all that the server keeps. */
export function backupRoutes(app: FastifyInstance, { broker }: RouteContext): void {
  app.post<{ Body: Static<typeof CreateBackupBody> }>(
    '/v1/backups',
    {
      schema: {
        operationId: 'createBackup',
        tags: ['Backups'],
        summary: 'Make a backup',
        description: 'Copies all that is committed at one moment to where the server has its backups, by hard links.',
        body: CreateBackupBody,
        querystring: NoQuery,
        response: { 201: Backup },
        errors: ['BACKUP_EXISTS', 'STORAGE_FAILED', 'DISK_FULL', 'UNIMPLEMENTED'],
      },
    },
    async ({ body }, reply): Promise<Backup> => {
      const { name, path, partitions, sizeBytes, copiedBytes, pausedMs } = await broker.backups.create(body.name)
      reply.code(201)
      return { name, path, partitions, sizeBytes, copiedBytes, pausedMs }
    },
  )
}
