/**
 * The public conformance suite itself against our gateway, where it can be had: `gateway-conformance` on the path, or, in the long
 * form (DAGSTORE_LONG=1), what Go fetches. Its trustless cases are tested in any case, in our own words: docs/gateway-tests-map.md.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, type TestContext } from 'vitest'
import { serveStore } from './gateway-world.ts'

const run = promisify(execFile)
const MODULE = 'github.com/ipfs/gateway-conformance@v0.14.1'
/** Names of the specification, which the suite chooses by; records of IPNS are not among them. */
const SPECS = 'trustless-block-gateway,trustless-car-gateway,trustless-car-gateway-optional'

interface Suite { readonly command: string, readonly env: NodeJS.ProcessEnv }

/** The suite runs its tests with `go test` where its sources are. */
const suiteIn = async (folder: string): Promise<Suite | { readonly reason: string }> => {
  const installed = await run('gateway-conformance', ['--help']).then(() => true, () => false)
  if (installed) return { command: 'gateway-conformance', env: process.env }
  if (process.env['DAGSTORE_LONG'] === undefined) return { reason: 'no gateway-conformance on the path; with DAGSTORE_LONG=1 Go is asked for it' }
  try {
    const { Dir } = JSON.parse((await run('go', ['mod', 'download', '-json', MODULE], { cwd: folder })).stdout) as { readonly Dir: string }
    const command = join(folder, 'gateway-conformance')
    await run('go', ['build', '-o', command, './cmd/gateway-conformance'], { cwd: Dir })
    return { command, env: { ...process.env, GATEWAY_CONFORMANCE_HOME: Dir } }
  } catch (error) {
    const { stdout = '', message } = error as { readonly stdout?: string, readonly message: string }
    const told = /"Error": "(.*)"/.exec(stdout)?.[1] ?? message
    return { reason: `Go cannot fetch the suite: ${told.replaceAll(/\\[nt]/g, ' ').split('https:')[0]!.slice(0, 200)}` }
  }
}

const suiteOf = async (context: TestContext, folder: string): Promise<Suite> => {
  const suite = await suiteIn(folder)
  return 'reason' in suite ? context.skip(suite.reason) : suite
}

it('passes the trustless cases of the public suite', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'conformance-'))
  try {
    const { command, env } = await suiteOf(context, folder)
    await run(command, ['extract-fixtures', '--merged=true', `--directory=${folder}`], { env })
    await using served = await serveStore(folder, [join(folder, 'fixtures.car')])
    const { stdout } = await run(command, ['test', `--gateway-url=${served.url}`, `--specs=${SPECS}`, '--', '-run', 'TestTrustless(Car|Raw)'], { env, maxBuffer: 1 << 28 })
    expect(stdout).toContain('--- PASS: TestTrustlessCarPathing')
    expect(stdout).not.toContain('--- FAIL')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
