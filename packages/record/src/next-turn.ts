/** Lets everything else that is ready have its turn first: for work that would hold up the event loop as a whole. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
