/** Builds and runs the Go programs `readback` and `vectors`. */
import { execFile } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

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
}

interface Failure { readonly code?: unknown, readonly stdout?: string, readonly stderr?: string }

/** `reason` says why there are no programs; `required`: that is a failure here and not a skip. */
export interface NoPrograms { readonly reason: string, readonly required: boolean }

/**
 * Build into a temporary folder. Without `go` on the path there are no programs; `DAGSTORE_REQUIRE_GO=1` requires them all
 * the same. With `go` on the path, CI requires that they build.
 */
export const buildPrograms = async (): Promise<GoPrograms | NoPrograms> => {
  const demanded = process.env['DAGSTORE_REQUIRE_GO'] === '1'
  try {
    await run('go', ['version'])
  } catch {
    return { reason: 'no go on the path', required: demanded }
  }
  const folder = await mkdtemp(join(tmpdir(), 'interop-go-'))
  const binary = (name: string): string => join(folder, process.platform === 'win32' ? `${name}.exe` : name)
  try {
    await run('go', ['build', '-mod=readonly', '-o', folder, './readback', './vectors'], { cwd: SOURCES, maxBuffer: 1 << 26 })
  } catch (error) {
    return { reason: `go build failed: ${(error as Failure).stderr ?? String(error)}`, required: demanded || process.env['CI'] === 'true' }
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
  }
}
