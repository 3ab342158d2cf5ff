/** Whatever another system answers: deals in range, problems with a place, or an error with a code. */
import { readFileSync } from 'node:fs'
import { MemoryLevel } from 'memory-level'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createBoostDbReader, createBoostDirectoryReader } from '../src/boost.ts'
import { decodeCbor } from '../src/cbor.ts'
import { createCurioReader } from '../src/curio.ts'
import { type PieceDealReader, PieceStoreError } from '../src/index.ts'
import { createLotusReader, openLotusMetadataReader } from '../src/lotus.ts'
import { decodeCidInfo, decodeIdAddress, decodePieceInfo, decodeProviderDeal } from '../src/lotus/metadata-records.ts'
import { expectedDeals, readAnswers, VECTORS } from './market-vectors.ts'

const isOurs = (error: unknown): boolean => error instanceof PieceStoreError && ['PIECE_STORE_BAD_ROW', 'PIECE_STORE_FAILED', 'PIECE_STORE_BAD_FORMAT'].includes(error.code)

const survive = async (reader: PieceDealReader): Promise<void> => {
  try {
    for await (const { deals } of reader.list({ onProblem: ({ place, error }) => { expect(place.length).toBeGreaterThan(0); expect(error.code).toBe('PIECE_STORE_BAD_ROW') } })) {
      expect(deals.length).toBeGreaterThan(0)
      for (const { dealId, miner, sector, offsetPadded, lengthPadded, rawSize } of deals) {
        expect(dealId).not.toBe('')
        expect(typeof miner).toBe('bigint')
        expect(['bigint', 'undefined']).toContain(typeof sector)
        expect(offsetPadded % 128).toBe(0)
        expect(Number.isInteger(Math.log2(lengthPadded))).toBe(true)
        expect(rawSize === undefined || rawSize <= lengthPadded / 128 * 127).toBe(true)
      }
    }
  } catch (error) {
    expect(error).toSatisfy(isOurs)
  }
}

const anything = fc.anything({ withBigInt: true, withNullPrototype: true, maxDepth: 3, key: fc.constantFrom('/', 'PieceCID', 'Deals', 'DealID', 'SectorID', 'Offset', 'Length', 'Proposal', 'u', 'm', 's', 'o', 'l', 'c', 'State', '__proto__') })

/** The answer with one value somewhere in it replaced. */
const changed = (value: unknown, path: readonly number[], by: unknown): unknown => {
  const [at, ...rest] = path
  if (at === undefined || typeof value !== 'object' || value === null) return by
  const keys = Object.keys(value)
  if (keys.length === 0) return by
  const key = keys[at % keys.length]!
  const copy: Record<string, unknown> = Array.isArray(value) ? [...value] as never : { ...value }
  copy[key] = changed(copy[key], rest, by)
  return copy
}

