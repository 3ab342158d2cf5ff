import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { RpcError } from '@dagstore/json-rpc'
import sqlite from 'node-sqlite3-wasm'
import { afterAll, describe, expect, it } from 'vitest'
import { createBoostDirectoryReader, type RpcCallFunction } from '../src/boost.ts'
import { openBoostDb } from '../src/node.ts'
import { cid, collect, expectedDeals, linesOf, readAnswers, VECTORS } from './market-vectors.ts'

const answers = readAnswers('boostd-answers.json')
const piece = (at: number): string => expectedDeals[at]!.piece
const uuid = (at: number): string => `6a7b8c9d-0000-4000-8000-${String(at).padStart(12, '0')}`

const root = mkdtempSync(join(tmpdir(), 'piece-store-test-'))
afterAll(() => { rmSync(root, { recursive: true, force: true }) })

const call: RpcCallFunction = async (method, [param]) => {
  if (method === 'boostddata.ListPieces') return answers['ListPieces']
  const key = method === 'boostddata.GetPieceDeals' ? (param as { '/': string })['/'] : JSON.stringify(param)
  const found = (answers[method.slice('boostddata.'.length)] as Record<string, unknown>)[key]
  if (found === undefined) throw new RpcError('RPC_FAILED', `getting piece deals for piece ${key}: not found`)
  return found
}

describe('createBoostDirectoryReader', () => {
  it('reads every deal, with the miner that it is of', async () => {
    const reader = createBoostDirectoryReader({ call })
    const { found, problems } = await collect(reader)
    expect(problems).toEqual([])
    expect(linesOf(found)).toEqual(expectedDeals.slice(0, 9).flatMap(({ piece: name, sector, offset, length }, at) => sector === undefined ? []
      : [[name, uuid(at), 1000 + at, sector, offset, length, at % 2 === 1 ? Number(length) / 2 : undefined, undefined].join(' ')]).sort())
    expect(found.flatMap(({ deals }) => deals).every((deal) => reader.isWithSealing(deal))).toBe(true)
  })

  it('tells of a piece that is listed and then not found, whose deals may be somewhere', async () => {
    const { found, problems } = await collect(createBoostDirectoryReader({
      call: async (method, params, options) => {
        if (method === 'boostddata.GetPieceDeals' && (params[0] as { '/': string })['/'] === piece(1)) throw new RpcError('RPC_FAILED', 'getting piece deals: not found')
        return call(method, params, options)
      },
    }))
    expect(problems.map(({ place }) => place)).toEqual([`GetPieceDeals ${piece(1)}`])
    expect(found).toHaveLength(3)
  })

  it('answers for one piece, and for a payload', async () => {
    const reader = createBoostDirectoryReader({ call })
    expect((await reader.get(cid(piece(1))))?.deals.map(({ dealId }) => dealId)).toEqual([uuid(1)])
    expect(await reader.get(cid(piece(5)))).toBeUndefined()
    expect((await reader.piecesWith!(cid(expectedDeals[1]!.payload))).map(String)).toEqual([piece(1)])
    expect(await reader.piecesWith!(cid('bafkqaaa'))).toEqual([])
  })

  it('tells of damaged answers, and reads on', async () => {
    const { found, problems } = await collect(createBoostDirectoryReader({
      call: async (method, params, options) => {
        const answer = await call(method, params, options)
        if (method !== 'boostddata.GetPieceDeals') return [...answer as unknown[], 'x']
        return (params[0] as { '/': string })['/'] === piece(1) ? [null, { ...(answer as object[])[0], m: 't1abc' }, ...answer as object[]] : answer
      },
    }))
    expect(problems.map(({ place, error }) => [place, error.field])).toEqual([
      ['ListPieces[4]', undefined], [`GetPieceDeals ${piece(1)}[0]`, undefined], [`GetPieceDeals ${piece(1)}[1]`, 'miner'],
    ])
    expect(found.flatMap(({ deals }) => deals)).toHaveLength(5)
  })
})

