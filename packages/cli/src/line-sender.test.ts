import type { ProducerRecord, SendFailure, SendResult } from '@millrace/client'
import { MillraceError } from '@millrace/server'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LineSender, type Outcome } from './line-sender.ts'

/** What a line says becomes of it: stored, no record, refused by the server, or lost with the server. */
const LINES = { ok: undefined, unusable: 'INVALID_REQUEST', refused: 'BATCH_TOO_LARGE', lost: 'TIMED_OUT' } as const
type Line = keyof typeof LINES | 'too long'

const resultOf = ({ value }: ProducerRecord): SendResult | SendFailure => {
  const code = LINES[String(value) as keyof typeof LINES]
  if (code !== undefined) return { topic: 't', error: new MillraceError(code, 'it failed') }
  return { topic: 't', partition: 0, offset: 0, timestamp: 0 }
}

const codeOf = (line: Line): string => (line === 'too long' ? 'BATCH_TOO_LARGE' : (LINES[line] ?? 'stored'))
const shown = (outcome: Outcome): string => ('error' in outcome ? outcome.error.code : 'stored')

/** Runs a sender over groups whose answers come in the order that `ready` gives. */
async function sendAll(groups: readonly (readonly Line[])[], skipBad: boolean, ready: () => Promise<void>) {
  const told: string[] = []
  const handed: string[] = []
  const stop = new AbortController()
  const sender = new LineSender({
    producer: {
      sendBatchSettled: async (records) => {
        handed.push(...records.map(({ value }) => String(value)))
        await ready()
        return records.map(resultOf)
      },
    },
    toRecord: (line) => {
      if (String(line) === 'unusable') throw new MillraceError('INVALID_REQUEST', 'it failed')
      return { topic: 't', value: line }
    },
    skipBad,
    stop,
    settled: (firstLine, outcomes) => {
      expect(firstLine).toBe(told.length + 1)
      told.push(...outcomes.map(shown))
    },
  })
  for (const lines of groups) {
    if (stop.signal.aborted) break
    await sender.send({ lines: lines.map((line) => (line === 'too long' ? undefined : Buffer.from(line))), endByte: 0 })
  }
  await sender.finish()
  return { told, handed, nextLine: sender.nextLine, stopped: stop.signal.aborted }
}

const anyGroups = fc.array(
  fc.array(
    fc.oneof(
      { weight: 20, arbitrary: fc.constant<Line>('ok') },
      { weight: 1, arbitrary: fc.constantFrom<Line>('unusable', 'refused', 'too long', 'lost') },
    ),
    { minLength: 1, maxLength: 6 },
  ),
  { maxLength: 30 },
)

describe('LineSender', () => {
  it('tells the outcome of every line before nextLine, in order, and hands over none behind it', async () => {
    await fc.assert(
      fc.asyncProperty(anyGroups, fc.boolean(), fc.scheduler(), async (groups, skipBad, scheduler) => {
        const running = sendAll(groups, skipBad, () => scheduler.schedule(Promise.resolve()))
        const { told, handed, nextLine, stopped } = await scheduler.waitFor(running)
        const lines = groups.flat()
        const taken = lines.slice(0, nextLine - 1)
        expect(told).toEqual(taken.map(codeOf))
        expect(handed).toEqual(taken.filter((line) => line !== 'unusable' && line !== 'too long'))
        const ends = (line: Line): boolean => line === 'lost' || (line !== 'ok' && !skipBad)
        expect(stopped).toBe(taken.some(ends))
        if (!stopped) expect(taken).toEqual(lines)
        // What it can see itself ends the sending at once.
        const local = taken.findIndex((line) => ends(line) && (line === 'unusable' || line === 'too long'))
        if (local >= 0) expect(nextLine).toBe(local + 2)
      }),
    )
  })

  it('has so many groups on their way and waits for room', async () => {
    let open = 0
    let most = 0
    const ready = async (): Promise<void> => {
      open += 1
      most = Math.max(most, open)
      await new Promise(setImmediate)
      open -= 1
    }
    const groups = Array.from({ length: 100 }, (): Line[] => ['ok'])
    expect((await sendAll(groups, false, ready)).told).toHaveLength(100)
    expect(most).toBe(8)
  })
})
