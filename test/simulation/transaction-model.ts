import assert from 'node:assert/strict'

/**
 * One transaction, over partitions: nobody but those who read what is uncommitted may see it before it is committed, and
 * all of it is there or nothing.
 */
export class TransactionModel {
  /** `deciding`: somebody asked for the commit, and was not told of its end. */
  private state: 'open' | 'deciding' | 'committed' | 'aborted' = 'open'

  get isCommitted(): boolean {
    return this.state === 'committed'
  }

  get isAborted(): boolean {
    return this.state === 'aborted'
  }

  get isUndecided(): boolean {
    return this.state === 'deciding'
  }

  /** Somebody asks for the commit. */
  decide(): void {
    if (this.state === 'open') this.state = 'deciding'
  }

  end(outcome: 'commit' | 'abort'): void {
    const state = outcome === 'commit' ? 'committed' : 'aborted'
    if (this.state === 'committed' || this.state === 'aborted') {
      assert.equal(state, this.state, 'a transaction has two outcomes')
    }
    this.state = state
  }

  /** No engine that knows it is left: without a decision it is aborted. */
  forget(): void {
    if (this.state === 'open') this.state = 'aborted'
  }

  /** A reader of what is committed saw a part of it. */
  see(what: string): void {
    assert(this.state !== 'aborted', `${what}, which was aborted`)
    assert(this.state !== 'open', `${what}, which nobody committed`)
    this.state = 'committed'
  }

  /** A reader of what is committed was not shown a part of it that is there. */
  miss(what: string): void {
    assert(this.state !== 'committed', `${what}, which was committed`)
    if (this.state === 'deciding') this.state = 'aborted'
  }
}
