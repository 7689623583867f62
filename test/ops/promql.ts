/** What an expression names. */
export interface Named {
  readonly metrics: ReadonlySet<string>
  readonly labels: ReadonlySet<string>
}

/** Words of the language that stand where a metric could. */
const WORDS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan'])
const GROUPING = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g
const MATCHERS = /\{([^}]*)\}/g
const NAME = /[a-zA-Z_:][\w:]*/g

/**
 * The metrics and labels of a PromQL expression, without a parser: what is left of it when strings, labels and ranges
 * are taken out are operators, numbers, functions, which a parenthesis follows, and metrics.
 */
export function namesIn(expression: string): Named {
  const labels = new Set<string>()
  const addAll = (text: string): void => {
    for (const [label] of text.matchAll(NAME)) labels.add(label)
  }
  let rest = expression.replace(/"(?:[^"\\]|\\.)*"/g, '""').replace(/\[[^\]]*\]/g, '')
  rest = rest.replace(MATCHERS, (_, inside: string) => {
    addAll(inside)
    return ' '
  })
  rest = rest.replace(GROUPING, (_, inside: string) => {
    addAll(inside)
    return ' '
  })
  const metrics = new Set<string>()
  for (const { 0: name, index } of rest.matchAll(NAME)) {
    const isPartOfNumber = /[\d.]$/.test(rest.slice(0, index))
    if (isPartOfNumber || WORDS.has(name.toLowerCase()) || /^\s*\(/.test(rest.slice(index + name.length))) continue
    metrics.add(name)
  }
  return { metrics, labels }
}
