import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { FROM_SOURCE, millrace, run, serve } from './harness.ts'

describe('wrong usage ends with code 2 and one line that says what is wrong', () => {
  it.each([
    [['bogus'], /^millrace: unknown command 'bogus'; see millrace --help\n$/],
    [['bogus', '--help'], /^millrace: unknown command 'bogus'/],
    [['help', 'bogus'], /^millrace: unknown command 'bogus'/],
    [['prodce', 'orders', 'x'], /^millrace: unknown command 'prodce' \(Did you mean produce\?\)\n$/],
    [['topic', 'creat', 'x'], /^millrace: unknown command 'creat' \(Did you mean create\?\)\n$/],
    [['--bogus'], /^millrace: unknown option '--bogus'/],
    [['consume', 't', '--from', 'latest'], /^millrace: --from latest: .*--follow\n$/],
    [['produce', 't', '--tombstone'], /^millrace: --tombstone: give the key .*--key\n$/],
    [['produce', 't', 'value', '--key', 'k', '--tombstone'], /^millrace: --tombstone: .* give no values\n$/],
    [['produce', 't', '--key', 'k', '--tombstone', '--file', 'x'], /^millrace: option '--tombstone' cannot be used/],
    [['produce', 't', 'x', '--url', 'http://h:1/v1'], /^millrace: --url http:\/\/h:1\/v1: .* without a path, such as/],
    [['produce', 't', 'x', '--url', 'http://me:secret@h:1'], /^millrace: --url .*: allowed is/],
    [['produce', 't', 'x', '--url', 'http://h:1?a=b'], /^millrace: --url .*: allowed is/],
  ] as [string[], RegExp][])('%j', async (args, message) => {
    const { code, stdout, stderr } = await millrace(args)
    expect(stderr).toMatch(message)
    expect(stderr.match(/\n/g)).toHaveLength(1)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })

  it('names the variable that the URL comes from', async () => {
    const { code, stderr } = await millrace(['topic', 'list'], { env: { MILLRACE_URL: 'http://h/path' } })
    expect(stderr).toMatch(/^millrace: MILLRACE_URL=http:\/\/h\/path: allowed is/)
    expect(code).toBe(2)
  })
})

describe('help', () => {
  it.each([
    [['help', 'topic', 'create'], 'Usage: millrace topic create [options] <name>'],
    [['topic', 'help', 'create'], 'Usage: millrace topic create [options] <name>'],
    [['help', 'produce'], 'Usage: millrace produce [options] <topic> [values...]'],
    [['help'], 'Usage: millrace [options] [command]'],
    [['--data', 'memory', '--help'], 'Usage: millrace serve [options]'],
  ])('%j', async (args, usage) => {
    const { code, stdout, stderr } = await millrace(args)
    expect(stdout.split('\n')[0]).toBe(usage)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  it('says that the command alone serves', async () => {
    expect((await millrace(['--help'])).stdout).toMatch(/Without a command it serves/)
  })

  it('tells what a line and a time are', async () => {
    expect((await millrace(['produce', '--help'])).stdout).toMatch(
      /CR LF.*empty line[\s\S]*--skip-bad[\s\S]*tail -n \+N/,
    )
    expect((await millrace(['consume', '--help'])).stdout).toMatch(/without a zone is local time[\s\S]*tombstone/)
  })
})

it('a URL with TLS for a server without is told in one readable line', async () => {
  const server = await serve('--data', 'memory', '--log-level', 'error')
  const { host } = new URL(server.url)
  const { code, stderr } = await millrace(['topic', 'list', '--url', `https://${host}`])
  expect(stderr).toBe(
    `millrace: CONNECTION_FAILED: https://${host} does not answer with TLS; for a server in clear text it is http://${host}\n`,
  )
  expect(code).toBe(1)
})

describe.runIf(process.platform === 'linux')('standard output that is full', () => {
  const COMMAND = fileURLToPath(new URL('../../packages/cli/bin/millrace.mjs', import.meta.url))

  it.each([
    [['config']],
    [['config', '--json']],
    [['--help']],
    [['serve', '--data', 'memory', '--http', '127.0.0.1:0', '--log-level', 'silent']],
  ])('is told in one line: %j', async (args) => {
    const line = ['-c', 'exec "$0" "$@" > /dev/full', process.execPath, ...FROM_SOURCE, COMMAND, ...args]
    const { code, stderr } = await run('/bin/sh', line)
    expect(stderr).toMatch(/^millrace: cannot write to standard output: ENOSPC: .*\n$/)
    expect(code).toBe(1)
  })
})
