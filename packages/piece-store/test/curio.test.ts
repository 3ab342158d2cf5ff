import { postgresPrograms, type PostgresServer, startPostgres } from '@dagstore-tooling/testkit/postgres'
import { pieceCidV1, pieceCidV2 } from '@dagstore/piece'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCurioReader } from '../src/curio.ts'
import { asPieceStore } from '../src/index.ts'
import { openCurioDb } from '../src/node.ts'
import { collect, linesOf } from './market-vectors.ts'

const commitment = (n: number): Uint8Array => new Uint8Array(32).fill(n)
const cid = (n: number): string => String(pieceCidV1(commitment(n)))

/** Curio's tables of 2024: a deal has a sector. */
const OLD = `create schema curio;
  create table curio.market_piece_deal (id text not null, piece_cid text not null, boost_deal boolean not null default true, legacy_deal boolean not null default false, chain_deal_id bigint not null default 0,
    sp_id bigint not null, sector_num bigint not null, piece_offset bigint not null, piece_length bigint not null, raw_size bigint not null, primary key (sp_id, piece_cid, id), unique (sp_id, id));
  create table curio.parked_pieces (id bigserial primary key, created_at timestamp default current_timestamp, piece_cid text not null, piece_padded_size bigint not null, piece_raw_size bigint not null,
    complete boolean not null default false, task_id bigint, cleanup_task_id bigint, unique (piece_cid));
  create table curio.parked_piece_refs (ref_id bigserial primary key, piece_id bigint not null references curio.parked_pieces(id) on delete cascade, data_url text, data_headers jsonb not null default '{}');`
/** What came since: parked pieces that stay, and deals that need no sector. */
const NEW = `${OLD}
  alter table curio.parked_pieces add column long_term boolean not null default false, drop constraint parked_pieces_piece_cid_key, add column skip boolean not null default false;
  alter table curio.market_piece_deal drop constraint market_piece_deal_pkey, drop constraint market_piece_deal_sp_id_id_key, add primary key (id, sp_id, piece_cid, piece_length),
    add column piece_ref bigint, alter column piece_offset drop not null;`

const programs = postgresPrograms()
const missing = programs === undefined ? 'PostgreSQL is not installed: no initdb, postgres and psql' : undefined

