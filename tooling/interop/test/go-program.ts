/** Runs the Go programs `readback`, `vectors`, `gateway` and `jsonrpc`. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type BuiltGo, useBuiltGo } from './built-go.ts'
import type { GatewayAnswer } from './gateway-cases.ts'

const run = promisify(execFile)
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

/** What a test file with Go programs starts with. */
export const useGo = (): { go: BuiltGo<GoPrograms>['programs'], at: BuiltGo<GoPrograms>['at'] } => {
  const { programs, at } = useBuiltGo({ sources: SOURCES, packages: ['./readback', './vectors', './gateway', './jsonrpc'], programs: programsOf })
  return { go: programs, at }
}

const programsOf = (binary: (name: string) => string): GoPrograms => ({
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
})
