import { describe, expect, it, vi } from 'vitest'
import { migratedDeals } from '../src/index.ts'
import { deal, openMigrateHarness, pieceAt } from './migrate-harness.ts'

describe('migratedDeals', () => {
  it('are those of the piece, the first one first, with the places that they had', async () => {
    await using h = await openMigrateHarness()
    await h.migrate([
      { pieceCid: pieceAt(1), deals: [deal('20'), deal('3', { rawSize: 100 }), deal('b/c')] },
      { pieceCid: pieceAt(2), deals: [deal('5', { sector: undefined })] },
      { pieceCid: pieceAt(3), deals: [deal('6', { state: 'StorageDealError' })] },
      { pieceCid: pieceAt(1), deals: [deal('0')] },
    ])
    const found = await migratedDeals(h.db, pieceAt(1))
    expect(found.map(({ dealId }) => dealId)).toEqual(['20', '0', '3', 'b/c'])
    expect(found[0]?.place).toMatchObject({ miner: 1000n, sector: 20n, lengthPadded: 2048 })
    expect(await migratedDeals(h.db, pieceAt(2))).toEqual([{ dealId: '5', place: undefined }])
    expect(await migratedDeals(h.db, pieceAt(3)), 'sealing does not have it').toEqual([])
    expect(await migratedDeals(h.db, pieceAt(4))).toEqual([])
  })

  it('leaves out rows that are damaged', async () => {
    await using h = await openMigrateHarness()
    await h.migrate([{ pieceCid: pieceAt(1), deals: [deal('1'), deal('2'), deal('3')] }])
    const rows = h.db.sublevel('migration', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
    await rows.put(`p${pieceAt(1)}`, 'no line feed')
    await rows.put(`d${pieceAt(1)}/2`, 'x y z')
    expect((await migratedDeals(h.db, pieceAt(1))).map(({ dealId }) => dealId)).toEqual(['3'])
  })

  it('keep nothing of each call in the database', async () => {
    await using h = await openMigrateHarness()
    await h.migrate([{ pieceCid: pieceAt(1), deals: [deal('1')] }])
    const sublevel = vi.spyOn(h.db, 'sublevel')
    for (let at = 0; at < 5; at++) expect(await migratedDeals(h.db, pieceAt(1))).toHaveLength(1)
    expect(sublevel.mock.calls.length).toBeLessThan(2)
  })
})
