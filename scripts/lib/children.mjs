import { spawn } from 'node:child_process'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP']
/** Repeats of a signal within this time are one: a terminal sends it to the whole group, and npm hands it on again. */
const SAME_SIGNAL_MS = 1_000
/** How long a child may take to end after a signal. The server's own grace is shorter. */
const GRACE_MS = 30_000
const PARENT_CHECK_MS = 500

/** Thrown by `run` once this process was told to stop. */
export class Stopped extends Error {
  constructor(signal) {
    super(`stopped by ${signal}`)
    this.signal = signal
  }
}

/**
 * Runs one child after the other, each in a process group of its own, and hands the signals that this process gets on
 * to the one that runs. When a child was told to stop, nothing of its group is left when `run` returns. That this
 * process's parent is gone counts as SIGTERM: a shell between npm and this script does not hand signals on.
 */
export class Children {
  #child
  #stop
  #stoppedAtMs = 0

  constructor({ parentCheckMs = PARENT_CHECK_MS } = {}) {
    for (const signal of SIGNALS) process.on(signal, () => this.#onSignal(signal))
    const parent = process.ppid
    const check = setInterval(() => {
      if (process.ppid !== parent && this.#stop === undefined) this.#onSignal('SIGTERM')
    }, parentCheckMs)
    check.unref()
  }

  /** The signal that told this process to stop, or undefined. */
  get stopSignal() {
    return this.#stop
  }

  /**
   * Runs a command to its end. Its output goes where this process's goes, or, with `capture`, into `output`.
   * With `timeoutMs` the command is killed after that time.
   * @throws Stopped when this process was told to stop before or meanwhile, unless `final`
   */
  async run(
    command,
    args,
    { cwd, env = process.env, capture = false, channel = false, final = false, timeoutMs } = {},
  ) {
    if (this.#stop !== undefined) throw new Stopped(this.#stop)
    const out = capture ? 'pipe' : 'inherit'
    const child = spawn(command, args, {
      cwd,
      env,
      stdio: ['ignore', out, out, ...(channel ? ['ipc'] : [])],
      detached: process.platform !== 'win32',
    })
    this.#child = child
    const timeout = timeoutMs === undefined ? undefined : setTimeout(() => kill(child, 'SIGKILL'), timeoutMs)
    const chunks = []
    child.stdout?.on('data', (chunk) => chunks.push(chunk))
    child.stderr?.on('data', (chunk) => chunks.push(chunk))
    try {
      const { code, signal } = await new Promise((resolve, reject) => {
        child.on('error', reject)
        child.on('close', (code, signal) => resolve({ code, signal }))
      })
      if (this.#stop !== undefined && !final) throw new Stopped(this.#stop)
      return { code, signal, output: Buffer.concat(chunks).toString() }
    } finally {
      clearTimeout(timeout)
      this.#child = undefined
      if (this.#stop !== undefined) kill(child, 'SIGKILL')
    }
  }

  #onSignal(signal) {
    const now = performance.now()
    if (this.#stop !== undefined && now - this.#stoppedAtMs < SAME_SIGNAL_MS) return
    this.#stop ??= signal
    this.#stoppedAtMs = now
    const child = this.#child
    if (child === undefined) return
    kill(child, signal === 'SIGHUP' ? 'SIGTERM' : signal)
    setTimeout(() => this.#child === child && kill(child, 'SIGKILL'), GRACE_MS).unref()
  }
}

/** Sends a signal to the child's whole group; a group that is gone is left alone. */
function kill(child, signal) {
  if (child.pid === undefined) return
  try {
    if (process.platform === 'win32') child.kill(signal)
    else process.kill(-child.pid, signal)
  } catch (error) {
    if (error.code !== 'ESRCH' && error.code !== 'EPERM') throw error
  }
}
