import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { ServerProcess } from '../../scripts/demo/server-process.ts'
import { startProcess, temporaryDirectory } from '../e2e/harness.ts'

const CHROMIUM = process.env.MILLRACE_CHROMIUM
const SERVE_PAGE = fileURLToPath(new URL('../../examples/browser-tail/serve.mjs', import.meta.url))

/** A server that may be killed and started again at the same address, and the page of the example at another. */
class Scene {
  readonly pageUrl: string
  private readonly data: string
  private readonly flags: readonly string[]
  private server: ServerProcess
  private values = 0

  private constructor(data: string, flags: readonly string[], server: ServerProcess, pageUrl: string) {
    this.data = data
    this.flags = flags
    this.server = server
    this.pageUrl = pageUrl
  }

  static async start(...more: string[]): Promise<Scene> {
    const data = await temporaryDirectory()
    const pageUrl = await servePage()
    const flags = ['--cors-origin', pageUrl, '--log-level', 'silent', ...more]
    const server = await startProcess('--data', data, ...flags)
    const scene = new Scene(data, flags, server, pageUrl)
    onTestFinished(async () => void (await scene.server.end('SIGKILL')))
    await scene.ask('POST', '/v1/topics', { name: 't' })
    return scene
  }

  get url(): string {
    return this.server.url
  }

