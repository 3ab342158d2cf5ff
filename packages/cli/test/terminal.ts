/** A terminal that keeps what is printed, and a folder that goes away. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { main, type Terminal } from '../src/index.ts'

export interface Run { readonly code: number, readonly stdout: string, readonly stderr: string, readonly bytes: Uint8Array }

export const temporaryFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'dagstore-cli-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Run one command line in `cwd`, in this process. */
export const dagstore = async (cwd: string, args: readonly string[], options: { readonly env?: Record<string, string>, readonly signal?: AbortSignal, /** Called before each message. */ readonly onMessage?: (text: string) => void, /** Called with each result. */ readonly onResult?: (text: string | Uint8Array) => void, /** What is piped in. */ readonly stdin?: Uint8Array } = {}): Promise<Run> => {
  const out: Uint8Array[] = []
  let stderr = ''
  const terminal: Terminal = {
    stdout: (text) => {
      out.push(typeof text === 'string' ? Buffer.from(text) : text.slice())
      options.onResult?.(text)
    },
    stderr: (text) => {
      options.onMessage?.(text)
      stderr += text
    },
    interactive: false,
    colors: false,
    cwd,
    env: options.env ?? {},
    signal: options.signal ?? new AbortController().signal,
  }
  const { stdin } = options
  const piped = stdin === undefined ? {} : { stdin: async function * () { for (let at = 0; at < stdin.byteLength; at += 100) yield stdin.subarray(at, at + 100) } }
  const code = await main(args, { ...terminal, ...piped })
  const bytes = Buffer.concat(out)
  return { code, stdout: bytes.toString('utf8'), stderr, bytes }
}

/** What a command on several things prints with `--json`. */
export interface BulkDocument {
  readonly items: readonly { readonly ok: boolean, readonly key?: string, readonly path?: string, readonly status?: string, readonly mountUrl?: string, readonly error?: { readonly code: string | null, readonly message: string } }[]
  readonly ok: boolean
  readonly succeeded: number
  readonly failed: number
}

export const documentOf = ({ stdout }: Run): BulkDocument => JSON.parse(stdout) as BulkDocument
