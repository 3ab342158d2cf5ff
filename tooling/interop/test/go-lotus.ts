/** Runs the program of `go-lotus/`, on Lotus's own packages. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type BuiltGo, useBuiltGo } from './built-go.ts'

const execute = promisify(execFile)
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

/** What a test file starts with. */
export const useLotus = (): { lotus: BuiltGo<LotusSectors>['programs'], at: BuiltGo<LotusSectors>['at'] } => {
  const { programs, at } = useBuiltGo({
    sources: SOURCES,
    packages: ['.'],
    env: { CGO_ENABLED: '0' }, // without its proofs, which are no Go
    programs: (binary): LotusSectors => {
      const program = binary('dagstore-interop-lotus')
      return { run: (steps) => runSteps(program, steps), serve: (folder) => serve(program, folder) }
    },
  })
  return { lotus: programs, at }
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
