import fc from 'fast-check'
import { expect, test } from 'vitest'
import { preferredType } from './accept.ts'

const OFFERED = ['application/json', 'text/event-stream', 'application/x-ndjson'] as const
const [JSON_TYPE, EVENTS, LINES] = OFFERED

test.each([
  [undefined, JSON_TYPE],
  ['', JSON_TYPE],
  ['*/*', JSON_TYPE],
  ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', JSON_TYPE],
  ['text/html', JSON_TYPE],
  ['application/*', JSON_TYPE],
  ['application/json, text/event-stream', JSON_TYPE],
  ['application/json, text/event-stream;q=0.5', JSON_TYPE],
  ['text/event-stream;q=0', JSON_TYPE],
  ['text/event-stream;q=nope', JSON_TYPE],
  ['text/event-stream;q=1.5', JSON_TYPE],
  ['application/json;q=0, text/html', JSON_TYPE],
  ['text/event-stream', EVENTS],
  ['TEXT/Event-Stream ; Q=0.1', EVENTS],
  ['text/event-stream; charset=utf-8', EVENTS],
  ['text/*', EVENTS],
  ['text/event-stream, */*', EVENTS],
  ['*/*, text/event-stream', EVENTS],
  ['*/*;q=0.1, text/event-stream;q=0.2', EVENTS],
  ['application/json;q=0, */*', EVENTS],
  ['application/json;q=0.5, text/event-stream', EVENTS],
  ['application/x-ndjson', LINES],
  ['application/x-ndjson, application/json;q=0.9', LINES],
  ['text/event-stream;q=0.1, application/x-ndjson;q=0.2', LINES],
  ['text/event-stream;q=0, application/json;q=0, */*;q=0.001', LINES],
])('%s asks for %s', (accept, type) => {
  expect(preferredType(accept, OFFERED)).toBe(type)
})

test('what is asked for is answered with something that was offered, and never with what was refused for another', () => {
  const range = fc.tuple(
    fc.constantFrom(...OFFERED, '*/*', 'text/*', 'application/*', 'x'),
    fc.constantFrom('', ';q=0', ';q=0.5'),
  )
  fc.assert(
    fc.property(fc.oneof(fc.array(range), fc.string()), (ranges) => {
      const accept = typeof ranges === 'string' ? ranges : ranges.map((parts) => parts.join('')).join(', ')
      const type = preferredType(accept, OFFERED)
      expect(OFFERED).toContain(type)
      if (typeof ranges === 'string' || type === JSON_TYPE) return
      const exact = ranges.filter(([name]) => name === type)
      if (exact.length > 0) expect(exact.some(([, weight]) => weight !== ';q=0')).toBe(true)
    }),
  )
})
