// Fails when a source file breaks a rule of scripts/imports/rules.ts, and when it saw fewer files than git has.
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkImports } from './imports/check.ts'
import { findSources, listSources } from './imports/source-tree.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const seen = findSources(root)
const listed = listSources(root)
if (listed === undefined) console.log('This is no git repository: whether every file was seen cannot be told')
const breaches = checkImports(root, seen, listed)
for (const { rule, at, message } of breaches) console.error(`${at}: ${message} [${rule}]`)
if (breaches.length > 0) process.exitCode = 1
else console.log(`${seen.length} files keep the import rules`)
