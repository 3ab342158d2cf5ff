/** Every method: what it takes, gives and needs. `docs/rpc.md` and the OpenRPC document are made from it. */
import type { LotusMethodName } from './api.ts'
import { CLIENT_ROWS } from './client-methods.ts'
import { dagstoreOfflineDeal, minerDeal } from './deals.ts'
import { dagstoreEventsQuery, dagstoreStoreEvent } from './events.ts'
import { MARKET_ROWS } from './market-methods.ts'
import { type LotusMethod, NAMESPACE } from './method.ts'
import { apiVersion, permission } from './node-types.ts'
import { cidInfo, pieceInfo } from './pieces.ts'
import {
  dagstoreGarbageReport, dagstoreIndexPart, dagstoreRebuildReport, dagstoreStats, dagstoreVerifyOptions, dagstoreVerifyProgress, dagstoreVerifyReport, dagstoreWhyReport,
} from './reports.ts'
import { its, itsStream, our, ourStream, type Rows } from './rows.ts'
import { anything, bytes, cid, flag, isOptional, list, nothing, nullable, optional, type Schema, text, whole } from './schema.ts'
import {
  dagstoreAddItem, dagstoreAddResult, dagstoreAdoptedIndex, dagstoreExportedIndex, dagstoreFindingsPage, dagstoreImportResult, dagstoreInitializeAllEvent,
  dagstoreInitializeAllParams, dagstoreShard, dagstoreShardDetails, dagstoreShardInfo, dagstoreShardResult, dagstoreShardsPage, dagstoreShardsQuery,
  dagstoreUnregisteredPage, pageQuery,
} from './shards.ts'

