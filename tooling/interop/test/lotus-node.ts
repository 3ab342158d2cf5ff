/** A storage provider's node of ours, whole: sector files, piece store, DAG store, deals, server. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { makeSectorStore, type SectorStore, type StoredDeal } from '@dagstore-tooling/fixtures'
import { createUnsealedSealing, type DealProvider, openDealProvider } from '@dagstore/deal-provider'
import { openIndexRepo } from '@dagstore/index-repo'
import { PERMISSIONS, type Permission } from '@dagstore/lotus-api'
import { createPieceLoader, lotusMount, lotusUrl, type PieceLoader, sectorPieceSource } from '@dagstore/lotus-mount'
import { localSectors } from '@dagstore/lotus-mount/node'
import { localFiles } from '@dagstore/mounts/node'
import { type NodeDagstore, openDagstore } from '@dagstore/node'
import { openPieceStore, type PieceStore } from '@dagstore/piece-store'
import { createHandlers, createTokens, serveRpc, type Tokens } from '@dagstore/rpc'
import { CID } from 'multiformats/cid'
import { decode } from 'multiformats/hashes/digest'

const RAW = 0x55

export interface LotusNode extends AsyncDisposable {
  readonly dagstore: NodeDagstore
  readonly pieces: PieceStore
  readonly deals: DealProvider
  readonly sectors: SectorStore
  /** Deals whose piece is a CAR that can be read, one for each piece. */
  readonly good: readonly StoredDeal[]
  /** Deals whose piece is in no unsealed file. */
  readonly sealed: readonly StoredDeal[]
  readonly tokens: Tokens
  /** `http://…/rpc/v0`. */
  readonly url: string
  /** Times that it was shut down. */
  readonly shutdowns: number
  token (permissions?: readonly Permission[]): string
}

/** @param folder - is there, and empty */
export const openLotusNode = async (folder: string): Promise<LotusNode> => {
  const sectors = await makeSectorStore(join(folder, 'storage'), { sectors: 7, maxPayloadBytes: 4000 })
  const root = join(folder, 'root')
  let pieces: PieceStore | undefined
  let loader: PieceLoader | undefined
  const open = async (): Promise<PieceLoader> => loader as PieceLoader
  const dagstore = await openDagstore(root, { mounts: [lotusMount({ stat: async (piece, options) => (await open()).stat(piece, options), open: async (piece, options) => (await open()).open(piece, options) })] })
  const { db, files } = dagstore
  pieces = await openPieceStore(db)
  loader = createPieceLoader([sectorPieceSource({ pieceStore: pieces, openSectorFile: localSectors([...sectors.folders, root]) })])
  const deals = await openDealProvider({
    db, files, dagstore, pieces, localFiles: localFiles({ folder: join(root, 'deal-staging'), root }), sealing: createUnsealedSealing({ db, files, pieces, miner: 1000n }),
  })
  for (const { pieceCid, miner, sector, offsetPadded, lengthPadded, payloadBytes } of sectors.deals) await pieces.add(CID.parse(pieceCid), { miner, sector, offsetPadded, lengthPadded, payloadBytes })
  const byPiece = new Map<string, StoredDeal[]>()
  for (const deal of sectors.deals) byPiece.set(deal.pieceCid, [...byPiece.get(deal.pieceCid) ?? [], deal])
  const all = [...byPiece.values()].map((copies) => copies.find(({ copy }) => copy === 'there') ?? copies[0] as StoredDeal)

  const tokens = createTokens(new Uint8Array(32).fill(9))
  let shutdowns = 0
  const server = await serveRpc({
    tokens,
    listen: { port: 0 },
    api: createHandlers({
      node: { version: '0.1.0', session: randomUUID(), tokens, logs: { list: () => ['deals', 'rpc'], setLevel: (name, level) => { if (name === 'no such system' || level === 'loud') throw new RangeError('no such subsystem or level') } }, shutdown: () => { shutdowns++ } },
      shards: { dagstore, indices: openIndexRepo(files.child('index')), isUnsealed: async (piece, options) => (await (await open()).stat(piece, options)).unsealed === 'yes' },
      pieces: {
        list: async function * (options) { for await (const { piece, locations } of (pieces as PieceStore).list(options)) yield { pieceCid: piece, deals: locations.map((at) => ({ dealId: '0', ...at })) } },
        get: async (piece) => {
          const stored = byPiece.get(String(piece))
          return stored === undefined ? undefined : { pieceCid: CID.parse(stored[0]!.pieceCid), deals: stored.map((deal, at) => ({ ...deal, dealId: String(18446744073709551615n - BigInt(at)) })) }
        },
        piecesWith: (payload) => (pieces as PieceStore).pieces(payload),
        payloads: async function * (options) { for await (const hash of (pieces as PieceStore).payloads(options)) yield CID.createV1(RAW, decode(hash)) },
      },
      deals: { deals: (options) => deals.deals(options), unregistered: (options) => deals.unregistered(options), updates: (options) => deals.updates(options), accept: (deal, options) => deals.accept(deal, options), importData: (deal, source, options) => deals.importData(deal, source, options) },
    }),
  })
  return {
    dagstore,
    pieces,
    deals,
    sectors,
    good: all.filter(({ copy, content }) => copy === 'there' && content !== 'noise'),
    sealed: all.filter(({ copy, content }) => copy !== 'there' && content !== 'noise'),
    tokens,
    url: `${server.address.url}/rpc/v0`,
    get shutdowns () { return shutdowns },
    token: (permissions = PERMISSIONS) => tokens.sign(permissions),
    [Symbol.asyncDispose]: async () => {
      await server.close({ deadlineMs: 1000 })
      await deals.close()
      await dagstore.close()
      await loader.close()
    },
  }
}

/** Registered, and never indexed. */
export const registerLazily = async ({ dagstore }: LotusNode, deals: readonly StoredDeal[]): Promise<void> => {
  for (const { pieceCid } of deals) await dagstore.register(pieceCid, lotusUrl(CID.parse(pieceCid)))
}
