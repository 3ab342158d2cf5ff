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

/**
 * What a subcommand of the program reports: `{ ms: […] }` and more.
 *
 * @param options - its flags: `n` runs, `gets`, `c` at a time
 */
export const goRun = (program, command, options, ...operands) => {
  const flags = Object.entries(options).flatMap(([name, value]) => [`-${name}`, String(value)])
  return JSON.parse(execFileSync(program, [command, ...flags, ...operands]).toString())
}

/** The same as a case measured elsewhere, for `measured` of a comparison; nothing where there is no program. */
export const goCase = (program, name, command, options, ...operands) =>
  program === undefined ? [] : [{ name, role: 'peer', times: goRun(program, command, options, ...operands).ms }]

/** Milliseconds of each `GenerateIndex` run of go-car over the file, and how many entries it found. */
export const goGenerateIndex = (program, path, runs) => goRun(program, 'genindex', { n: runs }, path)
