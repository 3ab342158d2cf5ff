/** What `jsonrpc lotus session` calls, by our own client; and what either of them is told. */
import { createRpcClient, type RpcError, type WebSocketLike } from '@dagstore/json-rpc'
import { createLotusClient, type DagstoreInitializeAllEvent } from '@dagstore/lotus-api'
import { CID } from 'multiformats/cid'
import WebSocket from 'ws'

/** Capitalised as Go reads it. */
export interface SessionPlan {
  /** A piece that nobody has registered. */
  readonly Register: string
  /** A shard in state New. */
  readonly Initialize: string
  /** A shard that is errored, and would not be if it were tried again. */
  readonly Recover: string
  /** A CID in the piece of `Initialize`. */
  readonly Payload: string
  readonly Piece: string
  /** Of a deal that waits for the data in `Path`. */
  readonly Proposal: string
  readonly Path: string
}

export interface Said { readonly result?: unknown, readonly error?: string }
export type Session = Readonly<Record<string, Said>>

/** CIDs as they go over the wire, ids in digits: what the two clients hold differs in that alone. */
const plain = (value: unknown): unknown => {
  if (typeof value === 'bigint') return String(value)
  const cid = CID.asCID(value)
  if (cid !== null) return { '/': cid.toString() }
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]))
  return value
}

/** Ids that a number cannot hold, in digits. */
export const readSession = (text: string): Session => JSON.parse(text.replace(/(?<=[:,[])\d{16,}(?=[,}\]])/g, '"$&"')) as Session

const openSocket = (url: string, headers: Readonly<Record<string, string>>): WebSocketLike => new WebSocket(url, { headers }) as unknown as WebSocketLike

export const holdSession = async (url: string, token: string | undefined, plan: SessionPlan): Promise<Session> => {
  const rpc = createRpcClient({ url, token, webSocket: openSocket })
  const c = createLotusClient(rpc)
  const told: Record<string, Said> = {}
  const tell = async (name: string, call: Promise<unknown>): Promise<void> => {
    told[name] = await call.then((result) => ({ result: plain(result) }), (error: RpcError) => ({ error: error.number === -32601 ? `RPC error (-32601): ${error.message}` : error.message }))
  }
  try {
    await tell('Version', c.Version())
    const made = await c.AuthNew(['read', 'write'])
    await tell('AuthNew', Promise.resolve(made.byteLength > 0))
    const text = new TextDecoder().decode(made)
    await tell('AuthVerify', c.AuthVerify(text))
    await tell('AuthVerify of a bad one', c.AuthVerify(`${text}x`))
    const first = await c.Session()
    await tell('Session', Promise.resolve(first))
    await tell('Session again', c.Session().then((second) => second === first))
    await tell('Discover', c.Discover().then((document) => (document as { readonly openrpc: string }).openrpc))
    await tell('LogList', c.LogList())
    await tell('LogSetLevel', c.LogSetLevel('*', 'debug'))
    await tell('LogSetLevel of none', c.LogSetLevel('no such system', 'debug'))
    await tell('LogSetLevel to none', c.LogSetLevel('*', 'loud'))
    await tell('DagstoreListShards', c.DagstoreListShards())
    await tell('DagstoreRegisterShard', c.DagstoreRegisterShard(plan.Register))
    await tell('DagstoreRegisterShard again', c.DagstoreRegisterShard(plan.Register))
    await tell('DagstoreRegisterShard of no CID', c.DagstoreRegisterShard('no CID'))
    await tell('DagstoreInitializeShard', c.DagstoreInitializeShard(plan.Initialize))
    await tell('DagstoreInitializeShard again', c.DagstoreInitializeShard(plan.Initialize))
    await tell('DagstoreInitializeShard of none', c.DagstoreInitializeShard('none'))
    await tell('DagstoreRecoverShard', c.DagstoreRecoverShard(plan.Recover))
    await tell('DagstoreRecoverShard again', c.DagstoreRecoverShard(plan.Recover))
    await tell('DagstoreRecoverShard of none', c.DagstoreRecoverShard('none'))
    await tell('DagstoreLookupPieces', c.DagstoreLookupPieces(CID.parse(plan.Payload)))
    await tell('DagstoreGC', c.DagstoreGC())
    await tell('IndexerAnnounceAllDeals', rpc.call('Filecoin.IndexerAnnounceAllDeals'))
    await tell('PiecesListPieces', c.PiecesListPieces())
    await tell('PiecesListCidInfos', c.PiecesListCidInfos())
    await tell('PiecesGetPieceInfo', c.PiecesGetPieceInfo(CID.parse(plan.Piece)))
    await tell('PiecesGetPieceInfo of none', c.PiecesGetPieceInfo(CID.parse(plan.Payload)))
    await tell('PiecesGetCIDInfo', c.PiecesGetCIDInfo(CID.parse(plan.Payload)))
    await tell('PiecesGetCIDInfo of none', c.PiecesGetCIDInfo(CID.parse(plan.Proposal)))
    await tell('MarketListIncompleteDeals', c.MarketListIncompleteDeals())
    await tell('MarketImportDealData', c.MarketImportDealData(CID.parse(plan.Proposal), plan.Path))
    await tell('DealsImportData', c.DealsImportData(CID.parse(plan.Proposal), plan.Path))
    await tell('DealsImportData of none', c.DealsImportData(CID.parse(plan.Payload), plan.Path))
    if (url.startsWith('ws')) {
      const all: DagstoreInitializeAllEvent[] = []
      for await (const event of c.DagstoreInitializeAll({ MaxConcurrency: 2, IncludeSealed: false })) all.push(event)
      await tell('DagstoreInitializeAll', Promise.resolve(all))
      for await (const { Event } of c.DagstoreInitializeAll({ MaxConcurrency: 0, IncludeSealed: true })) {
        await tell('DagstoreInitializeAll left', Promise.resolve(Event))
        break
      }
      for await (const deal of c.MarketGetDealUpdates()) {
        await tell('MarketGetDealUpdates', Promise.resolve(deal))
        break
      }
    } else {
      // ours would open a WebSocket for a stream; what Lotus's gets is
      await tell('DagstoreInitializeAll', rpc.call('Filecoin.DagstoreInitializeAll', [{ MaxConcurrency: 0, IncludeSealed: false }]))
    }
    await tell('Shutdown', c.Shutdown())
  } finally {
    await rpc.close()
  }
  return told
}
