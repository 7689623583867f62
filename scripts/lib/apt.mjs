import { existsSync } from 'node:fs'
import { Complaint } from './project.mjs'

/** Services that are installed are not started, by systemd or by init scripts: whoever needs one starts its own. */
const WITHOUT_SERVICES = ['env', 'DEBIAN_FRONTEND=noninteractive', 'SYSTEMD_OFFLINE=1', 'RUNLEVEL=1']

/** Whether this is Debian or one of its kin. */
export function hasApt() {
  return existsSync('/usr/bin/apt-get')
}

/** Installs packages with apt-get, with sudo where this is not root. @throws Complaint when that fails */
export async function aptInstall(packages, children) {
  console.log(`Installing ${packages.join(', ')} …`)
  const asRoot = process.getuid() === 0 ? [] : ['sudo']
  for (const args of [['update'], ['install', '--yes', '--no-install-recommends', ...packages]]) {
    const [command, ...rest] = [...asRoot, ...WITHOUT_SERVICES, 'apt-get', '--quiet', ...args]
    const { code } = await children.run(command, rest)
    if (code !== 0) throw new Complaint(`apt-get ${args[0]} failed; what it printed says why`)
  }
}
