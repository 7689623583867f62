/** Runs asynchronous work one after another, in the order in which it was given. */
export class Serial {
  private last: Promise<unknown> = Promise.resolve()

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work)
    this.last = result.catch(() => {})
    return result
  }

  /** Returns when all work that was given so far has ended. */
  async idle(): Promise<void> {
    await this.last
  }
}

/** Waits until all of `work` has ended, and then fails with the first that failed. */
export async function allEnded(work: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(work)
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
