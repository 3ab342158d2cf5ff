/** Builds and runs the Go programs `readback`, `vectors`, `gateway` and `jsonrpc`, and decides what happens where they can not be built. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, type TestContext } from 'vitest'
import type { GatewayAnswer } from './gateway-cases.ts'

const run = promisify(execFile)
/** Against hanging for ever: a first build compiles all modules. */
const BUILD_MS = 1_200_000
const SOURCES = fileURLToPath(new URL('../go/', import.meta.url))

/** One run of `readback`: what it printed, and its message when it failed a check. */
export interface Reading {
  readonly ok: boolean
  readonly report: Record<string, unknown>
  readonly message: string
}

export interface GoPrograms {
  readback(...args: string[]): Promise<Reading>
  /** Writes the vector set into a folder. */
  vectors(folder: string): Promise<void>
  /** `answer` gives the answers, `vectors` none. */
  gateway(args: readonly string[]): Promise<readonly GatewayAnswer[]>
  /** A client of go-jsonrpc at this URL: what it was told. */
  callRpc(url: string, token: string): Promise<Record<string, unknown>>
  /** A client as Lotus's own tools have one: `jsonrpc lotus …`; what it printed. */
  lotus(...args: string[]): Promise<string>
  /** A server of go-jsonrpc; its URL. */
  serveRpc(): Promise<{ readonly url: string, stop(): void }>
}

interface Failure { readonly code?: unknown, readonly stdout?: string, readonly stderr?: string }

/** `reason` says why there are no programs; `required`: that is a failure here and not a skip. */
interface NoPrograms { readonly reason: string, readonly required: boolean }

/** What a test file with Go programs starts with: they are built before its tests, in a folder that is gone after them. */
export const useGo = (): {
  /** The programs, or a skip with the reason; a failure where they are required. */
  go(context: TestContext): GoPrograms
  /** A path in a folder of this test file. */
  at(name: string): string
} => {
  let folder = ''
  let programs: GoPrograms | NoPrograms
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'interop-'))
    programs = await buildPrograms(await mkdtemp(join(folder, 'go-')))
  }, BUILD_MS)
  afterAll(async () => { await rm(folder, { recursive: true, force: true }) })
  return {
    go: (context) => {
      if ('readback' in programs) return programs
      if (programs.required) throw new Error(`the Go programs are required here; ${programs.reason}`)
      return context.skip(programs.reason)
    },
    at: (name) => join(folder, name),
  }
}

/**
 * Build into a folder. Without `go` on the path there are no programs; `DAGSTORE_REQUIRE_GO=1` requires them all
 * the same. With `go` on the path, CI requires that they build.
 */
const buildPrograms = async (folder: string): Promise<GoPrograms | NoPrograms> => {
  const demanded = process.env['DAGSTORE_REQUIRE_GO'] === '1'
  try {
    await run('go', ['version'])
  } catch {
    return { reason: 'no go on the path', required: demanded }
  }
  const binary = (name: string): string => join(folder, process.platform === 'win32' ? `${name}.exe` : name)
  try {
    await run('go', ['build', '-mod=readonly', '-o', folder, './readback', './vectors', './gateway', './jsonrpc'], { cwd: SOURCES, maxBuffer: 1 << 26 })
  } catch (error) {
    const [first = ''] = ((error as Failure).stderr ?? String(error)).trim().split('\n')
    return { reason: `go build failed: ${first}`, required: demanded || process.env['CI'] === 'true' }
  }
  return {
    readback: async (...args) => {
      try {
        const { stdout } = await run(binary('readback'), args, { maxBuffer: 1 << 26 })
        return { ok: true, report: JSON.parse(stdout) as Record<string, unknown>, message: '' }
      } catch (error) {
        const { code, stdout = '', stderr = '' } = error as Failure
        if (code !== 1) throw error
        return { ok: false, report: stdout === '' ? {} : JSON.parse(stdout) as Record<string, unknown>, message: stderr.trim() }
      }
    },
    vectors: async (out) => { await run(binary('vectors'), ['-out', out]) },
    gateway: async (args) => {
      const { stdout } = await run(binary('gateway'), [...args], { maxBuffer: 1 << 26 })
      return stdout === '' ? [] : JSON.parse(stdout) as GatewayAnswer[]
    },
    callRpc: async (url, token) => JSON.parse((await run(binary('jsonrpc'), ['call', url, token])).stdout) as Record<string, unknown>,
    lotus: async (...args) => (await run(binary('jsonrpc'), ['lotus', ...args], { maxBuffer: 1 << 26 })).stdout,
    serveRpc: async () => {
      const server = spawn(binary('jsonrpc'), ['serve'], { stdio: ['pipe', 'pipe', 'ignore'] })
      const [line] = await once(server.stdout, 'data') as [Buffer]
      return { url: line.toString().trim(), stop: () => { server.stdin.end() } }
    },
  }
}
