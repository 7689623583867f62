import { expect, test } from 'vitest'
import { millrace, serve, temporaryDirectory } from '../e2e/harness.ts'
import { SPEAKERS } from '../e2e/speakers.ts'

const speak = SPEAKERS['HTTP/2']!

test('of two servers on one directory the second fails, the first goes on, and its lock dies with it', async () => {
  const data = await temporaryDirectory()
  const first = await serve('--data', data, '--log-level', 'error')
  const create = (url: string, name: string) =>
    speak(url, { method: 'POST', path: '/v1/topics', body: JSON.stringify({ name }) })
  expect(await create(first.url, 'before')).toMatchObject({ status: 201 })

  const second = await millrace(['serve', '--http', '127.0.0.1:0', '--log-level', 'error', '--data', data])
  expect(second).toMatchObject({ code: 1, signal: null, stdout: '' })
  expect(second.stderr).toBe(`millrace: DATA_DIR_LOCKED: another process uses the data directory ${data}\n`)
  expect(await create(first.url, 'meanwhile')).toMatchObject({ status: 201 })

  await first.end('SIGKILL')
  const third = await serve('--data', data, '--log-level', 'error')
  const { body } = await speak(third.url, { path: '/v1/topics' })
  expect((body as { topics: { name: string }[] }).topics.map(({ name }) => name)).toEqual(['before', 'meanwhile'])
})
