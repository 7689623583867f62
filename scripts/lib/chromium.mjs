import { spawnSync } from 'node:child_process'
import { delimiter, join } from 'node:path'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']

/** The file of a Chromium on the PATH that runs; undefined when there is none. */
export function chromium() {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const files = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))
  return files.find((file) => spawnSync(file, ['--version'], { stdio: 'ignore' }).status === 0)
}
