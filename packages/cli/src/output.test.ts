import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { Output } from './output.ts'

/** A stream that takes a chunk in only when it is told to. */
function slowStream() {
  const written: Buffer[] = []
  const waiting: (() => void)[] = []
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk)
      waiting.push(done)
    },
  })
  return { stream, written, takeOne: () => waiting.shift()?.() }
}

describe('Output', () => {
  it('gathers short lines and writes them when the event loop comes round', async () => {
    const { stream, written } = slowStream()
    const out = new Output(stream)
    await out.line('one')
    await out.json({ two: 2 })
    expect(written).toEqual([])
    await new Promise(setImmediate)
    expect(written.join('')).toBe('one\n{"two":2}\n')
  })

  it('waits for a slow reader once a chunk is full', async () => {
    const { stream, written, takeOne } = slowStream()
    const out = new Output(stream)
    let done = false
    const line = out.line(Buffer.alloc(100_000, 'x')).then(() => {
      done = true
    })
    await new Promise(setImmediate)
    expect(Buffer.concat(written)).toHaveLength(100_001)
    expect(done).toBe(false)
    while (!done) {
      takeOne()
      await new Promise(setImmediate)
    }
    await line
  })

  it('stops waiting when the reader goes away', async () => {
    const { stream } = slowStream()
    const out = new Output(stream)
    const line = out.line(Buffer.alloc(100_000))
    stream.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
    await line
    expect(out.ended.aborted).toBe(true)
    await out.line('nobody reads this')
    await out.flush()
  })

  it('says when it cannot write', async () => {
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error('no space left')) })
    const out = new Output(stream)
    await out.line('lost')
    await expect(out.flush()).rejects.toThrow('cannot write to standard output: no space left')
    await new Promise(setImmediate)
    expect(out.ended.aborted).toBe(true)
    await expect(out.line(Buffer.alloc(100_000))).rejects.toThrow('cannot write')
  })
})
