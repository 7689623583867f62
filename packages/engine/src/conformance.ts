import { describe } from 'vitest'
import { alterTests } from './conformance/alter.ts'
import { appendTests } from './conformance/append.ts'
import { closeTests } from './conformance/close.ts'
import { modelTests } from './conformance/model.ts'
import { producerTests } from './conformance/producers.ts'
import { readTests } from './conformance/read.ts'
import { type OpenSubject, withBench } from './conformance/subject.ts'
import { timestampTests } from './conformance/timestamps.ts'
import { topicTests } from './conformance/topics.ts'
import { transactionModelTests } from './conformance/transaction-model.ts'
import { transactionalIdTests } from './conformance/transactional-ids.ts'
import { transactionTests } from './conformance/transactions.ts'
import { truncateTests } from './conformance/truncate.ts'

export type { EngineSubject, MovableClock, OpenSubject } from './conformance/subject.ts'

/**
 * Declares the tests that every engine must pass, one for each promise of the port. To be called from a vitest file of
 * the engine. Each test opens an engine of its own.
 */
export function engineConformance(name: string, open: OpenSubject): void {
  const bench = withBench(open)
  describe(`${name} keeps the engine port's promises:`, () => {
    describe('topics', () => topicTests(bench))
    describe('altering topics', () => alterTests(bench))
    describe('append', () => appendTests(bench))
    describe('idempotent producers', () => producerTests(bench))
    describe('read', () => readTests(bench))
    describe('offset for a timestamp', () => timestampTests(bench))
    describe('truncate before', () => truncateTests(bench))
    describe('transactions', () => transactionTests(bench))
    describe('transactional ids', () => transactionalIdTests(bench))
    describe('close', () => closeTests(bench))
    describe('any sequence of calls', () => {
      modelTests(bench)
      transactionModelTests(bench)
    })
  })
}
