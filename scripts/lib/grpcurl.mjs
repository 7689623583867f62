import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const MODULE = 'github.com/fullstorydev/grpcurl/cmd/grpcurl'
const VERSION = 'v1.8.9'

/** The file of grpcurl: the one of this checkout, or the one on the PATH; undefined when there is none that runs. */
export function grpcurl(root) {
  return [join(folderOf(root), 'grpcurl'), 'grpcurl'].find(
    (file) => spawnSync(file, ['-version'], { stdio: 'ignore' }).status === 0,
  )
}

export function hasGo() {
  return spawnSync('go', ['version'], { stdio: 'ignore' }).status === 0
}

/** Has Go build grpcurl, in a folder that git ignores. @returns whether it is there */
export async function installGrpcurl(root, children) {
  console.log(`Building grpcurl ${VERSION} …`)
  const { code } = await children.run('go', ['install', `${MODULE}@${VERSION}`], {
    env: { ...process.env, GOBIN: folderOf(root) },
  })
  return code === 0 && grpcurl(root) !== undefined
}

function folderOf(root) {
  return join(root, 'node_modules/.cache/grpcurl', VERSION)
}
