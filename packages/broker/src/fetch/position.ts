/** Where to read from. */
export type Position =
  | { readonly offset: number }
  | { readonly at: 'earliest' | 'latest' }
  | { readonly timestampMs: number }
