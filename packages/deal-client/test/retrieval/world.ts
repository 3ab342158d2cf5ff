/** A client of retrievals, and providers and gateways that it asks without a network. */
import { seededBytes } from '@dagstore-tooling/fixtures'
import { type CrashWorld, createCrashWorld } from '@dagstore-tooling/testkit'
import { decodeRetrievalProposal, encodeRefusal, encodeRetrievalAnswer, encodeRetrievalOffer, encodeRetrievalStatus, type RetrievalOffer, type RetrievalProposal, type RetrievalTerms } from '@dagstore/deal-protocol'
import { linksOf } from '@dagstore/dag'
import { openHashes } from '@dagstore/hashes/node'
import { type AnyLevel, type Clock, type Directory, systemClock, systemRandom, type TreeEntry } from '@dagstore/io'
import { BlockNotFoundError, oneChunk, type ReadBlockstore, toCid } from '@dagstore/read-blockstore'
import { openRetrievals } from '@dagstore/retrievals'
import { createGateway } from '@dagstore/trustless-gateway'
import { buildTree } from '@dagstore/unixfs-builder'
import { CID } from 'multiformats/cid'
import { openRetrievalClient, type RetrievalClient, type RetrievalClientOptions } from '../../src/index.ts'

export const hashes = await openHashes()
export const PIECE = CID.parse('baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq')
export const FREE: RetrievalTerms = { pricePerByte: 0n, unsealPrice: 0n, paymentInterval: 1n << 20n, paymentIntervalIncrease: 1n << 20n }

/** Pauses are over at once; what waits for somebody is not. */
export const hasty: Clock = { ...systemClock, sleep: (ms, options) => systemClock.sleep(ms === 30_000 || ms === 5000 ? ms : 0, options) }

const file = (name: string, bytes: Uint8Array): TreeEntry => ({ kind: 'file', name, sizeBytes: bytes.byteLength, read: async function * () { yield bytes } })
const folder = (name: string, ...entries: TreeEntry[]): TreeEntry => ({ kind: 'directory', name, entries: async function * () { yield * entries } })

export interface Dag { readonly blocks: Map<string, Uint8Array>, readonly root: CID, readonly content: Uint8Array }

/** A file of five blocks and a folder of small ones beside it. */
export const dagOf = async (seed: number, bytes = (4 << 20) + 500): Promise<Dag> => {
  const blocks = new Map<string, Uint8Array>()
  const content = seededBytes(seed, bytes)
  const tree = folder('', file('also.bin', seededBytes(seed + 1, 2000)), file('big.bin', content), folder('small', ...Array.from({ length: 5 }, (_, n) => file(`${n}`, seededBytes(seed * 10 + n, 300)))))
  const { cid: root } = await buildTree(tree, { put: (cid, block) => { if (cid.multihash.code !== 0) blocks.set(cid.toString(), block) } }, { hashes, profile: 'lotus-2021', identity: 'skip' })
  return { blocks, root, content }
}

export const storeOf = (...dags: readonly { readonly blocks: ReadonlyMap<string, Uint8Array> }[]): ReadBlockstore => {
  const find = (any: Parameters<ReadBlockstore['get']>[0]): Uint8Array | undefined => dags.map(({ blocks }) => blocks.get(toCid(any).toString())).find((block) => block !== undefined)
  const get = (any: Parameters<ReadBlockstore['get']>[0]): AsyncGenerator<Uint8Array> => oneChunk(async () => {
    const block = find(any)
    if (block === undefined) throw new BlockNotFoundError(toCid(any))
    return block
  })
  return { has: (any) => find(any) !== undefined, get, async * getMany (cids) { for await (const cid of cids) yield { cid: toCid(cid), bytes: get(cid) } }, async * getAll () {} }
}

export type Server = (request: Request) => Promise<Response>

export interface Provider {
  readonly serve: Server
  /** By token and the client's number. */
  readonly sessions: Map<string, { readonly proposal: RetrievalProposal, readonly dealId: bigint }>
  readonly asked: string[]
  readonly tokens: Set<string>
  /** As after a restart that lost everything. */
  forget (): void
}