describe.skipIf(missing !== undefined)(`openCurioDb${missing === undefined ? '' : ` (${missing})`}`, () => {
  let server: PostgresServer
  beforeAll(async () => { server = await startPostgres(programs!) })
  afterAll(async () => { await server?.stop() })

  const make = (sql: string): Promise<string> => server.create(sql)
  const insert = (rows: readonly string[], columns = 'id, piece_cid, sp_id, sector_num, piece_offset, piece_length, raw_size'): string =>
    rows.length === 0 ? '' : `insert into curio.market_piece_deal (${columns}${columns.includes('boost_deal') ? '' : ', boost_deal'}) values ${rows.map((row) => `(${row}, true)`).join(', ')};`

  it('reads the tables of 2024, ids exact', async () => {
    const reader = await openCurioDb(await make(`${OLD} ${insert([
      `'u2', '${cid(2)}', 1000, 9223372036854775807, 34359738368, 34359738368, 0`, `'u1', '${cid(1)}', 1000, 7, 0, 2048, 1900`, `'u1', '${cid(1)}', 1001, 8, 128, 2048, 1900`,
    ])} insert into curio.parked_pieces (piece_cid, piece_padded_size, piece_raw_size, complete) values ('${cid(1)}', 2048, 1900, true), ('${cid(3)}', 256, 200, true), ('${cid(4)}', 256, 200, false)`))
    const { found, problems } = await collect(reader)
    expect(problems).toEqual([])
    expect(linesOf(found)).toEqual([
      `${cid(1)} u1 1000 7 0 2048 1900 `, `${cid(1)} u1 1001 8 128 2048 1900 `, `${cid(1)} parked-1 0 1 0 2048 1900 parked`, `${cid(2)} u2 1000 9223372036854775807 34359738368 34359738368  `, `${cid(3)} parked-2 0 2 0 256 200 parked`,
    ].sort())
    expect(found.map(({ deals }) => deals.length)).toEqual(found.map(({ pieceCid }) => String(pieceCid) === cid(1) ? 3 : 1))
    await reader.close()
  })

  it('reads the tables of today: deals without a sector, and parked pieces that stay', async () => {
    const reader = await openCurioDb(await make(`${NEW}
      insert into curio.parked_pieces (id, piece_cid, piece_padded_size, piece_raw_size, complete, long_term) values (11, '${cid(1)}', 2048, 1900, true, true), (12, '${cid(2)}', 2048, 1900, false, true),
        (13, '${cid(3)}', 2048, 1900, true, true), (14, '${cid(4)}', 2048, 1900, true, false), (15, '${cid(1)}', 2048, 1900, true, false), (16, '${cid(5)}', 256, 200, true, true);
      insert into curio.parked_piece_refs (ref_id, piece_id) values (101, 11), (102, 12), (103, 16);
      ${insert([`'a', '${cid(1)}', -1, -1, null, 2048, 1900, 101`, `'b', '${cid(2)}', -1, -1, null, 2048, 1900, 102`, `'c', '${cid(5)}', 1000, 3, 0, 128, 0, null`, `'c', '${cid(5)}', 1000, 3, 0, 256, 0, 103`],
        'id, piece_cid, sp_id, sector_num, piece_offset, piece_length, raw_size, piece_ref')}`), { rowsAtOnce: 2 })
    const { found, problems } = await collect(reader)
    expect(problems).toEqual([])
    expect(linesOf(found)).toEqual([
      `${cid(1)} a 0 11 0 2048 1900 parked`, `${cid(2)} b 0  0 2048 1900 `, `${cid(3)} parked-13 0 13 0 2048 1900 parked`, `${cid(5)} c 1000 3 0 128  `, `${cid(5)} c 1000 3 0 256  `, `${cid(5)} parked-16 0 16 0 256 200 parked`,
    ].sort())
    expect(found.flatMap(({ deals }) => deals.filter((deal) => reader.isWithSealing(deal)).map(({ dealId }) => dealId)).sort()).toEqual(['a', 'c', 'c', 'parked-13', 'parked-16'])
    expect((await reader.get(pieceCidV2(commitment(1), 1900)))?.deals.map(({ dealId }) => dealId)).toEqual(['a'])
    expect((await reader.get(pieceCidV1(commitment(3))))?.deals.map(({ dealId }) => dealId)).toEqual(['parked-13'])
    expect(await reader.get(pieceCidV1(commitment(4)))).toBeUndefined()
    expect((await asPieceStore(reader).get(pieceCidV1(commitment(5)))).map(({ miner, sector }) => [miner, sector])).toEqual([[0n, 16n], [1000n, 3n], [1000n, 3n]])
    await reader.close()
  })

  it('tells of damaged rows by their ids, and reads on', async () => {
    const reader = await openCurioDb(await make(`${OLD} ${insert([`'a', 'nonsense', 1, 1, 0, 128, 0`, `'b', '${cid(1)}', -5, 1, 0, 128, 0`, `'c', '${cid(1)}', 1, 1, 5, 128, 0`, `'d', '${cid(1)}', 1, 1, 0, 128, 0`, `'e', '${cid(1)}', 1, 1, 0, 128, 128`])}`))
    const { found, problems } = await collect(reader)
    expect(found.flatMap(({ deals }) => deals.map(({ dealId }) => dealId))).toEqual(['d'])
    expect(problems.map(({ place, error }) => [place, error.field]).sort()).toEqual([
      ['market_piece_deal id="a" sp_id="1"', 'pieceCid'], ['market_piece_deal id="b" sp_id="-5"', 'miner'], ['market_piece_deal id="c" sp_id="1"', 'offsetPadded'], ['market_piece_deal id="e" sp_id="1"', 'rawSize'],
    ])
    await expect(reader.get(pieceCidV1(commitment(1)))).rejects.toMatchObject({ code: 'PIECE_STORE_BAD_ROW' })
    await reader.close()
  })

  it('sees one moment, in pages, may only read, and stops at an abort', async () => {
    const url = await make(`${OLD} insert into curio.market_piece_deal (id, piece_cid, boost_deal, sp_id, sector_num, piece_offset, piece_length, raw_size)
      select 'u' || lpad(n::text, 6, '0'), '${cid(1)}', true, 1000, n, 0, 2048, 0 from generate_series(1, 5000) n`)
    const reader = await openCurioDb(url, { rowsAtOnce: 100, maxConnections: 2 })
    const other = new pg.Client({ connectionString: url })
    await other.connect()
    let count = 0
    for await (const { deals } of reader.list()) {
      count += deals.length
      await other.query('delete from curio.market_piece_deal where sector_num > 2000')
      const { rows } = await other.query("select count(*)::int as n from pg_stat_activity where application_name = 'dagstore' and state = 'idle in transaction'")
      expect(rows[0]).toEqual({ n: count === 5000 ? 0 : 1 })
    }
    expect(count).toBe(5000)
    const stop = new AbortController()
    const reason = new Error('enough')
    await expect((async () => { for await (const deals of reader.list({ signal: stop.signal })) if (deals.deals.length > 0) stop.abort(reason) })()).rejects.toBe(reason)
    // one that waits for a lock that somebody holds
    await other.query('begin; lock table curio.market_piece_deal in access exclusive mode')
    const waits = new AbortController()
    const waiting = reader.get(pieceCidV1(commitment(1)), { signal: waits.signal })
    setTimeout(() => { waits.abort(reason) }, 50)
    await expect(waiting).rejects.toBe(reason)
    await other.query('rollback')
    expect((await reader.get(pieceCidV1(commitment(1))))?.deals).toHaveLength(2000)
    await other.end()
    await reader.close()
    await expect(collect(reader)).rejects.toMatchObject({ code: 'PIECE_STORE_FAILED' })
  })

  it('fails with a code when its connection breaks between two pages, and connects anew for the next question', async () => {
    const url = await make(`${OLD} ${insert(Array.from({ length: 20 }, (_, n) => `'u${n}', '${cid(n)}', 1000, ${n}, 0, 2048, 0`))}`)
    const reader = await openCurioDb(url, { rowsAtOnce: 4 })
    const other = new pg.Client({ connectionString: url })
    await other.connect()
    let count = 0
    await expect((async () => {
      for await (const { deals } of reader.list()) {
        if (count === 0) {
          await other.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'dagstore'")
          await new Promise((resolve) => { setTimeout(resolve, 50) })
        }
        count += deals.length
      }
    })()).rejects.toMatchObject({ code: 'PIECE_STORE_FAILED' })
    expect(count).toBeLessThan(20)
    expect((await collect(reader)).found.flatMap(({ deals }) => deals)).toHaveLength(20)
    await other.end()
    await reader.close()
  })

  it('can be closed while it is read', async () => {
    const reader = await openCurioDb(await make(`${OLD} ${insert(Array.from({ length: 20 }, (_, n) => `'u${n}', '${cid(n)}', 1000, ${n}, 0, 2048, 0`))}`), { rowsAtOnce: 4 })
    await expect((async () => { for await (const { deals } of reader.list()) if (deals.length > 0) await reader.close() })()).rejects.toMatchObject({ code: 'PIECE_STORE_FAILED' })
  })

  it('refuses a database that is none of Curio\'s', async () => {
    for (const sql of ['select 1', 'create table market_piece_deal (id text)', `${OLD} drop table curio.parked_pieces cascade`]) {
      const reader = await openCurioDb(await make(sql))
      await expect(collect(reader)).rejects.toMatchObject({ code: 'PIECE_STORE_BAD_FORMAT' })
      await reader.close()
    }
  })

  it('fails with a code when the server is not there, and works again when it is', async () => {
    const url = await make(OLD)
    const reader = await openCurioDb(url.replace('/db', '/no'))
    await expect(collect(reader)).rejects.toMatchObject({ code: 'PIECE_STORE_FAILED' })
    await reader.close()
    const gone = await openCurioDb('postgres://curio@127.0.0.1:1/x')
    await expect(collect(gone)).rejects.toMatchObject({ code: 'PIECE_STORE_FAILED' })
    await gone.close()
  })
})

describe('createCurioReader', () => {
  it('asks for the tables again when the first question failed', async () => {
    let fails = true
    const reader = createCurioReader({
      query: async function * (sql) {
        if (fails) throw new Error('down')
        const columns = { market_piece_deal: ['id', 'piece_cid', 'sp_id', 'sector_num', 'piece_offset', 'piece_length', 'raw_size'], parked_piece_refs: ['ref_id', 'piece_id'], parked_pieces: ['id', 'piece_cid', 'piece_padded_size', 'piece_raw_size', 'complete'] }
        if (sql.includes('information_schema')) for (const [table, names] of Object.entries(columns)) for (const name of names) yield { table_schema: 'public', table_name: table, column_name: name }
      },
    })
    await expect(collect(reader)).rejects.toMatchObject({ code: 'PIECE_STORE_FAILED' })
    fails = false
    expect(await collect(reader)).toEqual({ found: [], problems: [] })
  })
})

it('refuses counts that are none', async () => {
  await expect(openCurioDb('postgres://x', { rowsAtOnce: 0 })).rejects.toThrow(RangeError)
})
