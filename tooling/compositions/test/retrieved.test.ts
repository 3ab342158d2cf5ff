/** A DAG from a tree of files at a provider's shards to the same tree at a client: in sessions of `/deals/v1`, over restarts of either side. */
import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { seededBytes } from '@dagstore-tooling/fixtures'
import { openRetrievalClient, type RetrievalClient } from '@dagstore/deal-client'
import { createDealsHandler, type DealsHandler, type DealsHandlerOptions, openRetrievalDeals, type RetrievalDeals } from '@dagstore/deal-provider/http'
import { openHashes } from '@dagstore/hashes/node'
import { systemClock, systemRandom } from '@dagstore/io'
import { openDirectory, openTree } from '@dagstore/io/node'
import { type NodeDagstore, openDagstore } from '@dagstore/node'
import { oneChunk, toCid } from '@dagstore/read-blockstore'
import { carStream, openRetrievals } from '@dagstore/retrievals'
import { exportTo } from '@dagstore/retrievals/node'
import { buildTree } from '@dagstore/unixfs-builder'
import { MemoryLevel } from 'memory-level'
import type { CID } from 'multiformats/cid'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const hashes = await openHashes()
const TERMS = { pricePerByte: 0n, unsealPrice: 0n, paymentInterval: 0n, paymentIntervalIncrease: 0n }

let home = ''
let dagstore: NodeDagstore
let root: CID
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'retrieved-'))
  await mkdir(join(home, 'in', 'sub'), { recursive: true })
  await writeFile(join(home, 'in', 'big.bin'), seededBytes(1, 5_000_000))
  await writeFile(join(home, 'in', 'sub', 'small.txt'), 'hello')
  await writeFile(join(home, 'in', 'sub', 'other.bin'), seededBytes(2, 100_000))
  await writeFile(join(home, 'in', 'empty'), '')
  const blocks = new Map<string, Uint8Array>()
  const { cid } = await buildTree(await openTree(join(home, 'in')), { put: (each, bytes) => { blocks.set(each.toString(), bytes) } }, { hashes, profile: 'lotus-2021', identity: 'skip' })
  root = cid
  const store = { get: (any: Parameters<typeof toCid>[0]) => oneChunk(async () => blocks.get(toCid(any).toString())!) }
  const out = createWriteStream(join(home, 'piece.car'))
  for await (const chunk of carStream(store, { root, hashes })) out.write(chunk)
  out.end()
  await finished(out)
  dagstore = await openDagstore(join(home, 'store'))
  await dagstore.register('piece', `file://${join(home, 'piece.car')}`, { indexing: 'eager' })
})
afterEach(async () => {
  await dagstore.close()
  await rm(home, { recursive: true })
})

interface Provider { readonly deals: RetrievalDeals, readonly front: DealsHandler, close (): Promise<void> }
const openProvider = async (db: MemoryLevel): Promise<Provider> => {
  const pieces = { get: async () => [], pieces: async () => [] }
  const deals = await openRetrievalDeals({ db, dagstore, pieces, isUnsealed: async () => true, terms: TERMS, paymentAddress: 'f01000', hashes })
  // nothing is stored here
  const storage = {} as DealsHandlerOptions['deals']
  const ask = { provider: 'f01000', pricePerEpochPerGiB: 0n, verifiedPricePerEpochPerGiB: 0n, minPieceBytes: 256, maxPieceBytes: 1 << 30, expiryEpoch: 1n, transferTypes: [], retrieval: TERMS }
  const front = createDealsHandler({ deals: storage, retrievals: deals, ask: () => ask, hashes })
  return { deals, front, close: async () => { await front.close(); await deals.close() } }
}

const openClient = async (db: MemoryLevel, send: typeof fetch): Promise<RetrievalClient> => {
  const retrievals = openRetrievals({ directory: openDirectory(join(home, 'retrievals')), hashes })
  return openRetrievalClient({ db, retrievals, hashes, fetch: send, clock: { ...systemClock, sleep: (ms, options) => systemClock.sleep(ms < 5000 ? 0 : ms, options) }, random: systemRandom, attempts: 4 })
}

const sameTree = async (name: string): Promise<void> => {
  for (const path of ['big.bin', 'sub/small.txt', 'sub/other.bin', 'empty']) expect(Buffer.compare(await readFile(join(home, 'in', path)), await readFile(join(home, name, path))), path).toBe(0)
  expect((await readdir(join(home, name), { recursive: true })).sort()).toEqual((await readdir(join(home, 'in'), { recursive: true })).sort())
}

describe('a retrieval from a provider', () => {
  it('gives the tree that went in, also where the provider begins again in the middle; its session is ended', async () => {
    const db = new MemoryLevel()
    let provider = await openProvider(db)
    let cuts = 2
    const send: typeof fetch = async (input, init) => {
      const request = new Request(input as URL, init as RequestInit)
      const isCar = request.url.includes('/ipfs/')
      const response = await provider.front.handler(request, { client: 'here' }) ?? new Response(null, { status: 404 })
      if (!isCar || cuts-- <= 0) return response
      // the process is gone with what it had in memory
      const bytes = new Uint8Array(await response.arrayBuffer())
      await provider.close()
      provider = await openProvider(db)
      return new Response(bytes.subarray(0, 1_500_000), { status: response.status, headers: response.headers })
    }
    await using client = await openClient(new MemoryLevel(), send)
    const { id, state, from } = await client.retrieve({ root, providers: ['http://provider.test'] })
    expect({ state, from }).toEqual({ state: 'DealStatusCompleted', from: 'http://provider.test' })
    expect(provider.deals.retrievals().map((deal) => deal.state)).toEqual(['DealStatusCompleted'])
    expect((await dagstore.shard('piece'))?.leases).toBe(0)
    const { tree, close } = await client.files.export(`${id}.car`, root)
    await exportTo(tree, join(home, 'out'))
    await close()
    await sameTree('out')
    await provider.close()
  })

  it('goes on in another process of the client, and by number after it has failed; 16 at once share the shard', async () => {
    const db = new MemoryLevel()
    const provider = await openProvider(db)
    let refuse = false
    const send: typeof fetch = async (input, init) => {
      if (refuse) throw new TypeError('fetch failed')
      return await provider.front.handler(new Request(input as URL, init as RequestInit), { client: 'here' }) ?? new Response(null, { status: 404 })
    }
    const own = new MemoryLevel()
    const first = await openClient(own, send)
    const { id } = await first.start({ root, providers: ['http://provider.test'] })
    await first.close()
    await using second = await openClient(own, send)
    expect((await second.settled(id)).state).toBe('DealStatusCompleted')
    refuse = true
    const failed = await second.retrieve({ root, providers: ['http://provider.test'], selector: 'sub' })
    expect(failed).toMatchObject({ state: 'DealStatusErrored', code: 'DEAL_CLIENT_UNREACHABLE' })
    refuse = false
    expect(await second.retrieve({ root, providers: ['http://provider.test'], selector: 'sub', id: failed.id })).toMatchObject({ id: failed.id, state: 'DealStatusCompleted' })
    const all = await Promise.all(Array.from({ length: 16 }, () => second.retrieve({ root, providers: ['http://provider.test'] })))
    expect(all.map(({ state }) => state)).toEqual(Array(16).fill('DealStatusCompleted'))
    expect(new Set(all.map(({ file }) => file)).size).toBe(16)
    expect((await dagstore.shard('piece'))?.leases).toBe(0)
    await provider.close()
  })
})
