import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const README = fileURLToPath(new URL('../README.md', import.meta.url))

/** Replaces what stands between a section's marks in bench/README.md. @throws Error when it has none */
export async function writeSection(name: string, text: string): Promise<void> {
  const readme = await readFile(README, 'utf8')
  const begin = `<!-- ${name}: begin -->`
  const end = `<!-- ${name}: end -->`
  const from = readme.indexOf(begin)
  const to = readme.indexOf(end)
  if (from === -1 || to < from) throw new Error(`bench/README.md lacks ${begin} and ${end}`)
  await writeFile(README, `${readme.slice(0, from + begin.length)}\n\n${text}\n\n${readme.slice(to)}`)
}
