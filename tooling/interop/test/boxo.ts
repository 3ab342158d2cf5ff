/** Runs the programs of `go-gateway/`: boxo's gateway over CAR files, and a client as Kubo has one. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type BuiltGo, useBuiltGo } from './built-go.ts'

const execute = promisify(execFile)
const SOURCES = fileURLToPath(new URL('../go-gateway/', import.meta.url))

/** What the client says that has come of it. */
export interface Fetched {
  /** Why it takes nothing from this server at all. */
  readonly refused?: string
  readonly failed?: string
  readonly blocks: number
  readonly bytes: number
  readonly haves: readonly string[]
  readonly lacks: readonly string[]
}

export interface Boxo {
  /** boxo's gateway over these files. */
  serve (paths: readonly string[]): Promise<{ readonly url: string, stop (): Promise<void> }>
  fetch (url: string, ...args: readonly string[]): Promise<Fetched>
}

/** What a test file starts with. */
export const useBoxo = (): { boxo: BuiltGo<Boxo>['programs'], at: BuiltGo<Boxo>['at'] } => {
  const { programs, at } = useBuiltGo({ sources: SOURCES, packages: ['./serve', './fetch'], programs: boxoOf })
  return { boxo: programs, at }
}

const boxoOf = (binary: (name: string) => string): Boxo => ({
  serve: async (paths) => {
    const server = spawn(binary('serve'), [...paths], { stdio: ['pipe', 'pipe', 'inherit'] })
    const ended = once(server, 'exit')
    const [line] = await Promise.race([once(server.stdout, 'data'), ended.then(() => { throw new Error('it has ended') })]) as [Buffer]
    return {
      url: line.toString().trim(),
      stop: async () => {
        server.stdin.end()
        await ended
      },
    }
  },
  fetch: async (url, ...args) => JSON.parse((await execute(binary('fetch'), [url, ...args], { maxBuffer: 1 << 26 })).stdout) as Fetched,
})
