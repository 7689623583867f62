// `npm run fresh-clone`: does what a newcomer does. Clones the last commit into a temporary folder, with an empty npm
// cache, and tries `npm start` and `npm test` there, each in a clone of its own. Needs the npm registry.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Complaint, ROOT } from './lib/project.mjs'

const folder = mkdtempSync(join(tmpdir(), 'millrace-fresh-'))

/** This process's environment without what npm put into it, and with a cache that is empty. */
function newcomer(name) {
  const own = Object.entries(process.env).filter(([key]) => !/^(npm_|NODE_ENV$|INIT_CWD$)/i.test(key))
  const path = process.env.PATH.split(':').filter((part) => !part.includes('node_modules'))
  return { ...Object.fromEntries(own), PATH: path.join(':'), npm_config_cache: join(folder, `${name}-cache`) }
}

function clone(name) {
  const path = join(folder, name)
  const { status } = spawnSync('git', ['clone', '--quiet', `file://${ROOT}`, path], { stdio: 'inherit' })
  if (status !== 0) throw new Complaint('git clone failed')
  return path
}

async function tryStart() {
  const npm = spawn('npm', ['start', '--', '--http', '127.0.0.1:0'], {
    cwd: clone('start'),
    env: newcomer('start'),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exit = once(npm, 'exit')
  const url = await new Promise((resolve) => {
    let text = ''
    npm.stdout.on('data', (chunk) => {
      process.stdout.write(chunk)
      text += chunk
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(text)
      if (found !== null) resolve(found[0])
    })
    exit.then(() => resolve(undefined))
  })
  if (url === undefined) throw new Complaint('npm start ended without serving')
  const { status } = await fetch(`${url}/readyz`)
  if (status !== 200) throw new Complaint(`/readyz answers ${status}`)
  npm.kill('SIGTERM')
  const [code] = await exit
  if (code !== 0) throw new Complaint(`npm start ended with ${code}`)
  const left = await fetch(`${url}/readyz`).then(
    () => true,
    () => false,
  )
  if (left) throw new Complaint('npm start left a server behind')
}

async function tryTest() {
  const npm = spawn('npm', ['test'], {
    cwd: clone('test'),
    env: newcomer('test'),
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const [code] = await once(npm, 'exit')
  if (code !== 0) throw new Complaint(`npm test ended with ${code}`)
}

try {
  await tryStart()
  console.log('✓ npm start works on a fresh clone')
  await tryTest()
  console.log('✓ npm test works on a fresh clone')
} catch (error) {
  if (!(error instanceof Complaint)) throw error
  console.error(`✗ ${error.message}`)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
