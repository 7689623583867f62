import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defaultSerializer } from './serializer.ts'

const { serialize, deserialize } = defaultSerializer

describe('the default serializer', () => {
  test.each<[unknown, string | undefined]>([
    ['text ü', 'text ü'],
    ['', ''],
    [Buffer.from('bytes'), 'bytes'],
    [new Uint8Array([104, 105]), 'hi'],
    [new Uint8Array([0, 104, 105, 0]).subarray(1, 3), 'hi'],
    [new Uint8Array([104, 105]).buffer, 'hi'],
    [{ a: [1, 'x', null] }, '{"a":[1,"x",null]}'],
    [42, '42'],
    [false, 'false'],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [{ a: undefined, b: () => {} }, '{}'],
    [[{}, [], null, 'null', Object.create(null)], '[{},[],null,"null",{}]'],
    [{ at: new Date(0), none: null }, '{"at":"1970-01-01T00:00:00.000Z","none":null}'],
    [{ toJSON: () => ({ none: null }), bad: Number.NaN }, '{"none":null}'],
    [[runInNewContext('({})'), runInNewContext('[null]')], '[{},[null]]'],
    [null, undefined],
  ])('makes bytes of %o', (content, text) => {
    expect(serialize(content)?.toString()).toBe(text)
  })

  test('hands Buffers on without a copy', () => {
    const bytes = Buffer.from('x')
    expect(serialize(bytes)).toBe(bytes)
  })

  test.each<[unknown, string]>([
    [undefined, 'undefined cannot become JSON'],
    [Symbol('s'), 'a symbol cannot become JSON'],
    [() => {}, 'a function cannot become JSON'],
    [10n, 'the content cannot become JSON: Do not know how to serialize a BigInt'],
    [{ deep: [10n] }, 'the content cannot become JSON: Do not know how to serialize a BigInt'],
    [Number.NaN, 'NaN cannot become JSON'],
    [Number.NEGATIVE_INFINITY, '-Infinity cannot become JSON'],
    [new Date(Number.NaN), 'an invalid Date cannot become JSON'],
    [new Map([['a', 1]]), 'a value of class Map cannot become JSON'],
    [new Set([1]), 'a value of class Set cannot become JSON'],
    [Promise.resolve(1), 'a value of class Promise cannot become JSON'],
    [{ toJSON: () => undefined }, 'what its toJSON gives cannot become JSON'],
    [{ items: [{ total: 1 }, { total: Number.NaN }] }, 'NaN cannot become JSON, at items[1].total'],
    [{ toJSON: 1, total: Number.NaN }, 'NaN cannot become JSON, at total'],
    [[new Map()], 'a value of class Map cannot become JSON, at [0]'],
    [{ why: new Error('x') }, 'a value of class Error cannot become JSON, at why'],
    [[1, undefined], 'undefined cannot become JSON, at [1]'],
    [{ a: { b: [() => {}] } }, 'a function cannot become JSON, at a.b[0]'],
  ])('refuses %o, which JSON cannot keep', (content, message) => {
    expect(() => serialize(content)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', message }))
  })

  test('refuses what refers to itself', () => {
    const circle: Record<string, unknown> = {}
    circle.self = circle
    expect(() => serialize(circle)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }))
  })

  test('gives back what is no string, and refuses what it could not give back', () => {
    const leaves = [fc.jsonValue(), fc.double(), fc.constant(undefined), fc.bigInt(), fc.date({ noInvalidDate: false })]
    const odd = [new Map([['a', 1]]), new Set([1]), /x/, () => {}, Symbol('s')]
    const contents = fc.object({ maxDepth: 4, values: [...leaves, fc.constantFrom(...odd)], withNullPrototype: true })
    let refused = 0
    fc.assert(
      fc.property(contents, (content) => {
        let bytes: Buffer | null
        try {
          bytes = serialize(content)
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_REQUEST' })
          refused++
          return
        }
        expect(deserialize(bytes)).toEqual(asJson(content))
      }),
      { numRuns: 1_000 },
    )
    expect(refused).toBeGreaterThan(10)
  })

  test('gives text where there is no JSON, and null for null', () => {
    expect(deserialize(Buffer.from('plain text'))).toBe('plain text')
    expect(deserialize(null)).toBeNull()
  })
})

/** What JSON is to give back of a content: the same, but for times, which are text, and members that it leaves out. */
function asJson(content: unknown): unknown {
  if (content === null || typeof content !== 'object') return content === 0 ? 0 : content
  if (content instanceof Date) return content.toISOString()
  if (Array.isArray(content)) return content.map(asJson)
  const members = Object.entries(content).filter(
    ([, member]) => !['undefined', 'function', 'symbol'].includes(typeof member),
  )
  return Object.fromEntries(members.map(([name, member]) => [name, asJson(member)]))
}
