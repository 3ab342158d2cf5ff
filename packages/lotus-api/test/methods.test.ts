import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type LotusMethodName, METHOD_NAMES, METHODS } from '../src/index.ts'

/** Name, permission, parameters. Source: lotus v1.27.0 `api/api_storage.go`, `api/api_common.go`, the `perm:` of each. */
const LOTUS: Readonly<Record<string, readonly [string, number]>> = {
  Version: ['read', 0], Discover: ['read', 0], AuthNew: ['admin', 1], AuthVerify: ['read', 1], Session: ['read', 0], Shutdown: ['admin', 0], LogList: ['write', 0], LogSetLevel: ['write', 2],
  DagstoreListShards: ['read', 0], DagstoreInitializeShard: ['write', 1], DagstoreRecoverShard: ['write', 1], DagstoreInitializeAll: ['write', 1], DagstoreGC: ['admin', 0],
  DagstoreRegisterShard: ['admin', 1], DagstoreLookupPieces: ['admin', 1],
  PiecesListPieces: ['read', 0], PiecesListCidInfos: ['read', 0], PiecesGetPieceInfo: ['read', 1], PiecesGetCIDInfo: ['read', 1],
  MarketListIncompleteDeals: ['read', 0], MarketGetDealUpdates: ['read', 0], MarketImportDealData: ['write', 2], DealsImportData: ['admin', 2],
  MarketGetAsk: ['read', 0], MarketGetRetrievalAsk: ['read', 0], MarketListRetrievalDeals: ['read', 0],
  MarketListDataTransfers: ['write', 0], MarketDataTransferUpdates: ['write', 0], MarketRestartDataTransfer: ['write', 3], MarketCancelDataTransfer: ['write', 3],
}

/** Of the client's side. Source: lotus v1.11.2 `api/api_full.go`; `ClientExport` and `ClientRetrieveWait`: v1.13.2. */
const LOTUS_CLIENT: Readonly<Record<string, readonly [string, number]>> = {
  ClientImport: ['admin', 1], ClientListImports: ['write', 0], ClientRemoveImport: ['admin', 1], ClientHasLocal: ['write', 1], ClientDealSize: ['read', 1], ClientDealPieceCID: ['read', 1],
  ClientCalcCommP: ['write', 1], ClientGenCar: ['write', 2], ClientQueryAsk: ['read', 2], ClientStartDeal: ['admin', 1], ClientStatelessDeal: ['write', 1], ClientGetDealInfo: ['read', 1],
  ClientListDeals: ['write', 0], ClientGetDealUpdates: ['write', 0], ClientGetDealStatus: ['read', 1], ClientListDataTransfers: ['write', 0], ClientDataTransferUpdates: ['write', 0],
  ClientRestartDataTransfer: ['write', 3], ClientCancelDataTransfer: ['write', 3], ClientFindData: ['read', 2], ClientMinerQueryOffer: ['read', 3], ClientRetrieve: ['admin', 2],
  ClientRetrieveWithEvents: ['admin', 2], ClientRetrieveWait: ['admin', 1], ClientListRetrievals: ['write', 0], ClientGetRetrievalUpdates: ['write', 0], ClientCancelRetrievalDeal: ['write', 1],
  ClientExport: ['admin', 2],
}

const lotusClientSource = join(homedir(), 'go/pkg/mod/github.com/filecoin-project/lotus@v1.11.2/api/api_full.go')
const lotusSource = join(homedir(), 'go/pkg/mod/github.com/filecoin-project/lotus@v1.27.0/api')

describe('METHODS', () => {
  it('has the methods of Lotus with their permissions and numbers of parameters', () => {
    const ours = Object.fromEntries(METHOD_NAMES.filter((name) => !METHODS[name].ours).map((name) => [name, [METHODS[name].permission, METHODS[name].params.length]]))
    expect(ours).toEqual({ ...LOTUS, ...LOTUS_CLIENT })
    for (const name of Object.keys(ours)) {
      // later versions of Lotus call it without the place to export to
      const optional = name === 'ClientRetrieve' ? 1 : 0
      expect(METHODS[name as LotusMethodName].required).toBe(METHODS[name as LotusMethodName].params.length - optional)
    }
  })

  it('agrees with the source of Lotus of the client, those that came later left out', (context) => {
    if (!existsSync(lotusClientSource)) return context.skip('no source of Lotus here')
    const text = readFileSync(lotusClientSource, 'utf8')
    for (const [name, [permission]] of Object.entries(LOTUS_CLIENT)) {
      if (name !== 'ClientExport' && name !== 'ClientRetrieveWait') expect([name, new RegExp(`^\\t${name}\\(.*//perm:(\\w+)`, 'm').exec(text)?.[1]]).toEqual([name, permission])
    }
  })

  it('agrees with the source of Lotus', (context) => {
    if (!existsSync(lotusSource)) return context.skip('no source of Lotus here')
    const text = ['api_storage.go', 'api_common.go'].map((file) => readFileSync(join(lotusSource, file), 'utf8')).join('\n')
    for (const [name, [permission]] of Object.entries(LOTUS)) expect(new RegExp(`^\\t${name}\\(.*//perm:(\\w+)`, 'm').exec(text)?.[1]).toBe(permission)
  })

  it('changes nothing by methods that one may call to read', () => {
    const readers = METHOD_NAMES.filter((name) => METHODS[name].ours && METHODS[name].permission === 'read')
    expect(readers).toEqual(['DagstoreShardInfo', 'DagstoreReadIndex', 'DagstoreWhy', 'DagstoreUnindexed', 'DagstoreQueryShards', 'DagstoreListFindings', 'DagstoreListUnregistered', 'DagstoreStats', 'DagstoreEvents'])
  })

  it('has what may be left out behind what may not', () => {
    for (const name of METHOD_NAMES) {
      const { params, required } = METHODS[name]
      expect(params.map(({ schema }) => schema.zero !== undefined && schema.zero() === undefined).indexOf(false, required)).toBe(-1)
    }
  })

  it('cannot be changed', () => {
    expect(() => { (METHODS as Record<string, unknown>)['Version'] = undefined }).toThrow(TypeError)
    expect(() => { (METHODS.Version as { permission: string }).permission = 'admin' }).toThrow(TypeError)
  })
})
