/** A consumer in a process of its own, for `workloads/rebalance.ts`: it notes when it handled what. */
import { Millrace } from '@millrace/client'
import { type FromWorker, machineMs, type ToWorker, type WorkerTask } from '../workloads/worker-messages.ts'

const { url, group, topic, sessionTimeoutMs } = JSON.parse(process.argv[2]!) as WorkerTask
const mr = new Millrace({ url })
const partitionsOf: number[] = []
const timesMs: number[] = []

function tell(message: FromWorker): void {
  process.send?.(message)
}

const changed = (kind: 'assigned' | 'revoked') => (partitions: readonly { readonly partition: number }[]) =>
  tell({ kind, atMs: machineMs(), partitions: partitions.map(({ partition }) => partition) })

const consumer = mr.consumer({
  group,
  topics: [topic],
  sessionTimeoutMs,
  onAssigned: changed('assigned'),
  onRevoked: changed('revoked'),
  onLost: changed('revoked'),
})

process.on('message', (message: ToWorker) => {
  if (message === 'report') tell({ kind: 'handled', partitionsOf, timesMs })
  else {
    consumer
      .run(({ partition }) => {
        partitionsOf.push(partition)
        timesMs.push(machineMs())
      })
      .catch((error: Error) => tell({ kind: 'failed', why: error.stack ?? error.message }))
  }
})
process.on('disconnect', () => process.exit())
tell({ kind: 'ready' })
