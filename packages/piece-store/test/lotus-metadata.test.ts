import { createHash } from 'node:crypto'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { MemoryLevel } from 'memory-level'
import { afterAll, describe, expect, it } from 'vitest'
import type { PieceDealReader } from '../src/index.ts'
import { openLotusMetadataReader } from '../src/lotus.ts'
import { openLotusMetadata } from '../src/node.ts'
import { cid, collect, expectedDeals, linesOf, lotusLines, VECTORS } from './market-vectors.ts'

const root = mkdtempSync(join(tmpdir(), 'piece-store-test-'))
afterAll(() => { rmSync(root, { recursive: true, force: true }) })

const openLevel = async (folder: string): Promise<ClassicLevel> => {
  const db = new ClassicLevel(folder, { createIfMissing: false })
  await db.open()
  return db
}
const temp = (name: string): string => {
  const folder = join(root, name)
  mkdirSync(folder)
  return folder
}
const open = (name: string, tempFolder: string): Promise<PieceDealReader> => openLotusMetadata(join(VECTORS, name), { openLevel, tempFolder })
const piece = (at: number): string => expectedDeals[at]!.piece

describe('openLotusMetadata', () => {
  it.each([
    { name: 'metadata', deals: expectedDeals },
    { name: 'metadata-0', deals: expectedDeals.slice(0, 9) },
    // the piece store of this one is empty: places are not known
    { name: 'metadata-1', deals: expectedDeals.slice(0, 9).map((deal) => ({ ...deal, sector: undefined, offset: undefined })) },
  ])('reads every deal of $name, written by go-fil-markets', async ({ name, deals }) => {
    const reader = await open(name, temp(`temp-${name}`))
    const { found, problems } = await collect(reader)
    expect(problems).toEqual([])
    expect(linesOf(found)).toEqual(lotusLines(deals as typeof expectedDeals))
    expect((await collect(reader)).found).toEqual(found)
    await reader.close()
  })

  it('gives all deals of a piece, with and without a place', async () => {
    const reader = await open('metadata', temp('get'))
    expect((await reader.get(cid(piece(0))))?.deals.map(({ dealId, sector, state }) => [dealId, sector, state])).toEqual([['101', 7n, 'StorageDealActive'], ['103', 9n, 'StorageDealExpired']])
    expect((await reader.get(cid(piece(1))))?.deals.map(({ dealId, sector }) => [dealId, sector])).toEqual([['102', 7n], ['109', undefined]])
    expect((await reader.get(cid(piece(5))))?.deals.map(({ dealId, sector }) => [dealId, sector])).toEqual([['106', undefined]])
    expect(await reader.get(cid('baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq'))).toBeUndefined()
    await reader.close()
  })

  it.each(['metadata', 'metadata-0'])('finds pieces by payload in %s, whatever its codec', async (name) => {
    const reader = await open(name, temp(`payload-${name}`))
    const payload = cid(expectedDeals[0]!.payload)
    expect((await reader.piecesWith!(payload)).map(String)).toEqual([piece(0)])
    expect((await reader.piecesWith!(payload.toV0().bytes)).map(String)).toEqual([piece(0)])
    expect(await reader.piecesWith!(cid('bafkqaaa'))).toEqual([])
    await reader.close()
  })

  it('says which deals sealing has', async () => {
    const reader = await open('metadata', temp('sealing'))
    const { found } = await collect(reader)
    const ids = found.flatMap(({ deals }) => deals.filter((deal) => reader.isWithSealing(deal)).map(({ dealId }) => dealId))
    // 110: of the piece store, and no provider says that it ended
    expect(ids.sort()).toEqual(['101', '102', '104', '106', '110', '9223372036854775813'])
    await reader.close()
  })

  it('leaves a repository as it is, even one that it may not write to, and no copy behind', async () => {
    const repo = temp('repo')
    const folder = join(repo, 'datastore', 'metadata')
    cpSync(join(VECTORS, 'metadata'), folder, { recursive: true })
    for (const name of ['LOCK', 'LOG']) writeFileSync(join(folder, name), 'of a miner that runs')
    const look = (): unknown => readdirSync(folder).sort().map((name) => [name, statSync(join(folder, name), { bigint: true }).mtimeNs, createHash('sha256').update(readFileSync(join(folder, name))).digest('hex')])
    const before = look()
    for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o444)
    chmodSync(folder, 0o555)
    const tempFolder = temp('copies')
    const reader = await openLotusMetadata(repo, { openLevel, tempFolder })
    expect(readdirSync(tempFolder)).toHaveLength(1)
    expect(statSync(join(tempFolder, readdirSync(tempFolder)[0]!)).mode & 0o777).toBe(0o700)
    await collect(reader)
    await reader.close()
    await reader.close()
    expect(readdirSync(tempFolder)).toEqual([])
    expect(look()).toEqual(before)
    await expect(collect(reader)).rejects.toMatchObject({ code: 'PIECE_STORE_FAILED' })
    chmodSync(folder, 0o755)
  })

  it.each([
    { why: 'nothing is there', path: 'nowhere', code: 'PIECE_STORE_FAILED' },
    { why: 'the database cannot be opened', path: 'broken', code: 'PIECE_STORE_FAILED' },
    { why: 'the copy would be too large', path: 'metadata', options: { maxCopyBytes: 100 }, code: 'PIECE_STORE_FAILED' },
    { why: 'it is of no miner', path: 'empty', code: 'PIECE_STORE_BAD_FORMAT' },
  ])('refuses with a code when $why, and leaves nothing behind', async ({ path, options, code }) => {
    const tempFolder = mkdtempSync(join(root, 'refused-'))
    const folder = path === 'metadata' ? join(VECTORS, path) : join(root, `source-${path}`)
    if (path === 'broken') {
      mkdirSync(folder)
      writeFileSync(join(folder, 'CURRENT'), 'MANIFEST-000009\n')
    }
    if (path === 'empty') await new ClassicLevel(folder).put('a', 'b')
    await expect(openLotusMetadata(folder, { openLevel, tempFolder, ...options })).rejects.toMatchObject({ code })
    expect(readdirSync(tempFolder)).toEqual([])
  })

  it('can be closed while it is read', async () => {
    const tempFolder = temp('closed')
    const reader = await open('metadata', tempFolder)
    await expect((async () => { for await (const { deals } of reader.list()) if (deals.length > 0) await reader.close() })()).rejects.toMatchObject({ code: 'PIECE_STORE_FAILED' })
    expect(readdirSync(tempFolder)).toEqual([])
  })

  it('rejects with the reason of an abort, and leaves nothing behind', async () => {
    const tempFolder = temp('aborted')
    const reason = new Error('enough')
    await expect(openLotusMetadata(join(VECTORS, 'metadata'), { openLevel, tempFolder, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const late = new AbortController()
    await expect(openLotusMetadata(join(VECTORS, 'metadata'), { openLevel: async (folder) => { late.abort(reason); return openLevel(folder) }, tempFolder, signal: late.signal }).then((reader) => collect(reader, late.signal).finally(() => reader.close()))).rejects.toBe(reason)
    expect(readdirSync(tempFolder)).toEqual([])
    expect(existsSync(tempFolder)).toBe(true)
  })
})

describe('openLotusMetadataReader', () => {
  /** The records of the fixture in a database that may be damaged. */
  const copyOf = async (): Promise<MemoryLevel<string, Uint8Array>> => {
    const folder = mkdtempSync(join(root, 'level-'))
    cpSync(join(VECTORS, 'metadata'), folder, { recursive: true })
    const from = new ClassicLevel<string, Uint8Array>(folder, { valueEncoding: 'view' })
    const to = new MemoryLevel<string, Uint8Array>({ valueEncoding: 'view' })
    for await (const [key, value] of from.iterator()) await to.put(key, value)
    await from.close()
    return to
  }

  it('tells of damaged records by their keys, and reads on', async () => {
    const db = await copyOf()
    const keys = await db.keys().all()
    const pieceKey = `/storagemarket/pieces/1/${piece(3)}`
    const dealKey = keys.find((key) => key.startsWith('/deals/provider/2/'))!
    const other = await db.get(`/storagemarket/pieces/1/${piece(0)}`)
    await db.put(pieceKey, (await db.get(pieceKey))!.subarray(0, 40))
    await db.put(dealKey, Uint8Array.of(0xa1))
    await db.put('/storagemarket/pieces/1/nonsense', other!)
    await db.put(`/storagemarket/pieces/1/${piece(4)}`, other!)
    const { found, problems } = await collect(await openLotusMetadataReader(db))
    expect(problems.map(({ place, error }) => [place, error.code]).sort()).toEqual([
      [dealKey, 'PIECE_STORE_BAD_ROW'], [pieceKey, 'PIECE_STORE_BAD_ROW'], [`/storagemarket/pieces/1/${piece(4)}`, 'PIECE_STORE_BAD_ROW'], ['/storagemarket/pieces/1/nonsense', 'PIECE_STORE_BAD_ROW'],
    ].sort())
    expect(found.length).toBeGreaterThan(4)
  })

  it('refuses versions that it does not know', async () => {
    for (const table of ['/storagemarket/pieces', '/storagemarket/cid-infos', '/deals/provider']) {
      const db = await copyOf()
      await db.put(`${table}/versions/current`, new TextEncoder().encode('3'))
      await expect(openLotusMetadataReader(db)).rejects.toMatchObject({ code: 'PIECE_STORE_BAD_FORMAT' })
    }
  })

  it('stops at an abort, and closes its iterator', async () => {
    const db = await copyOf()
    const reader = await openLotusMetadataReader(db)
    const stop = new AbortController()
    const reason = new Error('enough')
    await expect((async () => {
      for await (const deals of reader.list({ signal: stop.signal })) if (deals.deals.length > 0) stop.abort(reason)
    })()).rejects.toBe(reason)
    await db.close()
  })
})