  async ask(method: string, path: string, body?: unknown): Promise<void> {
    const content = { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    const answer = await fetch(`${this.url}${path}`, { method, ...(body === undefined ? {} : content) })
    expect(answer.ok, await answer.text()).toBe(true)
  }

  /** Appends so many records, whose values count from 0. */
  async append(count: number): Promise<void> {
    const records = Array.from({ length: count }, () => ({ value: { number: this.values++ } }))
    await this.ask('POST', '/v1/topics/t/records', { records })
  }

  /** Ends the server and starts it again; `meanwhile` is done when the page cannot reach it. */
  async restart(signal: NodeJS.Signals, meanwhile: () => Promise<void> = async () => {}): Promise<void> {
    const { host } = new URL(this.url)
    await this.server.end(signal)
    this.server = await startProcess('--data', this.data, ...this.flags)
    await meanwhile()
    await this.server.end('SIGTERM')
    this.server = await startProcess('--data', this.data, ...this.flags, '--http', host)
  }

  /** The page, following the topic, once it says that it is live. */
  async openPage(browser: Browser, from: string): Promise<Page> {
    const page = await browser.newPage()
    onTestFinished(() => page.close())
    const opened = await watchForTail(page)
    const query = new URLSearchParams({ server: this.url, topic: 't', partition: '0', from })
    await page.goto(`${this.pageUrl}?${query}`)
    await untilState(page, 'live')
    await opened()
    return page
  }
}

async function servePage(): Promise<string> {
  const child = spawn(process.execPath, [SERVE_PAGE], { env: { PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill())
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return line.toString().trim()
}

/**
 * To be called before the page asks for anything. What it gives resolves when the first bytes of a live tail have reached
 * the page: an id without data raises no event in it.
 */
async function watchForTail(page: Page): Promise<() => Promise<void>> {
  const network = await page.context().newCDPSession(page)
  await network.send('Network.enable')
  const tails = new Set<string>()
  network.on('Network.requestWillBeSent', ({ requestId, type }) => {
    if (type === 'EventSource') tails.add(requestId)
  })
  const opened = new Promise<void>((resolve) => {
    network.on('Network.dataReceived', ({ requestId }) => tails.has(requestId) && resolve())
  })
  return () => opened
}

const untilState = (page: Page, state: string) => page.locator(`#state[data-state=${state}]`).waitFor()

/** What the page shows, the oldest first: a record as its offset and value, anything else as its words. */
function shown(page: Page): Promise<string[]> {
  return page.locator('tbody tr').evaluateAll((rows) =>
    rows
      .map(
        (row) =>
          row as unknown as { innerText: string; dataset: { offset?: string }; lastChild: { textContent: string } },
      )
      .map(({ dataset, lastChild, innerText }) =>
        dataset.offset === undefined ? innerText : `${dataset.offset} ${lastChild.textContent}`,
      )
      .reverse(),
  )
}

const untilShown = (page: Page, offset: number) => page.locator(`tr[data-offset="${offset}"]`).waitFor()
const records = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `${from + index} {"number":${from + index}}`)

describe.skipIf(CHROMIUM === undefined)('a page that follows a topic in Chromium', () => {
  let browser: Browser
  beforeAll(async () => {
    const root = process.getuid?.() === 0 ? ['--no-sandbox'] : []
    browser = await chromium.launch({ executablePath: CHROMIUM ?? '', args: root })
  })
  afterAll(() => browser?.close())

  describe.each(['SIGKILL', 'SIGTERM'] as const)('of a server that is ended by %s and started again', (signal) => {
    test('shows each record once', async () => {
      const scene = await Scene.start()
      await scene.append(3)
      const page = await scene.openPage(browser, 'earliest')
      await untilShown(page, 2)
      for (let end = 3; end < 12; end += 3) {
        await scene.restart(signal, () => scene.append(2))
        await scene.append(1)
        await untilShown(page, end + 2)
      }
      expect(await shown(page)).toEqual(records(0, 12))
    })

    test.each([0, 2])('misses nothing from=latest where %i records were there and none has come', async (before) => {
      const scene = await Scene.start()
      if (before > 0) await scene.append(before)
      const page = await scene.openPage(browser, 'latest')
      const again = page.waitForResponse((response) => response.request().resourceType() === 'eventsource')
      await scene.restart(signal, () => scene.append(2))
      expect(await (await again).request().allHeaders()).toMatchObject({ 'last-event-id': `${before - 1}` })
      await untilShown(page, before + 1)
      expect(await shown(page)).toEqual(records(before, before + 2))
    })

    test('tells of a log that is another one, and shows that from its start', async () => {
      const scene = await Scene.start()
      await scene.append(3)
      const page = await scene.openPage(browser, 'earliest')
      await untilShown(page, 2)
      await scene.restart(signal, async () => {
        await scene.ask('DELETE', '/v1/topics/t')
        await scene.ask('POST', '/v1/topics', { name: 't' })
        await scene.append(2)
      })
      await page.getByText('is gone').waitFor()
      await scene.append(1)
      await page.getByText('{"number":5}').waitFor()
      expect(await shown(page)).toEqual([
        ...records(0, 3),
        'Offset 3 is gone; going on at 0, the first that there is.',
        ...['0 {"number":3}', '1 {"number":4}', '2 {"number":5}'],
      ])
    })
  })

  test('gives up when the topic is deleted, and says why', async () => {
    const scene = await Scene.start()
    await scene.append(1)
    const page = await scene.openPage(browser, 'earliest')
    await untilShown(page, 0)
    await scene.ask('DELETE', '/v1/topics/t')
    await page.getByText('ended', { exact: true }).waitFor()
    expect(await shown(page)).toEqual([
      ...records(0, 1),
      'the topic does not exist, or no longer',
      'there is no topic "t"',
    ])
  })

  test('comes in when another tail has gone, where there may be no more', async () => {
    const scene = await Scene.start('--limit-live-tails', '1')
    await scene.append(1)
    const first = await scene.openPage(browser, 'earliest')
    const page = await browser.newPage()
    onTestFinished(() => page.close())
    const query = new URLSearchParams({ server: scene.url, topic: 't', partition: '0', from: 'earliest' })
    await page.goto(`${scene.pageUrl}?${query}`)
    await page.locator('#state', { hasText: 'no tail now' }).waitFor()
    await first.goto('about:blank')
    await untilShown(page, 0)
    expect(await shown(page)).toEqual(records(0, 1))
  })
})
