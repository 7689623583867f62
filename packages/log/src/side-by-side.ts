/**
 * Runs `work` for each of `items`, up to `atOnce` at a time. When one fails, no more are begun, and those under way have
 * ended before it fails: nobody may work in a directory that is given back.
 */
export async function sideBySide<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.values()
  let failure: { readonly error: unknown } | undefined
  const lane = async (): Promise<void> => {
    for (const item of left) {
      if (failure !== undefined) return
      try {
        await work(item)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane))
  if (failure !== undefined) throw (failure as { readonly error: unknown }).error
}
