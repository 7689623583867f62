import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serve, temporaryDirectory } from '../e2e/harness.ts'

const CHROMIUM = process.env.MILLRACE_CHROMIUM
/** A folder for pictures of the page, for people to look at. */
const PICTURES = process.env.MILLRACE_PICTURES

describe.skipIf(CHROMIUM === undefined)('the page at /docs, in Chromium', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM ?? '', args: ['--no-sandbox'] })
  })
  afterAll(() => browser.close())

  /** The open page, the addresses that it asked, and what it complained about. */
  async function open(): Promise<{ page: Page; url: string; asked: string[]; complaints: string[] }> {
    const { url } = await serve('--data', await temporaryDirectory(), '--log-level', 'silent')
    const page = await browser.newPage({ viewport: { width: 1200, height: 1600 } })
    const asked: string[] = []
    const complaints: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('console', (message) => void (message.type() === 'error' && complaints.push(message.text())))
    await page.goto(`${url}/docs`)
    await page.locator('.opblock').first().waitFor()
    return { page, url, asked, complaints }
  }

  /** Opens a call and sends it; `fill` writes over its example. @returns the status and the body of the answer */
  async function execute(page: Page, operationId: string, body?: object): Promise<{ status: string; body: string }> {
    const call = page.locator(`[id$="-${operationId}"]`)
    await call.locator('.opblock-summary').click()
    if (body !== undefined) await call.locator('textarea.body-param__text').fill(JSON.stringify(body))
    await call.locator('button.execute').click()
    const live = call.locator('.live-responses-table .response')
    await live.waitFor()
    const status = await live.locator('.response-col_status').innerText()
    return { status: status.trim().split(/\s/)[0] ?? '', body: await live.locator('.microlight').first().innerText() }
  }

  test('shows every call and asks nobody else for anything', async () => {
    const { page, url, asked, complaints } = await open()
    const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: Record<string, object> }
    const calls = Object.values(paths).reduce((count, methods) => count + Object.keys(methods).length, 0)
    expect(await page.locator('.opblock').count()).toBe(calls)
    for (const one of asked.filter((address) => !address.startsWith('data:'))) {
      expect(new URL(one).origin).toBe(url)
    }
    expect(asked.length).toBeGreaterThan(4)
    expect(complaints).toEqual([])
    if (PICTURES !== undefined) await page.screenshot({ path: join(PICTURES, 'docs.png'), fullPage: true })
    await page.close()
  })

  test('makes a topic, writes to it and reads it', async () => {
    const { page, complaints } = await open()
    expect((await execute(page, 'createTopic')).status).toBe('201')
    expect((await execute(page, 'produce')).status).toBe('200')
    const fetched = await execute(page, 'fetch')
    expect(fetched.status).toBe('200')
    expect(fetched.body).toContain('"total": 10')
    if (PICTURES !== undefined) await page.screenshot({ path: join(PICTURES, 'docs-executed.png'), fullPage: true })
    expect(complaints).toEqual([])
    await page.close()
  })
})
