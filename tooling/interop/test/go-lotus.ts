/** Builds and runs the program `lotus-sectors`, on Lotus's own packages, and decides what happens where it can not be built. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, type TestContext } from 'vitest'

const execute = promisify(execFile)
/** Against hanging for ever: a first build compiles all modules. */
const BUILD_MS = 1_200_000
const SOURCES = fileURLToPath(new URL('../go-lotus/', import.meta.url))

/** Offsets and lengths padded. `pad` and `unpad` are of whole files. */
export interface SectorStep {
  readonly op: 'write' | 'free' | 'read' | 'ranges' | 'pad' | 'unpad'
  readonly file: string
  readonly sectorBytes?: number
  readonly offset?: number
  readonly length?: number
  /** A file with the payload, for `write`. */
  readonly payload?: string
}

export interface SectorStepResult {
  readonly allocated?: boolean
  /** Of the unpadded piece; of what came out of `pad` and `unpad`. */
  readonly sha256?: string
  readonly ranges?: readonly (readonly [number, number])[]
  readonly error?: string
}

export interface LotusSectors {
  run (steps: readonly SectorStep[]): Promise<readonly SectorStepResult[]>
  /** A server of the folder's `unsealed/`, as a miner is one. */
  serve (folder: string): Promise<{ readonly url: string, stop (): void }>
}

/** What a test file starts with: the program is built before its tests, in a folder that is gone after them. */
export const useLotus = (): {
  /** The program, or a skip with the reason; a failure where it is required. */
  lotus (context: TestContext): LotusSectors
  /** A path in a folder of this test file. */
  at (name: string): string
} => {
  let folder = ''
  let reason: string | undefined
  let required = process.env['DAGSTORE_REQUIRE_GO'] === '1'
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'interop-lotus-'))
    try {
      await execute('go', ['version'])
    } catch {
      reason = 'no go on the path'
      return
    }
    try {
      // without its proofs, which are no Go
      await execute('go', ['build', '-mod=readonly', '-o', join(folder, 'lotus-sectors'), '.'], { cwd: SOURCES, env: { ...process.env, CGO_ENABLED: '0' }, maxBuffer: 1 << 26 })
    } catch (error) {
      const [first = ''] = ((error as { readonly stderr?: string }).stderr ?? String(error)).trim().split('\n')
      reason = `go build failed: ${first}`
      required ||= process.env['CI'] === 'true'
    }
  }, BUILD_MS)
  afterAll(async () => { await rm(folder, { recursive: true, force: true }) })
  return {
    lotus: (context) => {
      if (reason === undefined) return { run: (steps) => runSteps(join(folder, 'lotus-sectors'), steps), serve: (storage) => serve(join(folder, 'lotus-sectors'), storage) }
      if (required) throw new Error(`the Go programs are required here; ${reason}`)
      return context.skip(reason)
    },
    at: (name) => join(folder, name),
  }
}

const runSteps = async (program: string, steps: readonly SectorStep[]): Promise<readonly SectorStepResult[]> => {
  const running = execute(program, ['run'], { maxBuffer: 1 << 26 })
  running.child.stdin?.end(JSON.stringify(steps))
  const results = JSON.parse((await running).stdout) as readonly SectorStepResult[]
  for (const [at, { error }] of results.entries()) if (error !== undefined) throw new Error(`step ${at} (${steps[at]?.op}): ${error}`)
  return results
}

const serve = async (program: string, folder: string): Promise<{ readonly url: string, stop (): void }> => {
  const server = spawn(program, ['serve', folder], { stdio: ['pipe', 'pipe', 'ignore'] })
  const [line] = await once(server.stdout, 'data') as [Buffer]
  return { url: line.toString().trim(), stop: () => { server.stdin.end() } }
}
