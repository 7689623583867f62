import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { reasonToInstall } from './lib/install.mjs'
import { isNewEnough, pickNode } from './lib/node.mjs'

test('the tests run on a Node.js that Millrace supports', () => {
  expect(isNewEnough(process.versions.node)).toBe(true)
})

describe('the choice of Node.js', () => {
  test.each([
    ['18.20.0', false],
    ['20.20.2', false],
    ['22.17.1', false],
    ['22.18.0', true],
    ['22.22.0', true],
    ['23.5.0', false],
    ['23.6.0', true],
    ['24.0.0', true],
    ['26.1.0', true],
  ])('%s is new enough: %s', (version, expected) => expect(isNewEnough(version)).toBe(expected))

  test('takes its own where that is new enough', () => {
    expect(pickNode('/nowhere', { path: '/usr/bin/node', version: '24.1.0' })).toBe('/usr/bin/node')
  })

  test('says in one line what to install where there is none', () => {
    expect(() => pickNode('/nowhere', { path: '/usr/bin/node', version: '20.1.0' })).toThrow(
      /^Millrace needs Node\.js 22\.18 or newer and this is 20\.1\.0: install .*$/,
    )
  })
})

describe('the need to install', () => {
  const lock = {
    packages: {
      '': { name: 'root' },
      'packages/a': { version: '1.0.0' },
      'node_modules/a': { resolved: 'packages/a', link: true },
      'node_modules/b': { version: '1.0.0', integrity: 'sha512-b' },
      'node_modules/other-machine': { version: '1.0.0', integrity: 'sha512-o', optional: true },
    },
  }
  const { '': _root, 'node_modules/other-machine': _other, ...installed } = lock.packages
  let root

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'millrace-install-'))
    write('package-lock.json', lock)
    write('node_modules/.package-lock.json', { packages: installed })
    for (const path of Object.keys(installed)) mkdirSync(join(root, path), { recursive: true })
  })
  afterEach(() => rmSync(root, { recursive: true }))

  function write(path, content) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), JSON.stringify(content))
  }

  test('there is none when node_modules is what the lock file says', () => {
    expect(reasonToInstall(root)).toBeUndefined()
  })

  test('there is one without node_modules', () => {
    rmSync(join(root, 'node_modules'), { recursive: true })
    expect(reasonToInstall(root)).toBe('there is no node_modules')
  })

  test('there is one when an install was cut off', () => {
    rmSync(join(root, 'node_modules/.package-lock.json'))
    expect(reasonToInstall(root)).toBe('an earlier install did not end')
  })

  test('there is one when the lock file has another version, other bytes or another package', () => {
    for (const changed of [
      { version: '1.0.1', integrity: 'sha512-b' },
      { version: '1.0.0', integrity: 'sha512-c' },
    ]) {
      write('package-lock.json', { packages: { ...lock.packages, 'node_modules/b': changed } })
      expect(reasonToInstall(root)).toBe('package-lock.json has another node_modules/b')
    }
    write('package-lock.json', { packages: { ...lock.packages, 'node_modules/c': { version: '1.0.0' } } })
    expect(reasonToInstall(root)).toBe('package-lock.json has another node_modules/c')
  })

  test('there is one when a package was deleted', () => {
    rmSync(join(root, 'node_modules/b'), { recursive: true })
    expect(reasonToInstall(root)).toBe('node_modules/b is gone')
  })
})
