import type { Engine, ProducerIdentity } from '@millrace/engine'
import { asMillraceError, type ErrorCode } from '@millrace/record'
import type { SeededRandom } from '@millrace/testkit'
import type { Counts } from './counts.ts'
import { encode, type ModelRecord } from './model-record.ts'
import type { PartitionModel } from './partition-model.ts'
import { TransactionModel } from './transaction-model.ts'

/** Codes after which a transaction goes on as if the call had not been. */
const ENDED: readonly string[] = ['TRANSACTION_ABORTED', 'PRODUCER_FENCED'] satisfies ErrorCode[]

export interface TransactionalLife {
  readonly engine: Engine
  readonly random: SeededRandom
  readonly counts: Counts
  readonly whileAlive: <T>(call: Promise<T>) => Promise<T>
  readonly newRecords: (model: PartitionModel) => ModelRecord[]
}

/** A client with a transactional id, one transaction after another, through all lives of the engine. */
export class TransactionalClient {
  private readonly name: string
  private identity: ProducerIdentity | undefined
  private transaction: TransactionModel | undefined
  private readonly sequences = new Map<PartitionModel, number>()
  private isBusy = false

  constructor(name: string) {
    this.name = name
  }

  /** The engine is gone, or the client is: it begins anew. */
  restart(): void {
    this.transaction?.forget()
    this.transaction = undefined
    this.identity = undefined
    this.isBusy = false
  }

  /** Some appends to some of `models`, and perhaps the end of the transaction. */
  async work(life: TransactionalLife, models: readonly PartitionModel[]): Promise<void> {
    const { random } = life
    if (this.isBusy || models.length === 0) return
    this.isBusy = true
    try {
      this.identity ??= await this.begin(life)
      this.transaction ??= new TransactionModel()
      const { transaction } = this
      for (let count = random.int(1, 3); count > 0; count--) {
        await this.append(life, random.pick(models), transaction)
      }
      if (random.bool(0.7)) await this.end(life, transaction, random.bool(0.6) ? 'commit' : 'abort')
    } catch (error) {
      // What became of it is told by whatever is read.
      life.counts['transactions that failed']++
      this.identity = undefined
      this.transaction = undefined
      throw error
    } finally {
      this.isBusy = false
    }
  }

  private async begin({ engine, whileAlive }: TransactionalLife): Promise<ProducerIdentity> {
    this.sequences.clear()
    return whileAlive(engine.transactions.init(this.name, { timeoutMs: 60_000 }))
  }

  private async append(life: TransactionalLife, model: PartitionModel, transaction: TransactionModel): Promise<void> {
    const { engine, whileAlive, newRecords } = life
    const records = newRecords(model)
    const baseSequence = this.sequences.get(model) ?? 0
    const producer = { ...(this.identity as ProducerIdentity), baseSequence }
    model.noteSent(records, -1, -1)
    model.noteTransaction(records, transaction)
    const bytes = encode(records, { producer, compression: 'none', transactional: true })
    const { version } = model.configs
    const appending = engine.partition(model.topic.id, model.index).append(bytes, { acks: 'committed' })
    try {
      model.acknowledge(await whileAlive(appending), records, version)
      this.sequences.set(model, baseSequence + records.length)
    } catch (error) {
      await this.end(life, transaction, 'abort')
      throw error
    }
  }

  private async end(
    life: TransactionalLife,
    transaction: TransactionModel,
    outcome: 'commit' | 'abort',
  ): Promise<void> {
    const { engine, whileAlive, counts } = life
    const transactionalId = this.name
    if (outcome === 'commit') transaction.decide()
    try {
      const ended = { ...(this.identity as ProducerIdentity), transactionalId }
      this.identity = await whileAlive(engine.transactions.end(ended, outcome))
    } catch (error) {
      if (ENDED.includes(asMillraceError(error).code)) transaction.end('abort')
      throw error
    }
    transaction.end(outcome)
    counts[outcome === 'commit' ? 'transactions committed' : 'transactions aborted']++
    this.transaction = undefined
    this.sequences.clear()
  }
}
