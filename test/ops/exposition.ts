/** One metric of a page in Prometheus' text format. */
export interface ExposedMetric {
  readonly type: string
  readonly help: string
  /** Of all its values, without the `le` of a histogram's buckets. */
  readonly labels: ReadonlySet<string>
  /** What its values are called: a histogram's have endings of their own. */
  readonly samples: ReadonlySet<string>
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/
const LABEL = /([a-zA-Z_]\w*)="(?:[^"\\]|\\.)*"/g

/** @throws Error for a line that is not of the format, or a value without its metric before it */
export function parseExposition(page: string): Map<string, ExposedMetric> {
  const metrics = new Map<string, { type: string; help: string; labels: Set<string>; samples: Set<string> }>()
  let current: { type: string; help: string; labels: Set<string>; samples: Set<string> } | undefined
  let name = ''
  for (const line of page.split('\n')) {
    if (line === '') continue
    const help = /^# HELP (\S+) (.+)$/.exec(line)
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line)
    if (help !== null) {
      name = help[1] ?? ''
      if (metrics.has(name)) throw new Error(`${name} is there twice`)
      current = { type: '', help: help[2] ?? '', labels: new Set(), samples: new Set() }
      metrics.set(name, current)
    } else if (type !== null) {
      if (current === undefined || type[1] !== name) throw new Error(`a type without its metric: ${line}`)
      current.type = type[2] ?? ''
    } else {
      const sample = SAMPLE.exec(line)
      const [, sampleName = '', labels = '', value = ''] = sample ?? []
      if (sample === null || current === undefined) throw new Error(`not a value: ${line}`)
      if (Number.isNaN(Number(value.replace('+Inf', 'Infinity'))) && value.toLowerCase() !== 'nan') {
        throw new Error(`not a number: ${line}`)
      }
      const isOwn = current.type === 'histogram' ? /_(bucket|sum|count)$/ : /$/
      if (sampleName.replace(isOwn, '') !== name) throw new Error(`a value of ${sampleName} under ${name}`)
      current.samples.add(sampleName)
      for (const [, label = ''] of labels.matchAll(LABEL)) if (label !== 'le') current.labels.add(label)
    }
  }
  return metrics
}

/** The value of a sample, by its name and labels as the page has them; undefined where there is none. */
export function sampleOf(page: string, sample: string): number | undefined {
  const line = page.split('\n').find((each) => each.startsWith(`${sample} `))
  return line === undefined ? undefined : Number(line.slice(sample.length + 1))
}
