/** What a package may reach for. The table in ARCHITECTURE.md says the same. */
export interface PackageRule {
  /** Packages of ours. */
  readonly ours: readonly string[]
  /** Packages of ours of which it may use types alone. */
  readonly types?: readonly string[]
  /** Packages from npm. */
  readonly libraries: readonly string[]
  /** Modules of Node.js that it must not use. */
  readonly withoutModules?: readonly string[]
  /** Whether it may read the clock, set timers, draw random numbers and print; elsewhere these are passed in. */
  readonly ambient?: boolean
  /** Whether it may import what is only known when it runs. */
  readonly computedImports?: boolean
}

const record: PackageRule = {
  ours: [],
  libraries: ['@node-rs/crc32', 'crc-32', 'lz4-napi', 'snappy'],
  withoutModules: ['fs', 'fs/promises', 'net', 'tls', 'dgram', 'http', 'http2', 'https', 'child_process'],
}

/** Who may import whom, by folder under packages/. A package that is not named here is a breach. */
export const PACKAGE_RULES: Readonly<Record<string, PackageRule>> = {
  record,
  log: { ours: ['record'], libraries: [] },
  engine: { ours: ['record'], libraries: [] },
  table: { ours: ['record'], types: ['engine'], libraries: [] },
  'engine-local': { ours: ['engine', 'log', 'record', 'table'], libraries: [] },
  broker: { ours: ['engine', 'record', 'table'], libraries: ['re2js'] },
  wire: { ours: ['record'], libraries: ['protobufjs'] },
  'gateway-http': {
    ours: ['broker', 'record', 'wire'],
    libraries: ['@fastify/swagger', '@fastify/swagger-ui', '@opentelemetry/api', 'fastify', 'typebox'],
  },
  client: { ours: ['record', 'wire'], libraries: [] },
  server: {
    ours: ['broker', 'engine', 'engine-local', 'gateway-http', 'log', 'record'],
    libraries: ['pino', 'pino-pretty', 'prom-client'],
    ambient: true,
  },
  cli: { ours: ['client', 'server'], libraries: ['@bomb.sh/tab', 'commander', 'cli-progress'], ambient: true },
  // The memory engine checks settings with the engine port's own function; of the log it knows the Disk port.
  testkit: { ours: ['record', 'engine'], types: ['log'], libraries: [] },
}

/** Files, and folders with a slash at the end, that may do more than their package, with the reason. */
export const FILE_RULES: Readonly<Record<string, Partial<PackageRule>>> = {
  // The system's clock is the one that is passed in.
  'packages/record/src/clock.ts': { ambient: true },
  // The suite is a set of tests that engines run.
  'packages/engine/src/conformance.ts': { libraries: ['vitest'] },
  'packages/engine/src/conformance/': { libraries: ['vitest', 'fast-check'], ambient: true },
  'packages/testkit/src/certificates.ts': { libraries: ['selfsigned'] },
  // It starts its own package's sources or what was built from them.
  'packages/cli/bin/millrace.mjs': { computedImports: true },
  // The types of protobufjs name it, and bring it.
  'packages/wire/generated/millrace.d.ts': { libraries: ['long'] },
}

/** What the tests of every package may import besides. */
export const TEST_EXTRAS = {
  ours: ['testkit'],
  libraries: [
    'vitest',
    'fast-check',
    '@grpc/grpc-js',
    '@grpc/proto-loader',
    '@opentelemetry/context-async-hooks',
    '@opentelemetry/sdk-trace-base',
    '@seriousme/openapi-schema-validator',
    'playwright-core',
    'selfsigned',
    'yaml',
  ],
}

/** Folders whose files must import nothing of ours, because they measure what is possible without it. */
export const WITHOUT_OURS: readonly string[] = ['bench/floor/']

/** Folders whose files stand by themselves, because people copy them, and the packages that those have then. */
export const TO_BE_COPIED: Readonly<Record<string, readonly string[]>> = { 'examples/': ['@millrace/client'] }

/** The longest file that needs no reason. */
export const MAX_LINES = 500
/** How the comment at the top of a longer file begins its reason. */
export const REASON_FOR_LENGTH = 'Longer than 500 lines because'
