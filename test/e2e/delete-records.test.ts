import { Millrace, type MillraceError, type ReadRecord } from '@millrace/client'
import { eventsOf, openTail } from '@millrace/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { serve, temporaryDirectory } from './harness.ts'

const PATH = '/v1/topics/t/partitions/0/records'
const RANGE = { logStartOffset: 6, highWatermark: 10 }

function clientOf(url: string): Millrace {
  const mr = new Millrace({ url })
  onTestFinished(() => mr.close({ signal: AbortSignal.abort() }).catch(() => {}))
  return mr
}

/** Values are the offsets that they get. */
async function append(mr: Millrace, from: number, to: number): Promise<void> {
  const values = Array.from({ length: to - from }, (_, index) => `${from + index}`)
  await mr.producer().sendBatch(values.map((value) => ({ topic: 't', partition: 0, value })))
}

/** A server with topic `t` of one partition and the records 0 to 9. */
async function start() {
  const { url } = await serve('--data', 'memory', '--log-level', 'silent')
  const mr = clientOf(url)
  await mr.admin.createTopic({ name: 't', partitions: 1 })
  await append(mr, 0, 10)
  const deleteRecords = () => mr.admin.deleteRecords({ topic: 't', partition: 0, before: 6 })
  return { url, mr, deleteRecords }
}

async function textsUntil(records: AsyncIterable<ReadRecord>, last: string): Promise<string[]> {
  const texts: string[] = []
  for await (const record of records) {
    texts.push(record.text() ?? '')
    if (texts.at(-1) === last) break
  }
  return texts
}

describe('records that are deleted', () => {
  test('are out of range for who begins there, with the range, and nobody further on loses anything', async () => {
    const { url, mr, deleteRecords } = await start()
    const ahead = mr.read({ topic: 't', partition: 0, from: { offset: 8 } })
    expect((await ahead.next()).value?.text()).toBe('8')
    expect(await deleteRecords()).toEqual({ logStartOffset: 6 })
    const gone = { code: 'OFFSET_OUT_OF_RANGE', details: RANGE }
    await expect(mr.read({ topic: 't', partition: 0, from: { offset: 2 } }).next()).rejects.toMatchObject(gone)
    const answer = await fetch(`${url}${PATH}?offset=2`)
    expect([answer.status, await answer.json()]).toMatchObject([416, { code: gone.code, ...RANGE }])
    const earliest = mr.read({ topic: 't', partition: 0, from: { offset: 2 }, onOutOfRange: 'earliest', to: 'end' })
    expect(await textsUntil(earliest, '9')).toEqual(['6', '7', '8', '9'])
    await append(mr, 10, 12)
    expect(await textsUntil(ahead, '11')).toEqual(['9', '10', '11'])
  })

  test('are told of to live tails that come back to them, and not to those beyond', async () => {
    const { url, mr, deleteRecords } = await start()
    const port = Number(new URL(url).port)
    const beyond = openTail(port, 'HTTP/1.1', `${PATH}?offset=9`)
    await beyond.until((text) => eventsOf(text).some(({ id }) => id === '9'))
    await deleteRecords()
    const back = openTail(port, 'HTTP/1.1', PATH, { accept: 'text/event-stream', 'last-event-id': '1' })
    await append(mr, 10, 11)
    for (const tail of [beyond, back]) await tail.until((text) => eventsOf(text).some(({ id }) => id === '10'))
    const told = (text: string) => eventsOf(text).flatMap(({ event, data }) => (data === undefined ? [] : [event]))
    expect(told(beyond.text())).toEqual(['message', 'message'])
    expect(told(back.text())).toEqual(['reset', ...Array<string>(5).fill('message')])
    const reset = eventsOf(back.text()).find(({ event }) => event === 'reset')
    expect(JSON.parse(reset?.data ?? '')).toEqual({ offset: 2, ...RANGE })
    for (const tail of [beyond, back]) tail.leave()
  })

  test.each([
    ['earliest', ['6', '7', '8', '9', '10', 'last']],
    ['latest', ['last']],
  ] as const)(
    'have a group that was to go on there begin at the %s offset, with a warning',
    async (offsetReset, read) => {
      const { mr, deleteRecords } = await start()
      await mr.admin.commitOffsets({ group: 'g', offsets: [{ topic: 't', partition: 0, offset: 3 }] })
      await deleteRecords()
      await append(mr, 10, 11)
      const warned = Promise.withResolvers<MillraceError>()
      const consumer = mr.consumer({ group: 'g', topics: ['t'], offsetReset, onWarning: warned.resolve })
      const reading = textsUntil(consumer, 'last')
      expect(await warned.promise).toMatchObject({
        code: 'OFFSET_OUT_OF_RANGE',
        details: { topic: 't', partition: 0, logStartOffset: 6, highWatermark: 11 },
      })
      // The latest offset is looked up after the warning: what comes until then may be passed over.
      let isRead = false
      const ended = reading.finally(() => {
        isRead = true
      })
      const producer = mr.producer()
      while (!isRead) await producer.send({ topic: 't', partition: 0, value: 'last' })
      expect(await ended).toEqual(read)
    },
  )

  test('may be deleted again, and by several at once', async () => {
    const { mr, deleteRecords } = await start()
    const deleteBefore = (offset: number) => mr.admin.deleteRecords({ topic: 't', partition: 0, before: offset })
    const answers = await Promise.all([deleteBefore(4), deleteRecords(), deleteBefore(2), deleteRecords()])
    for (const [index, asked] of [4, 6, 2, 6].entries()) {
      expect(answers[index]?.logStartOffset).toBeGreaterThanOrEqual(asked)
    }
    expect([await deleteRecords(), await deleteBefore(1)]).toEqual([{ logStartOffset: 6 }, { logStartOffset: 6 }])
    await expect(deleteBefore(11)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE', details: RANGE })
  })
})

test('the log start stays where it was answered to be when the server is killed right after', async () => {
  const data = await temporaryDirectory()
  const offsets = { topic: 't', partition: 0 }
  let start = 0
  let end = 0
  for (let life = 0; life < 4; life++) {
    const server = await serve('--data', data, '--log-level', 'silent')
    const mr = clientOf(server.url)
    if (life === 0) await mr.admin.createTopic({ name: 't', partitions: 1, config: { 'segment.bytes': 1_024 } })
    const [earliest] = await mr.admin.offsets({ ...offsets, at: 'earliest' })
    expect(earliest?.offset).toBe(start)
    const left = await textsUntil(mr.read({ ...offsets, to: 'end' }), `${end - 1}`)
    expect(left).toEqual(Array.from({ length: end - start }, (_, index) => `${start + index}`))
    await append(mr, end, end + 40)
    end += 40
    // Within a segment, then over several.
    const before = start + (life % 2 === 0 ? 3 : 45)
    const { logStartOffset } = await mr.admin.deleteRecords({ ...offsets, before })
    await server.end('SIGKILL')
    expect(logStartOffset).toBe(before)
    start = before
  }
})
