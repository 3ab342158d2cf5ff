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
}

const lotusSource = join(homedir(), 'go/pkg/mod/github.com/filecoin-project/lotus@v1.27.0/api')

describe('METHODS', () => {
  it('has the methods of Lotus with their permissions and numbers of parameters', () => {
    const ours = Object.fromEntries(METHOD_NAMES.filter((name) => !METHODS[name].ours).map((name) => [name, [METHODS[name].permission, METHODS[name].params.length]]))
    expect(ours).toEqual(LOTUS)
    for (const name of Object.keys(LOTUS)) expect(METHODS[name as LotusMethodName].required).toBe(METHODS[name as LotusMethodName].params.length)
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