describe('answers of other systems', () => {
  const lotus = readAnswers('lotus-answers.json')
  const boost = readAnswers('boostd-answers.json')
  const path = fc.array(fc.nat(), { maxLength: 4 })

  it.each(['ActorAddress', 'PiecesListPieces', 'PiecesGetPieceInfo', 'MarketListIncompleteDeals'])('may be anything for %s', async (name) => {
    await fc.assert(fc.asyncProperty(path, anything, async (at, by) => {
      await survive(createLotusReader({ call: async (method, [param]) => {
        const answer = lotus[method.slice('Filecoin.'.length)]
        const real = method === 'Filecoin.PiecesGetPieceInfo' ? (answer as Record<string, unknown>)[(param as { '/': string })['/']] : answer
        return method === `Filecoin.${name}` ? changed(real, at, by) : real
      } }))
    }), { numRuns: 150 })
  })

  it.each(['ListPieces', 'GetPieceDeals'])('may be anything for %s of Boost', async (name) => {
    await fc.assert(fc.asyncProperty(path, anything, async (at, by) => {
      await survive(createBoostDirectoryReader({ call: async (method, [param]) => {
        const answer = boost[method.slice('boostddata.'.length)]
        const real = method === 'boostddata.GetPieceDeals' ? (answer as Record<string, unknown>)[(param as { '/': string })['/']] : answer
        return method === `boostddata.${name}` ? changed(real, at, by) : real
      } }))
    }), { numRuns: 150 })
  })

  it('may be any rows of tables', async () => {
    const cell = fc.oneof(fc.constant(null), fc.string(), fc.constant(expectedDeals[0]!.piece), fc.bigInt().map(String), fc.constantFrom('0', '128', '2048', '-1', 't01000', 'Complete'), anything)
    const row = (names: readonly string[]): fc.Arbitrary<Record<string, unknown>> => fc.record(Object.fromEntries(names.map((name) => [name, cell])))
    const curioNames = { market_piece_deal: ['id', 'piece_cid', 'sp_id', 'sector_num', 'piece_offset', 'piece_length', 'raw_size', 'piece_ref'], parked_piece_refs: ['ref_id', 'piece_id'], parked_pieces: ['id', 'piece_cid', 'piece_padded_size', 'piece_raw_size', 'complete', 'long_term'] }
    await fc.assert(fc.asyncProperty(fc.array(row(['piece_cid', 'id', 'sp_id', 'sector_num', 'piece_offset', 'piece_length', 'raw_size', 'parked']), { maxLength: 4 }), async (rows) => {
      await survive(createCurioReader({ query: async function * (sql) {
        if (!sql.includes('information_schema')) yield * rows
        else for (const [table, names] of Object.entries(curioNames)) for (const name of names) yield { table_schema: 'curio', table_name: table, column_name: name }
      } }))
    }), { numRuns: 200 })
    const boostNames = ['ID', 'PieceCID', 'PieceSize', 'ProviderAddress', 'SectorID', 'Offset', 'Length', 'Checkpoint', 'RawSize']
    await fc.assert(fc.asyncProperty(fc.array(row(boostNames), { maxLength: 4 }), async (rows) => {
      await survive(createBoostDbReader({ query: async function * (sql) {
        if (!sql.includes('pragma')) yield * rows
        else for (const name of boostNames) yield { name }
      } }))
    }), { numRuns: 200 })
  })
})

describe('records of Lotus', () => {
  const log = readFileSync(`${VECTORS}metadata/000001.log`)
  const decoders = [decodeCbor, decodePieceInfo, decodeCidInfo, (bytes: Uint8Array) => decodeProviderDeal(bytes, 'proposal'), decodeIdAddress]

  it('may be any bytes, also some of real ones', () => {
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.tuple(fc.nat(), fc.nat({ max: 600 })).map(([from, size]) => log.subarray(from % log.byteLength, from % log.byteLength + size)))
    fc.assert(fc.property(bytes, (record) => {
      for (const decode of decoders) {
        try {
          decode(record)
        } catch (error) {
          expect(error).toMatchObject({ code: 'PIECE_STORE_BAD_ROW' })
        }
      }
    }), { numRuns: 2000 })
  })

  it.each([
    ['a list of 2^32 items', '9affffffff'], ['a list of 2^64 items', '9bffffffffffffffff'], ['bytes of 2^64', '5bffffffffffffffff'], ['a map of 2^32 entries', 'baffffffff'],
    ['lists in lists', '81'.repeat(5000)], ['tags in tags', 'd82a'.repeat(5000)], ['no end', '9f00ff'], ['a fraction', 'fb3ff0000000000000'], ['two values', '0000'], ['nothing', ''], ['a key that is a number', 'a10000'],
  ])('refuse %s at once', (_what, hex) => {
    expect(() => decodeCbor(Uint8Array.from(Buffer.from(hex, 'hex')))).toThrow(expect.objectContaining({ code: 'PIECE_STORE_BAD_ROW' }))
  })

  it('may be any bytes under any key', async () => {
    const key = fc.constantFrom('/storagemarket/pieces/', '/deals/provider/').chain((table) => fc.oneof(fc.constantFrom(...expectedDeals.map(({ piece }) => `${table}${piece}`)), fc.string().map((text) => `${table}${text}`)))
    await fc.assert(fc.asyncProperty(fc.array(fc.tuple(key, fc.uint8Array({ maxLength: 40 })), { maxLength: 6 }), async (entries) => {
      const db = new MemoryLevel<string, Uint8Array>({ valueEncoding: 'view' })
      await db.batch(entries.map(([name, value]) => ({ type: 'put' as const, key: name, value })))
      await db.put('/miner-address', Uint8Array.of(0, 0xe8, 0x07))
      try {
        await survive(await openLotusMetadataReader(db))
      } catch (error) {
        expect(error).toSatisfy(isOurs)
      }
    }), { numRuns: 200 })
  })
})
