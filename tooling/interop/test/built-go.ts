/** Builds Go programs for a test file, and decides what happens where they can not be built. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, type TestContext } from 'vitest'

const run = promisify(execFile)
/** Against hanging for ever: a first build compiles all modules. */
const BUILD_MS = 1_200_000

export interface GoBuild<P> {
  /** Folder of the Go module. */
  readonly sources: string
  /** Packages of it, each a program. */
  readonly packages: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** @param binary - path of a program by its name */
  readonly programs: (binary: (name: string) => string) => P
}

export interface BuiltGo<P> {
  /** The programs, or a skip with the reason; a failure where they are required. */
  programs (context: TestContext): P
  /** A path in a folder of this test file. */
  at (name: string): string
}

/** `reason` says why there are no programs; `required`: that is a failure here and not a skip. */
interface NoPrograms { readonly reason: string, readonly required: boolean }

/** The programs are built before the tests of a file, in a folder that is gone after them. */
export const useBuiltGo = <P>(build: GoBuild<P>): BuiltGo<P> => {
  let folder = ''
  let built: { readonly programs: P } | NoPrograms
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'interop-'))
    built = await buildInto(await mkdtemp(join(folder, 'go-')), build)
  }, BUILD_MS)
  afterAll(async () => { await rm(folder, { recursive: true, force: true }) })
  return {
    programs: (context) => {
      if ('programs' in built) return built.programs
      if (built.required) throw new Error(`the Go programs are required here; ${built.reason}`)
      return context.skip(built.reason)
    },
    at: (name) => join(folder, name),
  }
}

/**
 * Without `go` on the path there are no programs; `DAGSTORE_REQUIRE_GO=1` requires them all the same. With `go` on the path, CI
 * requires that they build.
 */
const buildInto = async <P>(folder: string, { sources, packages, env = {}, programs }: GoBuild<P>): Promise<{ readonly programs: P } | NoPrograms> => {
  const demanded = process.env['DAGSTORE_REQUIRE_GO'] === '1'
  try {
    await run('go', ['version'])
  } catch {
    return { reason: 'no go on the path', required: demanded }
  }
  try {
    await run('go', ['build', '-mod=readonly', '-o', `${folder}/`, ...packages], { cwd: sources, env: { ...process.env, ...env }, maxBuffer: 1 << 26 })
  } catch (error) {
    const [first = ''] = ((error as { readonly stderr?: string }).stderr ?? String(error)).trim().split('\n')
    return { reason: `go build failed: ${first}`, required: demanded || process.env['CI'] === 'true' }
  }
  return { programs: programs((name) => join(folder, process.platform === 'win32' ? `${name}.exe` : name)) }
}
