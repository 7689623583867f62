import type { ProducerIdentity, TransactionOutcome } from '@millrace/engine'
import { MillraceError } from '@millrace/record'

export function isSame(a: ProducerIdentity, b: ProducerIdentity): boolean {
  return a.producerId === b.producerId && a.producerEpoch === b.producerEpoch
}

export function aborted({ producerId, producerEpoch }: ProducerIdentity): MillraceError {
  const message = `the transaction of epoch ${producerEpoch} of producer ${producerId} was aborted`
  return new MillraceError('TRANSACTION_ABORTED', message)
}

/** For a batch of a transaction that has ended, or is about to. */
export function late(outcome: TransactionOutcome, batch: ProducerIdentity): MillraceError {
  if (outcome === 'abort') return aborted(batch)
  const message = `the transaction of epoch ${batch.producerEpoch} of producer ${batch.producerId} has been committed`
  return new MillraceError('PRODUCER_FENCED', message)
}

/** For an identity that is not its transactional id's current one, nor that of its last transaction. */
export function outdated(current: ProducerIdentity | undefined, given: ProducerIdentity): MillraceError {
  const { producerId, producerEpoch } = given
  if (current === undefined || (producerId === current.producerId && producerEpoch > current.producerEpoch)) {
    const message = `producer ${producerId} has not been given epoch ${producerEpoch}`
    return new MillraceError('INVALID_TRANSACTION_STATE', message)
  }
  return new MillraceError('PRODUCER_FENCED', `producer ${producerId} has a newer instance than epoch ${producerEpoch}`)
}

/** For an identity that has nothing open, while the next one takes its place. */
export function passingOn({ producerId, producerEpoch }: ProducerIdentity): MillraceError {
  return new MillraceError('PRODUCER_FENCED', `epoch ${producerEpoch} of producer ${producerId} is being replaced`)
}

export function shuttingDown(): MillraceError {
  return new MillraceError('SHUTTING_DOWN', 'the server is shutting down')
}
