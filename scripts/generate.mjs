// Makes packages/wire/generated and docs/grpc.md from proto/. With --check it writes nothing and fails when what is there is not what it
// would write. Plain JavaScript, so that any Node.js from 20 on runs it.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { main as pbjs } from 'protobufjs-cli/pbjs.js'
import { grpcPage } from './lib/grpc-docs.mjs'
import { describeFile, loadProtos, protoPaths } from './lib/protos.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const protoDirectory = join(root, 'proto')
const OUTPUT = 'packages/wire/generated'
const HEADER = '// Generated from proto/ by scripts/generate.mjs. Do not edit.\n'
/** 64-bit integers as Long, absent as null, and nothing but `encode` and `decode`. */
const OPTIONS = [
  ...['--target', 'static-module', '--wrap', 'esm', '--path', protoDirectory],
  ...['--force-long', '--null-semantics', '--alt-comment'],
  ...['--no-create', '--no-verify', '--no-convert', '--no-delimited', '--no-typeurl', '--no-service'],
]

/** Runs pbjs; the files land beside `out`. */
function runPbjs(out, options, sources) {
  return new Promise((resolve, reject) => {
    pbjs([...OPTIONS, ...options, '--out', out, ...sources], (error) => (error ? reject(error) : resolve()))
  })
}

/** The generated files by their paths in the repository. */
async function generate() {
  const sources = await protoPaths(protoDirectory)
  // Its messages are those of v1.
  const encoded = sources.filter((path) => !path.includes('/v1alpha/'))
  const scratch = await mkdtemp(join(tmpdir(), 'millrace-generate-'))
  try {
    // The types need the comments, the code is half as long without them.
    await runPbjs(join(scratch, 'types.js'), ['--dts'], encoded)
    await runPbjs(join(scratch, 'code.js'), ['--no-comments'], encoded)
    const files = loadProtos(protoDirectory, sources)
    return {
      [`${OUTPUT}/millrace.js`]: HEADER + (await readFile(join(scratch, 'code.js'), 'utf8')),
      [`${OUTPUT}/millrace.d.ts`]: HEADER + (await readFile(join(scratch, 'types.d.ts'), 'utf8')),
      [`${OUTPUT}/descriptors.js`]: HEADER + descriptorsModule(files.map(describeFile)),
      [`${OUTPUT}/descriptors.d.ts`]: HEADER + DESCRIPTOR_TYPES,
      'docs/grpc.md': grpcPage(files),
    }
  } finally {
    await rm(scratch, { recursive: true })
  }
}

const DESCRIPTOR_TYPES = `
/** One file of proto/, as reflection gives it. */
export interface ProtoFile {
  /** As imports have it. */
  readonly name: string
  readonly imports: readonly string[]
  /** Full names of its services. */
  readonly services: readonly string[]
  /** Full names of all that it declares. */
  readonly names: readonly string[]
  /** A google.protobuf.FileDescriptorProto, with comments, as base64. */
  readonly descriptor: string
}

export const PROTO_FILES: readonly ProtoFile[]
`

function descriptorsModule(described) {
  const shown = described.map(({ bytes, ...file }) => ({ ...file, descriptor: Buffer.from(bytes).toString('base64') }))
  return `export const PROTO_FILES = ${JSON.stringify(shown, undefined, 1)}\n`
}

const files = await generate()
const check = process.argv.includes('--check')
if (!check) await mkdir(join(root, OUTPUT), { recursive: true })
for (const [name, content] of Object.entries(files)) {
  const path = join(root, name)
  const present = await readFile(path, 'utf8').catch(() => undefined)
  if (present === content) continue
  if (check) {
    console.error(`${relative(root, path)} is not what proto/ gives. Run: node scripts/generate.mjs`)
    process.exitCode = 1
  } else {
    await writeFile(path, content)
    console.log(`wrote ${relative(root, path)}`)
  }
}
