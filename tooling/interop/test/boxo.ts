/** Runs the programs of `go-gateway/`: boxo's gateway over CAR files, and a client as Kubo has one. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type BuiltGo, useBuiltGo } from './built-go.ts'
import { type ServedByGo, serveByGo } from './served-go.ts'

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
  serve (paths: readonly string[]): Promise<ServedByGo>
  fetch (url: string, ...args: readonly string[]): Promise<Fetched>
}

/** What a test file starts with. */
export const useBoxo = (): { boxo: BuiltGo<Boxo>['programs'], at: BuiltGo<Boxo>['at'] } => {
  const { programs, at } = useBuiltGo({ sources: SOURCES, packages: ['./serve', './fetch'], programs: boxoOf })
  return { boxo: programs, at }
}

const boxoOf = (binary: (name: string) => string): Boxo => ({
  serve: (paths) => serveByGo(binary('serve'), paths),
  fetch: async (url, ...args) => JSON.parse((await execute(binary('fetch'), [url, ...args], { maxBuffer: 1 << 26 })).stdout) as Fetched,
})
