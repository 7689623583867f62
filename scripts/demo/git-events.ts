import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { byteLines } from './byte-lines.ts'
import type { Event } from './event.ts'

/**
 * How much history a clone has.
 * @throws Error when there is no git, or no clone
 */
export async function describeClone(root: string): Promise<{ commits: number; shallow: boolean }> {
  const shallow = await gitText(root, ['rev-parse', '--is-shallow-repository'])
  const commits = await gitText(root, ['rev-list', '--count', 'HEAD'])
  return { commits: Number(commits), shallow: shallow === 'true' }
}

/**
 * The history of HEAD, oldest commit first: an event for each line that a commit added or removed. The key is the
 * author, the time the commit's, the value the line with `+` or `-` before it. A merge has no lines of its own.
 */
export async function* historyEvents(root: string): AsyncGenerator<Event> {
  const output = gitOutput(root, ['-c', 'core.quotePath=false', '-c', 'log.showRoot=true', 'log', ...LOG_FLAGS])
  let commit = { hash: '', author: Buffer.alloc(0), timestamp: 0 }
  let file = ''
  let removedLeft = 0
  let addedLeft = 0
  for await (const line of byteLines(output)) {
    const first = line[0]
    if ((removedLeft > 0 && first === MINUS) || (addedLeft > 0 && first === PLUS)) {
      if (first === MINUS) removedLeft -= 1
      else addedLeft -= 1
      const headers = [header('commit', commit.hash), header('file', file)]
      yield { key: commit.author, value: line, headers, timestamp: commit.timestamp }
    } else if (first === NUL) {
      const [, hash = '', author = '', seconds = ''] = line.toString().split('\0')
      commit = { hash, author: Buffer.from(author), timestamp: Number(seconds) * 1_000 }
    } else if (first === AT) {
      const counts = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(line.toString())
      removedLeft = Number(counts?.[1] ?? 1)
      addedLeft = Number(counts?.[2] ?? 1)
    } else {
      const path = /^(?:---|\+\+\+) "?[ab]\/(.*?)"?\t?$/.exec(line.toString())?.[1]
      if (path !== undefined) file = path
    }
  }
}

/**
 * The lines of the files that git tracks, as they are in the folder now. The key is the file's path. Each event is a
 * millisecond later than the one before, from the time of the newest commit on, so that a time tells them apart.
 */
export async function* trackedFileEvents(root: string): AsyncGenerator<Event> {
  const paths = (await gitText(root, ['ls-files', '-z'])).split('\0').filter((path) => path !== '')
  let timestamp = Number(await gitText(root, ['log', '-1', '--format=%ct'])) * 1_000
  for (const path of paths) {
    const stats = await lstat(join(root, path)).catch(() => undefined)
    if (!stats?.isFile()) continue
    const key = Buffer.from(path)
    for await (const value of byteLines(createReadStream(join(root, path)))) {
      timestamp += 1
      yield { key, value, headers: [], timestamp }
    }
  }
}

/** The lines of any file, without keys, a millisecond apart from the time of the file on. */
export async function* fileEvents(path: string): AsyncGenerator<Event> {
  let timestamp = Math.floor((await lstat(path)).mtimeMs)
  for await (const value of byteLines(createReadStream(path))) {
    timestamp += 1
    yield { key: null, value, headers: [], timestamp }
  }
}

/** Whatever the user's git is set to: these lines, in this form. No line of a patch begins with NUL. */
const LOG_FLAGS = [
  '--format=%x00%H%x00%an <%ae>%x00%ct',
  '--reverse',
  '--no-merges',
  '--no-show-signature',
  '-p',
  '-U0',
  '--no-color',
  '--no-ext-diff',
  '--no-textconv',
  '--no-renames',
  '--src-prefix=a/',
  '--dst-prefix=b/',
]
const MINUS = 0x2d
const PLUS = 0x2b
const AT = 0x40
const NUL = 0

function header(key: string, value: string): { key: string; value: Buffer } {
  return { key, value: Buffer.from(value) }
}

async function gitText(root: string, args: readonly string[]): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of gitOutput(root, args)) chunks.push(chunk)
  return Buffer.concat(chunks).toString().trim()
}

/** What a git command prints. @throws Error when git is not there or fails */
async function* gitOutput(root: string, args: readonly string[]): AsyncGenerator<Buffer> {
  const git = spawn('git', ['-C', root, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const complaint: Buffer[] = []
  git.stderr.on('data', (chunk: Buffer) => complaint.push(chunk))
  const ended = new Promise<number | null>((resolve, reject) => {
    git.on('error', reject)
    git.on('close', resolve)
  })
  ended.catch(() => {})
  try {
    yield* git.stdout as AsyncIterable<Buffer>
    const code = await ended
    if (code !== 0) throw new Error(`git ${args[0]} failed: ${Buffer.concat(complaint).toString().trim()}`)
  } finally {
    git.kill()
  }
}
