const MARK = process.stdout.isTTY ? { good: '\x1b[32m✓\x1b[0m', bad: '\x1b[31m✗\x1b[0m' } : { good: '✓', bad: '✗' }

/** What must hold before the tests are worth running. Each is one command for Node.js. */
export const CHECKS = [
  { name: 'generated code is fresh', args: ['scripts/generate.mjs', '--check'] },
  { name: 'types', args: ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.check.json'] },
  { name: 'lint and format', args: ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings'] },
  { name: 'import rules', args: ['scripts/check-imports.ts'] },
]

/**
 * Runs one check with `node` and prints its result in a line, and what it printed when it failed.
 * @returns whether it held
 */
export async function runCheck({ name, args }, { root, children, node, env }) {
  const startMs = performance.now()
  const { code, output } = await children.run(node, args, { cwd: root, env, capture: true })
  const seconds = ((performance.now() - startMs) / 1_000).toFixed(1)
  console.log(`${code === 0 ? MARK.good : MARK.bad} ${name}  ${seconds} s`)
  if (code !== 0) console.log(output.trimEnd())
  return code === 0
}

/** Runs every check, the rest too when one fails. @returns the names of those that failed */
export async function runChecks(checks, context) {
  const failed = []
  for (const check of checks) if (!(await runCheck(check, context))) failed.push(check.name)
  return failed
}
