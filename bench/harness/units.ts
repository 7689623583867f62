export type Unit = 'per second' | 'ms' | 'µs' | 'ns' | 'bytes' | 'bytes per second' | 'times' | 'count'

/** A figure as people read it, three digits long. */
export function format(value: number, unit: Unit): string {
  if (!Number.isFinite(value)) return '–'
  switch (unit) {
    case 'per second':
      return value >= 1e6
        ? `${digits(value / 1e6)} M/s`
        : value >= 1e4
          ? `${digits(value / 1e3)} k/s`
          : `${digits(value)}/s`
    case 'ms':
      return `${digits(value)} ms`
    case 'µs':
      return `${digits(value)} µs`
    case 'ns':
      return `${digits(value)} ns`
    case 'bytes':
      return `${digits(value / 1e6)} MB`
    case 'bytes per second':
      return `${digits(value / 1e6)} MB/s`
    case 'times':
      return `${digits(value)} ×`
    case 'count':
      return Math.round(value).toLocaleString('en-US')
  }
}

function digits(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en-US')
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