describe('openBoostDb', () => {
  const temp = (): string => mkdtempSync(join(root, 'temp-'))

  it('reads deals of both kinds, those that are in the write-ahead log only included', async () => {
    const repo = mkdtempSync(join(root, 'repo-'))
    for (const name of ['boost.db', 'boost.db-wal']) cpSync(join(VECTORS, name), join(repo, name))
    writeFileSync(join(repo, 'boost.db-shm'), 'of a Boost that runs')
    const before = readdirSync(repo).map((name) => [name, readFileSync(join(repo, name)).toString('hex')])
    for (const name of readdirSync(repo)) chmodSync(join(repo, name), 0o444)
    const tempFolder = temp()
    const reader = await openBoostDb(repo, { tempFolder })
    const { found, problems } = await collect(reader)
    expect(problems).toEqual([])
    const states = ['Complete', 'AddedPiece', 'IndexedAndAnnounced', 'Complete', 'AddedPiece', 'PublishConfirmed', 'Transferred', 'Complete', 'Published']
    expect(linesOf(found)).toEqual([
      ...expectedDeals.slice(0, 9).map(({ piece: name, sector, offset, length }, at) =>
        [name, uuid(at), 1000, sector, offset ?? 0, length, at % 2 === 1 ? Math.floor(Number(length) / 2) : undefined, states[at]].join(' ')),
      [expectedDeals[9]!.piece, '7a7b8c9d-0000-4000-8000-000000000009', 1000, 11, 128, 128, 100, 'Complete'].join(' '),
    ].sort())
    const { deals } = (await reader.get(cid(piece(0))))!
    expect(deals.map(({ dealId }) => dealId)).toEqual([uuid(0), uuid(2)])
    // the last one is complete, since it failed
    expect(found.flatMap((row) => row.deals.filter((deal) => reader.isWithSealing(deal)).map(({ dealId }) => dealId.slice(-1))).sort()).toEqual(['0', '1', '2', '3', '4', '9'])
    await reader.close()
    await reader.close()
    expect(readdirSync(tempFolder)).toEqual([])
    expect(readdirSync(repo).map((name) => [name, readFileSync(join(repo, name)).toString('hex')])).toEqual(before)
  })

  const make = (sql: string): string => {
    const file = join(mkdtempSync(join(root, 'made-')), 'boost.db')
    const db = new sqlite.Database(file)
    db.exec(sql)
    db.close()
    return file
  }

  it('reads a database of before direct deals, and tells of damaged rows by their ids', async () => {
    const reader = await openBoostDb(make(`create table Deals (ID text, PieceCID text, PieceSize int, ProviderAddress text, SectorID int, Offset int, Length int, Checkpoint text, primary key (ID)) without rowid;
      insert into Deals values ('a', '${piece(0)}', 2048, 't01000', 1, 0, 2048, 'Complete'), ('b', null, 2048, 't01000', 1, 0, 2048, 'Complete'), ('c', '${piece(0)}', 2048, 't2abc', 1, 0, 2048, 'Complete'),
        ('d', '${piece(0)}', 2048, 't01000', -1, 0, 2048, 'Complete'), ('e', '${piece(0)}', 2000, 't01000', 0, 0, 0, 'Complete'), ('f', x'00', 1, 't01000', 'x', 'y', 'z', '')`), { tempFolder: temp() })
    const { found, problems } = await collect(reader)
    expect(found.flatMap(({ deals }) => deals.map(({ dealId }) => dealId))).toEqual(['a'])
    expect(problems.map(({ place, error }) => [place, error.field])).toEqual([
      ['Deals ID="b"', 'pieceCid'], ['Deals ID="c"', 'miner'], ['Deals ID="d"', 'sector'], ['Deals ID="e"', 'lengthPadded'], ['Deals ID="f"', 'pieceCid'],
    ])
    await reader.close()
  })

  it('can be closed while it is read', async () => {
    const tempFolder = temp()
    const reader = await openBoostDb(make(`create table Deals (ID text, PieceCID text, PieceSize int, ProviderAddress text, SectorID int, Offset int, Length int, Checkpoint text, primary key (ID)) without rowid;
      insert into Deals values ${[0, 1, 3].map((at) => `('${at}', '${piece(at)}', 2048, 't01000', 1, 0, 2048, 'Complete')`).join()}`), { tempFolder })
    await expect((async () => { for await (const { deals } of reader.list()) if (deals.length > 0) await reader.close() })()).rejects.toMatchObject({ code: 'PIECE_STORE_FAILED' })
    expect(readdirSync(tempFolder)).toEqual([])
  })

  it('stops at an abort between rows', async () => {
    const reader = await openBoostDb(make(`create table Deals (ID text, PieceCID text, PieceSize int, ProviderAddress text, SectorID int, Offset int, Length int, Checkpoint text, primary key (ID)) without rowid;
      with recursive n(i) as (values (1) union all select i + 1 from n where i < 5000) insert into Deals select printf('%06d', i), '${piece(0)}', 2048, 't01000', i, 0, 2048, 'Complete' from n`), { tempFolder: temp() })
    const stop = new AbortController()
    const reason = new Error('enough')
    setImmediate(() => { stop.abort(reason) })
    await expect(collect(reader, stop.signal)).rejects.toBe(reason)
    expect((await collect(reader)).found.flatMap(({ deals }) => deals)).toHaveLength(5000)
    await reader.close()
  })

  it.each([
    { why: 'there is none', file: () => join(root, 'nowhere', 'boost.db'), code: 'PIECE_STORE_FAILED' },
    { why: 'it is no SQLite', file: () => { const folder = mkdtempSync(join(root, 'no-')); writeFileSync(join(folder, 'boost.db'), 'no database at all, but long enough to look like one'.repeat(40)); return folder }, code: 'PIECE_STORE_FAILED' },
    { why: 'it is of somebody else', file: () => make('create table Shares (a)'), code: 'PIECE_STORE_BAD_FORMAT' },
    { why: 'it lacks columns', file: () => make('create table Deals (ID text)'), code: 'PIECE_STORE_BAD_FORMAT' },
  ])('refuses a database with a code when $why', async ({ file, code }) => {
    const tempFolder = temp()
    await expect((async () => {
      const reader = await openBoostDb(file(), { tempFolder })
      try {
        return await collect(reader)
      } finally {
        await reader.close()
      }
    })()).rejects.toMatchObject({ code })
    expect(readdirSync(tempFolder)).toEqual([])
  })

  it.each([['a change that is half made', 0xd9, false], ['a journal of a change that was made', 0, true]])('knows %s', async (_what, first, reads) => {
    const folder = dirname(make(`create table Deals (ID text, PieceCID text, PieceSize int, ProviderAddress text, SectorID int, Offset int, Length int, Checkpoint text, primary key (ID)) without rowid`))
    writeFileSync(join(folder, 'boost.db-journal'), Uint8Array.of(first, 0xd5, 0xf9, 0x05))
    const tempFolder = temp()
    const opened = openBoostDb(folder, { tempFolder })
    if (reads) await opened.then(async (reader) => { expect((await collect(reader)).found).toEqual([]); await reader.close() })
    else await expect(opened).rejects.toMatchObject({ code: 'PIECE_STORE_FAILED' })
    expect(readdirSync(tempFolder)).toEqual([])
  })
})
