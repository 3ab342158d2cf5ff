/** The Go programs of tooling/interop as peers, where Go is present. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const GO = fileURLToPath(new URL('../../interop/go', import.meta.url))

/** Path of the built `bench` program; `undefined`, with a line that says why, when it cannot be built here. */
export const buildGoPeer = (scratch) => {
  const program = join(scratch, 'go-bench')
  try {
    execFileSync('go', ['build', '-mod=readonly', '-o', program, './bench'], { cwd: GO, stdio: ['ignore', 'ignore', 'pipe'] })
    return program
  } catch (error) {
    console.log(`without the Go peer: ${String(error.stderr ?? error.message).trim().split('\n')[0]}`)
    return undefined
  }
}

/** Milliseconds of each `GenerateIndex` run of go-car over the file, and how many entries it found. */
export const goGenerateIndex = (program, path, runs) => JSON.parse(execFileSync(program, ['genindex', '-n', String(runs), path]).toString())
