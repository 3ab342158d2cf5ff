/** A node that answers the methods it is given, over the real server: what a command asks, and makes of the answers. */
import { randomBytes } from 'node:crypto'
import type { LotusApi } from '@dagstore/lotus-api'
import { createTokens, serveRpc } from '@dagstore/rpc'
import { CID } from 'multiformats/cid'
import { onTestFinished } from 'vitest'
import { dagstore, type Run, temporaryFolder } from './terminal.ts'

export interface FakeNode {
  /** In the environment of a command. */
  readonly env: Readonly<Record<string, string>>
  /** Calls as they came: the name, and what it was given but for the options. */
  readonly calls: readonly (readonly unknown[])[]
}

export const fakeNode = async (api: Partial<LotusApi>): Promise<FakeNode> => {
  const calls: (readonly unknown[])[] = []
  const tokens = createTokens(randomBytes(32))
  const kept = Object.fromEntries(Object.entries(api).map(([name, method]) => [name, (...given: readonly unknown[]) => {
    calls.push([name, ...given.slice(0, -1)])
    return (method as (...all: readonly unknown[]) => unknown)(...given)
  }])) as Partial<LotusApi>
  const version: LotusApi['Version'] = async () => ({ Version: 'fake', APIVersion: 0, BlockDelay: 30 })
  const server = await serveRpc({ api: { Version: version, ...kept }, tokens, listen: { port: 0 } })
  onTestFinished(() => server.close({ deadlineMs: 0 }))
  const info = `${tokens.sign(['read', 'write', 'sign', 'admin'])}:${server.address.url}`
  return { calls, env: { DAGSTORE_API_INFO: info } }
}

/** Values of a stream, then its end. */
export async function * streamOf<T> (...values: readonly T[]): AsyncGenerator<T, void, undefined> {
  yield * values
}

export const root: CID = CID.parse('bafkreig6gal7vro4ksz5kzwt7kjvimrl3dephgitqiup3s6fby76n5avry')
export const piece: CID = CID.parse('baga6ea4seaqlqfyjsvd3rrmqmd7n4f7i73ybzuxfq4p4za6lft2jeaaaaguxefq')

export interface Asked extends Run { readonly calls: FakeNode['calls'], readonly cwd: string }

/** Run `dagstore client …` against such a node. */
export const client = async (api: Partial<LotusApi>, args: readonly string[], how: { readonly cwd?: string, readonly signal?: AbortSignal, readonly onMessage?: (text: string) => void } = {}): Promise<Asked> => {
  const { cwd = await temporaryFolder(), ...more } = how
  const node = await fakeNode(api)
  return { ...await dagstore(cwd, ['client', ...args], { env: { ...node.env }, ...more }), calls: node.calls, cwd }
}