/** A provider as `/deals/v1` has it. */
export const providerOf = (store: ReadBlockstore, { offer = {}, refuse, gateway: change = (response) => response }: {
  readonly offer?: Partial<RetrievalOffer>, readonly refuse?: string, readonly gateway?: (response: Response, n: number) => Response | Promise<Response>
} = {}): Provider => {
  const gateway = createGateway({ blockstore: store, hashes })
  const sessions: Provider['sessions'] = new Map()
  const asked: string[] = []
  const tokens = new Set<string>()
  let [last, answers] = [1000n, 0]
  const refusal = (status: number, code: string): Response => new Response(encodeRefusal({ code, message: 'no' }), { status })
  const serve: Server = async (request) => {
    const url = new URL(request.url)
    asked.push(`${request.method} ${url.pathname}`)
    const token = request.headers.get('x-transfer-token')
    if (token !== null) tokens.add(token)
    const path = url.pathname.replace('/deals/v1/', '')
    if (path === 'query') {
      const root = CID.parse(url.searchParams.get('payload')!)
      // what holds its own bytes is nothing to look for
      const status = await store.has(linked(root)) ? 'available' : 'unavailable'
      return new Response(encodeRetrievalOffer({ status, message: '', pieceCid: PIECE, pieceFound: true, sizeBytes: 1000, paymentAddress: 'f01000', terms: FREE, ...offer }))
    }
    if (path === 'retrievals') {
      const proposal = decodeRetrievalProposal(await request.text())
      if (refuse !== undefined) return new Response(encodeRetrievalAnswer({ accepted: false, dealId: 0n, message: refuse }))
      const key = `${token} ${proposal.id}`
      const session = sessions.get(key) ?? { proposal, dealId: ++last }
      sessions.set(key, session)
      return new Response(encodeRetrievalAnswer({ accepted: true, dealId: session.dealId, message: '' }))
    }
    const [, id, rest] = /^retrievals\/(\d+)(\/ipfs\/.*)?$/.exec(path) ?? []
    const found = [...sessions].find(([, { dealId }]) => dealId.toString() === id)
    if (id === undefined || found === undefined) return refusal(404, 'DEAL_UNKNOWN')
    if (found[0].split(' ')[0] !== token) return refusal(403, 'DEAL_UNAUTHORIZED')
    if (request.method === 'DELETE') {
      sessions.delete(found[0])
      return new Response(null, { status: 204 })
    }
    if (rest === undefined) return new Response(encodeRetrievalStatus({ dealId: BigInt(id), state: 'DealStatusOngoing', sentBytes: 0, message: '' }))
    return change(await gateway(new Request(new URL(rest + url.search, url), { headers: request.headers, signal: request.signal })), ++answers)
  }
  return { serve, sessions, asked, tokens, forget: () => { sessions.clear() } }
}

const linked = (root: CID): CID => (root.multihash.code === 0 ? linksOf(root, root.multihash.digest)[0] ?? root : root)

/** A gateway and nothing more. */
export const gatewayOf = (store: ReadBlockstore, change: (response: Response, n: number) => Response | Promise<Response> = (response) => response): Server & { readonly asked: string[] } => {
  const gateway = createGateway({ blockstore: store, hashes })
  const asked: string[] = []
  return Object.assign(async (request: Request) => {
    const { pathname, search } = new URL(request.url)
    asked.push(pathname + search)
    if (!pathname.startsWith('/ipfs/')) return new Response('<html>', { status: 404 })
    return change(await gateway(request), asked.length)
  }, { asked })
}

/** By host names; the others answer nobody. */
export const network = (servers: Readonly<Record<string, Server>>): typeof fetch => async (input, init) => {
  const request = new Request(input as URL, init as RequestInit)
  const server = servers[new URL(request.url).hostname]
  if (server === undefined) throw new TypeError('fetch failed')
  return server(request)
}

export interface ClientWorld {
  readonly world: CrashWorld
  readonly directory: Directory
  readonly db: AnyLevel
  open (more?: Partial<RetrievalClientOptions>): Promise<RetrievalClient>
}

export const clientWorld = async (servers: Readonly<Record<string, Server>>, more: Partial<RetrievalClientOptions> = {}, world?: CrashWorld): Promise<ClientWorld> => {
  const own = world ?? await createCrashWorld(1)
  const directory = own.fs.directory.child('retrievals')
  return {
    world: own,
    directory,
    db: own.db,
    open: (again = {}) => openRetrievalClient({
      db: own.db, retrievals: openRetrievals({ directory, hashes, clock: hasty }), hashes, fetch: network(servers), clock: hasty, random: systemRandom, attempts: 3, ...more, ...again,
    }),
  }
}

/** The file at the end of the path, out of what was retrieved. */
export const contentOf = async (client: RetrievalClient, id: bigint, root: CID, name = 'big.bin'): Promise<Uint8Array> => {
  const { tree, close } = await client.files.export(`${id}.car`, root)
  try {
    if (tree.kind !== 'directory') throw new Error('no folder')
    for await (const entry of tree.entries()) {
      if (entry.name !== name || entry.kind !== 'file') continue
      const parts: Uint8Array[] = []
      for await (const chunk of entry.read()) parts.push(chunk)
      return Buffer.concat(parts)
    }
    throw new Error('no such file')
  } finally {
    await close()
  }
}

export const cut = (response: Response, bytes: number, how: 'end' | 'error' = 'error'): Response => {
  if (response.body === null) return response
  const reader = response.body.getReader()
  let rest = bytes
  const body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await reader.read()
      if (done) return controller.close()
      const part = value.subarray(0, rest)
      rest -= part.byteLength
      if (part.byteLength > 0) controller.enqueue(part)
      if (rest > 0) return
      await reader.cancel()
      if (how === 'error') controller.error(new Error('connection reset'))
      else controller.close()
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 })
  return new Response(body, { status: response.status, headers: response.headers })
}
