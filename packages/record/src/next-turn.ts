/** Lets everything else that is ready have its turn first: for work that would hold up the event loop as a whole. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** What may be looked at in one turn: a fraction of a millisecond. */
const AT_ONCE = 500

/** Gives others their turn while much is looked at, one thing after another. */
export class Pauses {
  private looked = 0

  /** So many more `things` were looked at. Waits for the next turn when it is time for that. */
  async after(things: number): Promise<void> {
    this.looked += things
    if (this.looked < AT_ONCE) return
    this.looked = 0
    await nextTurn()
  }
}
