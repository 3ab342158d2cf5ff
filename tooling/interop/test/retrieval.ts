/** Runs the programs of `go-retrieval/`: frisbii over CAR files, and a client that is Lassie's. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type BuiltGo, useBuiltGo } from './built-go.ts'
import { type ServedByGo, serveByGo } from './served-go.ts'

const execute = promisify(execFile)
const SOURCES = fileURLToPath(new URL('../go-retrieval/', import.meta.url))

export interface Fetch {
  /** URL of the gateway that it is to fetch from, and from nothing else. */
  readonly from: string
  /** `CID[/path]` */
  readonly what: string
  readonly scope?: 'block' | 'entity' | 'all'
  readonly entityBytes?: string
  /** Whether it asks for repeated blocks. */
  readonly dups: 'y' | 'n'
}

/** A CAR of the blocks that it has verified, in order, and why these are not all. */
export interface Fetched { readonly car: Uint8Array, readonly failed?: string }

export interface Retrieval {
  /** frisbii over these files. */
  frisbii (paths: readonly string[]): Promise<ServedByGo>
  lassie (fetch: Fetch): Promise<Fetched>
}

/** What a test file starts with. */
export const useRetrieval = (): { retrieval: BuiltGo<Retrieval>['programs'], at: BuiltGo<Retrieval>['at'] } => {
  const { programs, at } = useBuiltGo({ sources: SOURCES, packages: ['./frisbii', './lassie'], programs: retrievalOf })
  return { retrieval: programs, at }
}

const retrievalOf = (binary: (name: string) => string): Retrieval => ({
  frisbii: (paths) => serveByGo(binary('frisbii'), paths),
  lassie: async ({ from, what, scope = 'all', entityBytes = '', dups }) => {
    try {
      const { stdout } = await execute(binary('lassie'), ['-scope', scope, '-bytes', entityBytes, '-dups', dups, from, what], { encoding: 'buffer', maxBuffer: 1 << 26 })
      return { car: stdout }
    } catch (error) {
      const { code, stdout, stderr } = error as { readonly code: unknown, readonly stdout: Buffer, readonly stderr: Buffer }
      if (code !== 1) throw error
      return { car: stdout, failed: stderr.toString().trim() }
    }
  },
})
