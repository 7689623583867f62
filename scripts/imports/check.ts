import { existsSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { posix } from 'node:path'
import { findCycles } from './cycles.ts'
import {
  FILE_RULES,
  MAX_LINES,
  PACKAGE_RULES,
  type PackageRule,
  REASON_FOR_LENGTH,
  TEST_EXTRAS,
  TO_BE_COPIED,
  WITHOUT_OURS,
} from './rules.ts'
import { type Import, readSourceFile, type SourceFile } from './source-file.ts'

export interface Breach {
  readonly rule: 'import' | 'declared' | 'deep' | 'cycle' | 'ambient' | 'star' | 'length' | 'unseen' | 'unchecked'
  /** Path, and line where there is one. */
  readonly at: string
  readonly message: string
}

interface Manifest {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly exports?: Readonly<Record<string, unknown>>
}

const GENERATED = /(^|\/)generated\//
/** Tests, and what only tests of a package use. */
const TEST = /\.test\.ts$|^packages\/[^/]+\/test\//
const BUILTINS = new Set(builtinModules)

/**
 * Holds the sources under `root` against the rules.
 * @param seen the source files to look at, relative to the root
 * @param listed those that there are by another way of counting; each of them must be among the seen
 */
export function checkImports(root: string, seen: readonly string[], listed: readonly string[] = seen): Breach[] {
  const house = new House(root, seen)
  return [...house.unseen(listed), ...house.files.flatMap((file) => house.checkFile(file)), ...house.cycles()]
}

class House {
  readonly files: readonly SourceFile[]
  private readonly root: string
  private readonly paths: ReadonlySet<string>
  /** By folder under packages/. */
  private readonly manifests: ReadonlyMap<string, Manifest>
  /** Folders by the name that others import. */
  private readonly folders: ReadonlyMap<string, string>

  constructor(root: string, seen: readonly string[]) {
    this.root = root
    this.files = seen.map((path) => readSourceFile(root, path))
    this.paths = new Set(seen)
    const folders = new Set(seen.map(folderOf).filter((folder) => folder !== undefined))
    this.manifests = new Map([...folders].map((folder) => [folder, this.manifest(folder)]))
    this.folders = new Map([...this.manifests].map(([folder, { name }]) => [name, folder]))
  }

  unseen(listed: readonly string[]): Breach[] {
    const missing = listed.filter((path) => !this.paths.has(path))
    const unseen = missing.map(
      (path): Breach => ({ rule: 'unseen', at: path, message: 'git lists it, the check did not see it' }),
    )
    if (this.paths.size > 0) return unseen
    return [...unseen, { rule: 'unseen', at: '.', message: 'no source file was found' }]
  }

  checkFile(file: SourceFile): Breach[] {
    const folder = folderOf(file.path)
    const breaches = file.imports.flatMap((one) => this.checkImport(file, folder, one))
    if (folder === undefined || GENERATED.test(file.path)) return breaches
    const rule = ruleFor(file.path, folder)
    if (rule === undefined) {
      return [{ rule: 'import', at: file.path, message: `packages/${folder} is not in the table of import rules` }]
    }
    for (const line of file.exportStars) {
      breaches.push({ rule: 'star', at: `${file.path}:${line}`, message: 'export * hides what a package shows' })
    }
    if (!rule.ambient && !TEST.test(file.path)) {
      for (const { what, line } of file.ambient) {
        breaches.push({
          rule: 'ambient',
          at: `${file.path}:${line}`,
          message: `${what}: clock, timers, randomness and output are passed in here`,
        })
      }
    }
    if (file.lines > MAX_LINES && !file.topComment.includes(REASON_FOR_LENGTH)) {
      breaches.push({
        rule: 'length',
        at: file.path,
        message: `${file.lines} lines: say at its top "${REASON_FOR_LENGTH} …", or part it`,
      })
    }
    return breaches
  }

  /** Cycles between files of a package and between packages; tests are left out, nobody imports them. */
  cycles(): Breach[] {
    const files = new Map<string, Set<string>>()
    const packages = new Map<string, Set<string>>()
    for (const file of this.files) {
      if (TEST.test(file.path)) continue
      const targets = new Set<string>()
      files.set(file.path, targets)
      const folder = folderOf(file.path)
      for (const { specifier } of file.imports) {
        if (specifier === undefined) continue
        if (specifier.startsWith('.')) targets.add(posix.join(posix.dirname(file.path), specifier))
        const other = this.folders.get(packageName(specifier))
        if (folder === undefined || other === undefined) continue
        packages.set(folder, (packages.get(folder) ?? new Set()).add(other))
      }
    }
    return [...findCycles(packages), ...findCycles(files)].map((cycle) => ({
      rule: 'cycle',
      at: cycle[0] ?? '',
      message: cycle.join(' → '),
    }))
  }

  private checkImport(file: SourceFile, folder: string | undefined, { specifier, typeOnly, line }: Import): Breach[] {
    const breach = (rule: Breach['rule'], message: string): Breach[] => [{ rule, at: `${file.path}:${line}`, message }]
    if (specifier === undefined) {
      if (folder === undefined || ruleFor(file.path, folder)?.computedImports) return []
      return breach('unchecked', 'what it imports is only known when it runs')
    }
    const name = packageName(specifier)
    const isBuiltin = specifier.startsWith('node:') || BUILTINS.has(specifier)
    const copied = Object.keys(TO_BE_COPIED).find((prefix) => file.path.startsWith(prefix))
    if (copied !== undefined && !isBuiltin && !TO_BE_COPIED[copied]?.includes(name)) {
      return breach('import', `${specifier}: what is copied from ${copied} does not find it`)
    }
    if (specifier.startsWith('.')) return this.checkRelative(file, folder, specifier, breach)
    const other = this.folders.get(name)
    if (other !== undefined) {
      const isFloor = WITHOUT_OURS.some((prefix) => file.path.startsWith(prefix))
      if (isFloor) return breach('import', `${specifier}: nothing of ours is used here`)
      if (!this.isExported(other, specifier)) return breach('deep', `${specifier} is not among the exports of ${name}`)
    }
    if (folder === undefined) return []
    const rule = ruleFor(file.path, folder)
    if (rule === undefined) return []
    if (isBuiltin) {
      const module = specifier.replace(/^node:/, '')
      return rule.withoutModules?.includes(module)
        ? breach('import', `packages/${folder} must not use ${specifier}`)
        : []
    }
    if (other === folder) return breach('import', `a package imports itself by relative paths, not as ${specifier}`)
    const allowed = other === undefined ? rule.libraries.includes(name) : rule.ours.includes(other)
    const allowedType = other !== undefined && typeOnly && rule.types?.includes(other)
    if (!allowed && !allowedType) {
      const asValue = other !== undefined && rule.types?.includes(other) ? ' other than as a type' : ''
      return breach('import', `packages/${folder} must not import ${specifier}${asValue}`)
    }
    return this.isDeclared(file, folder, name)
      ? []
      : breach('declared', `packages/${folder}/package.json lacks ${name}`)
  }

  private checkRelative(
    file: SourceFile,
    folder: string | undefined,
    specifier: string,
    breach: (rule: Breach['rule'], message: string) => Breach[],
  ): Breach[] {
    const target = posix.join(posix.dirname(file.path), specifier)
    const other = folderOf(target)
    const isFloor = WITHOUT_OURS.find((prefix) => file.path.startsWith(prefix))
    if (isFloor !== undefined && !target.startsWith(isFloor)) return breach('import', `${specifier} leaves ${isFloor}`)
    if (folder === other) return []
    if (other !== undefined) return breach('deep', `${specifier} reaches into packages/${other}`)
    return breach('deep', `${specifier} leaves packages/${folder}`)
  }

  private isExported(folder: string, specifier: string): boolean {
    const { name, exports = {} } = this.manifests.get(folder) ?? { name: '' }
    return Object.hasOwn(exports, `.${specifier.slice(name.length)}`)
  }

  /** Tests find what the whole repository uses for tests in the root package.json. */
  private isDeclared(file: SourceFile, folder: string, name: string): boolean {
    if (TEST.test(file.path) && [...TEST_EXTRAS.libraries, '@millrace/testkit'].includes(name)) return true
    if (fileRule(file.path).libraries?.includes(name)) return true
    return Object.hasOwn(this.manifests.get(folder)?.dependencies ?? {}, name)
  }

  private manifest(folder: string): Manifest {
    const path = `${this.root}/packages/${folder}/package.json`
    if (!existsSync(path)) throw new Error(`packages/${folder} has no package.json`)
    return JSON.parse(readFileSync(path, 'utf8')) as Manifest
  }
}

/** `log` for packages/log/src/segment.ts. */
function folderOf(path: string): string | undefined {
  return /^packages\/([^/]+)\//.exec(path)?.[1]
}

/** `@scope/name` or `name`, without what follows. */
function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

/** What a file may do more than its package. */
function fileRule(path: string): Partial<PackageRule> {
  const key = Object.keys(FILE_RULES).find((name) => (name.endsWith('/') ? path.startsWith(name) : path === name))
  return key === undefined ? {} : (FILE_RULES[key] ?? {})
}

/** The rule of the package, widened for the file; undefined when the package is not in the table. */
function ruleFor(path: string, folder: string): PackageRule | undefined {
  const rule = PACKAGE_RULES[folder]
  if (rule === undefined) return undefined
  const own = fileRule(path)
  const extras = TEST.test(path) ? TEST_EXTRAS : { ours: [], libraries: [] }
  return {
    ...rule,
    ...own,
    ours: [...rule.ours, ...extras.ours],
    libraries: [...rule.libraries, ...(own.libraries ?? []), ...extras.libraries],
    // A test may read its fixtures.
    withoutModules: TEST.test(path) ? [] : (rule.withoutModules ?? []),
  }
}
