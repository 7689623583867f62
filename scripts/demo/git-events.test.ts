import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { Event } from './event.ts'
import { describeClone, fileEvents, historyEvents, trackedFileEvents } from './git-events.ts'

const hasGit = spawnSync('git', ['--version']).status === 0

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-git-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  return directory
}

/** A repository whose user has git set up as awkwardly as can be. */
async function repository() {
  const root = await temporaryDirectory()
  const git = (args: string[], author = 'Ann', seconds = 1_700_000_000) => {
    const date = `${seconds} +0000`
    const who = { GIT_AUTHOR_NAME: author, GIT_AUTHOR_EMAIL: `${author}@example.com`, GIT_COMMITTER_NAME: author }
    const env = {
      ...process.env,
      ...who,
      GIT_COMMITTER_EMAIL: 'c@example.com',
      GIT_AUTHOR_DATE: date,
      GIT_COMMITTER_DATE: date,
    }
    const { status, stderr } = spawnSync('git', args, { cwd: root, env, encoding: 'utf8' })
    if (status !== 0) throw new Error(stderr)
  }
  git(['init', '-q', '-b', 'main'])
  for (const [key, value] of [
    ['color.ui', 'always'],
    ['diff.noprefix', 'true'],
    ['diff.mnemonicPrefix', 'true'],
    ['diff.external', 'false'],
    ['diff.renames', 'copies'],
    ['log.showRoot', 'false'],
    ['log.showSignature', 'true'],
  ]) {
    git(['config', key!, value!])
  }
  const commit = async (files: Record<string, string | Buffer>, author: string, seconds: number) => {
    for (const [name, content] of Object.entries(files)) await writeFile(join(root, name), content)
    git(['add', '-A'])
    git(['commit', '-q', '-m', 'a\n\n+not a line\n'], author, seconds)
  }
  return { root, commit, git }
}

async function all(events: AsyncIterable<Event>): Promise<Event[]> {
  const list: Event[] = []
  for await (const event of events) list.push(event)
  return list
}
const shown = ({ key, value, headers, timestamp }: Event) => [
  String(key),
  value?.toString('latin1'),
  String(headers.find((header) => header.key === 'file')?.value),
  timestamp,
]

it.runIf(hasGit)('gives each changed line of each commit, whatever it looks like', async () => {
  const { root, commit, git } = await repository()
  await commit({ 'a b.txt': 'one\n-- a/two\n++ b/three\n' }, 'Ann', 1_700_000_000)
  await commit({ 'a b.txt': 'one\n@@ -1 +1 @@\n', ü: '\xff\0'.repeat(3), 'x.txt': 'no end' }, 'Bob', 1_700_000_100)
  git(['mv', 'x.txt', 'y.txt'])
  await commit({}, 'Ann', 1_700_000_200)

  expect((await all(historyEvents(root))).map(shown)).toEqual([
    ['Ann <Ann@example.com>', '+one', 'a b.txt', 1_700_000_000_000],
    ['Ann <Ann@example.com>', '+-- a/two', 'a b.txt', 1_700_000_000_000],
    ['Ann <Ann@example.com>', '+++ b/three', 'a b.txt', 1_700_000_000_000],
    ['Bob <Bob@example.com>', '--- a/two', 'a b.txt', 1_700_000_100_000],
    ['Bob <Bob@example.com>', '-++ b/three', 'a b.txt', 1_700_000_100_000],
    ['Bob <Bob@example.com>', '+@@ -1 +1 @@', 'a b.txt', 1_700_000_100_000],
    ['Bob <Bob@example.com>', '+no end', 'x.txt', 1_700_000_100_000],
    ['Ann <Ann@example.com>', '-no end', 'x.txt', 1_700_000_200_000],
    ['Ann <Ann@example.com>', '+no end', 'y.txt', 1_700_000_200_000],
  ])
  expect(await describeClone(root)).toEqual({ commits: 3, shallow: false })
  expect(
    (await all(trackedFileEvents(root))).map(({ key, value }) => [String(key), value?.toString('latin1')]),
  ).toEqual([
    ['a b.txt', 'one'],
    ['a b.txt', '@@ -1 +1 @@'],
    ['y.txt', 'no end'],
    ['ü', 'Ã¿\0Ã¿\0Ã¿\0'],
  ])
})

it.runIf(hasGit)('says that a shallow clone is one', async () => {
  const { root, commit } = await repository()
  await commit({ a: '1\n' }, 'Ann', 1_700_000_000)
  await commit({ a: '2\n' }, 'Ann', 1_700_000_001)
  const clone = join(await temporaryDirectory(), 'clone')
  spawnSync('git', ['clone', '-q', '--depth', '1', `file://${root}`, clone])
  expect(await describeClone(clone)).toEqual({ commits: 1, shallow: true })
})

it('tells where there is no clone', async () => {
  await expect(describeClone(await temporaryDirectory())).rejects.toThrow(/git/)
})

it('takes the lines of any file, each a millisecond after the one before', async () => {
  const path = join(await temporaryDirectory(), 'file')
  await writeFile(path, 'a\r\n\nc')
  const events = await all(fileEvents(path))
  expect(events.map(({ key, value }) => [key, String(value)])).toEqual([
    [null, 'a\r'],
    [null, ''],
    [null, 'c'],
  ])
  expect(events.map(({ timestamp }) => timestamp - events[0]!.timestamp)).toEqual([0, 1, 2])
})