const ROWS: Rows = {
  Version: its('read', [], apiVersion, 'The program and the API that answer.'),
  Discover: its('read', [], anything, 'The OpenRPC document of what is answered, streams included.'),
  AuthNew: its('admin', [['permissions', list(permission)]], bytes, 'A token that allows these; base64 of its text.'),
  AuthVerify: its('read', [['token', text]], list(permission), 'What a token allows.'),
  Session: its('read', [], text, 'A UUID that is another one each time the process begins.'),
  Shutdown: its('admin', [], nothing, 'End the process when what is under way has ended.'),
  LogList: its('write', [], list(text), 'The subsystems that write to the log.'),
  LogSetLevel: its('write', [['subsystem', text], ['level', text]], nothing, 'From which level on a subsystem, or `*`, writes to the log.'),

  DagstoreListShards: its('read', [], list(dagstoreShardInfo), 'All shards, by key. Of very many, `DagstoreQueryShards` gives pages.'),
  DagstoreInitializeShard: its('write', [['key', text]], nothing, 'Fetch and index a shard that never was; waits until it is done. Refuses a shard in any state but New.'),
  DagstoreRecoverShard: its('write', [['key', text]], nothing, 'Fetch and index an errored shard anew; waits until it is done. Refuses a shard in any other state.'),
  DagstoreInitializeAll: itsStream('write', [['params', dagstoreInitializeAllParams]], dagstoreInitializeAllEvent, 'Fetch and index all shards in state New: two events for each.'),
  DagstoreGC: its('admin', [], list(dagstoreShardResult), 'Delete what nothing needs: one result for each shard of which something went, or should have gone.'),
  DagstoreRegisterShard: its('admin', [['key', text]], nothing, 'Register a piece by its CID as `lotus://KEY` and index it; nothing happens where it is registered.'),
  DagstoreLookupPieces: its('admin', [['cid', cid]], list(dagstoreShardInfo), 'The indexed shards that hold a block, by key.'),

  PiecesListPieces: its('read', [], list(cid), 'All pieces of which a place is known.'),
  PiecesListCidInfos: its('read', [], list(cid), 'All payloads of which a piece is known.'),
  PiecesGetPieceInfo: its('read', [['pieceCid', cid]], pieceInfo, 'The deals of a piece, and where in which sector they lie.'),
  PiecesGetCIDInfo: its('read', [['payloadCid', cid]], cidInfo, 'The pieces that hold a payload.'),
  MarketListIncompleteDeals: its('read', [], list(minerDeal), 'All storage deals, complete ones too, as Lotus does.'),
  MarketGetDealUpdates: itsStream('read', [], minerDeal, 'Each storage deal as it changes.'),
  MarketImportDealData: its('write', [['proposalCid', cid], ['path', text]], nothing, 'Import the data of an offline deal from a file of this machine.'),
  ...MARKET_ROWS,
  DealsImportData: its('admin', [['proposalCid', cid], ['path', text]], nothing, 'The same.'),

  DagstoreAcceptDeal: our('admin', [['deal', dagstoreOfflineDeal]], nothing,
    'Take on a deal that was agreed on elsewhere; its data come by `MarketImportDealData`. The same deal again changes nothing. Neither its signature nor the chain is asked.'),

  DagstoreShardInfo: our('read', [['key', text]], nullable(dagstoreShardDetails), 'A shard with all that is known of it; `null`: there is none.'),
  DagstoreEnsureShard: our('write', [['key', text]], dagstoreShard, 'Index a shard unless it is; waits until it is available.'),
  DagstoreRefreshShard: our('admin', [['key', text], ['mountUrl', optional(text)]], dagstoreShard,
    'Look at what the source of a shard, or another one, has now, and index it anew where that is something else; until then the shard is as it was.'),
  DagstoreDestroyShard: our('admin', [['key', text], ['force', optional(flag)]], nothing, 'Forget a shard, and delete what the store made for it; waits for reads under way, unless forced.'),
  DagstoreVerifyShard: our('write', [['key', text], ['how', optional(dagstoreVerifyOptions)]], dagstoreVerifyReport,
    'Compare the bytes of a shard with its index and their hashes; what the store made itself is put right.'),
  DagstoreVerifyShardProgress: ourStream('write', [['key', text], ['how', optional(dagstoreVerifyOptions)]], dagstoreVerifyProgress,
    'The same, telling how far it is; the last value has the report.'),
  DagstoreReadIndex: our('read', [['key', text], ['generation', whole], ['from', whole], ['to', whole]], dagstoreIndexPart,
    'Bytes of the index file of a shard; at most 1 MiB a call.'),

  DagstoreWhy: our('read', [['cid', cid]], dagstoreWhyReport, 'Why a block can be read, or cannot: step by step.'),
  DagstoreUnindexed: our('read', [['cid', cid]], whole, 'How many shards may hold a block for all that is known: they are not indexed. 0 where an indexed one has it.'),

  DagstoreQueryShards: our('read', [['query', optional(dagstoreShardsQuery)]], dagstoreShardsPage, 'Shards by key, in pages, all or those of a state or with an error.'),
  DagstoreListFindings: our('read', [['query', optional(pageQuery)]], dagstoreFindingsPage, 'Shards with what checks have found wrong with them and not found right since.'),
  DagstoreListUnregistered: our('read', [['query', optional(pageQuery)]], dagstoreUnregisteredPage, 'Deals whose piece could not be registered as a shard.'),
  DagstoreAdd: our('admin', [['items', list(dagstoreAddItem)]], list(dagstoreAddResult),
    'Register up to 1000 shards under URLs; a result for each, in their order. Those that are registered under the same URL stay as they are.'),
  DagstoreRecoverAll: ourStream('write', [['maxConcurrency', optional(whole)], ['code', optional(text)]], dagstoreInitializeAllEvent,
    'Recover all errored shards, or those that failed with a code: two events for each.'),
  DagstoreCollectGarbage: our('admin', [['dryRun', optional(flag)]], dagstoreGarbageReport, 'Delete what nothing needs, or say what would go.'),
  DagstoreRebuildIndex: our('admin', [], dagstoreRebuildReport, 'Write the index of all shards anew from the indices of each.'),
  DagstoreExportShards: ourStream('admin', [], text, 'Keys and URLs of all shards, as text: the parts of one file that `DagstoreImportShards` takes.'),
  DagstoreImportShards: our('admin', [['lines', text]], list(dagstoreImportResult), 'Register what such a text lists; a result for each of its shards.'),
  DagstoreExportIndices: ourStream('admin', [['folder', text]], dagstoreExportedIndex, 'Write the indices of all shards into a folder of this machine, named as the Go DAG store names them.'),
  DagstoreAdoptIndices: ourStream('admin', [['folder', text]], dagstoreAdoptedIndex, 'Take over the indices of such a folder, for shards that were never indexed.'),

  DagstoreStats: our('read', [], dagstoreStats, 'How many shards are in which state, and what the store has counted.'),
  DagstoreEvents: ourStream('read', [['query', optional(dagstoreEventsQuery)]], dagstoreStoreEvent, 'What happens in the store from now on.'),

  ...CLIENT_ROWS,
}

const methodOf = (name: string, { params, ...row }: Omit<LotusMethod, 'name' | 'params' | 'required'> & { readonly params: readonly (readonly [string, Schema<unknown>])[] }): LotusMethod => ({
  ...row,
  name: `${NAMESPACE}.${name as LotusMethodName}`,
  params: params.map(([name, schema]) => ({ name, schema })),
  required: params.filter(([, schema]) => !isOptional(schema)).length,
})

/** By name without the namespace, in the order of the documents. */
export const METHODS: Readonly<Record<LotusMethodName, LotusMethod>> = Object.freeze(
  Object.fromEntries(Object.entries(ROWS).map(([name, row]) => [name, Object.freeze(methodOf(name, row))])) as Record<LotusMethodName, LotusMethod>
)

export const METHOD_NAMES: readonly LotusMethodName[] = Object.freeze(Object.keys(METHODS) as LotusMethodName[])
