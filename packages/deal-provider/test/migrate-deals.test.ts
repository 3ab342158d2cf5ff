import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { encodeReportLine, isMigrated } from '../src/index.ts'
import { deal, keysOf, type Listed, openMigrateHarness, pieceAt, readerOf, rowsOf } from './migrate-harness.ts'

const one = (at: number, ...deals: readonly ReturnType<typeof deal>[]): Listed => ({ pieceCid: pieceAt(at), deals: deals.length === 0 ? [deal(String(at))] : deals })
const counts = { deals: 0, registered: 0, already: 0, merged: 0, skipped: 0, failed: 0, problems: 0 }

describe('migrateDeals', () => {
  it('registers the pieces of all deals that sealing has, lazily, and notes where their copies are', async () => {
    await using h = await openMigrateHarness()
    const states = ['StorageDealStaged', 'StorageDealAwaitingPreCommit', 'StorageDealSealing', 'StorageDealFinalizing', 'StorageDealActive', 'StorageDealError', 'StorageDealFundsReserved', 'StorageDealSlashed']
    const listed = states.map((state, at) => one(at, deal(String(at), { state, ...(at === 0 ? { sector: undefined } : {}), ...(at === 1 ? { rawSize: 1999 } : {}) })))
    expect(await h.migrate(listed)).toEqual({ ...counts, deals: 8, registered: 5, skipped: 3, complete: true })
    expect(await keysOf(h.dagstore)).toEqual([0, 1, 2, 3, 4].map((at) => pieceAt(at).toString()).sort())
    for await (const info of h.dagstore.shards()) expect(info).toMatchObject({ health: 'new', mountUrl: `lotus://${info.key}` })
    expect(await h.pieces.get(pieceAt(0))).toEqual([])
    expect(await h.pieces.get(pieceAt(1))).toEqual([{ miner: 1000n, sector: 1n, offsetPadded: 0, lengthPadded: 2048, payloadBytes: 1999 }])
    expect(await h.pieces.get(pieceAt(4))).toHaveLength(1)
    expect(await h.pieces.get(pieceAt(5))).toEqual([])
    expect(h.outcomes()).toEqual({ 0: 'registered', 1: 'registered', 2: 'registered', 3: 'registered', 4: 'registered', 5: 'skipped', 6: 'skipped', 7: 'skipped' })
    expect(h.lines.find((line) => 'deal' in line && line.deal === '5')).toMatchObject({ reason: 'state StorageDealError' })
  })

  it('merges further deals of a piece, wherever in the list they come, and notes each of their places', async () => {
    await using h = await openMigrateHarness()
    const listed = [one(1, deal('10'), deal('11')), one(2), ...Array.from({ length: 1200 }, (_, at) => one(100 + at)), one(1, deal('12'), deal('13', { sector: undefined })), one(2, deal('14'))]
    expect(await h.migrate(listed)).toMatchObject({ deals: 1206, registered: 1202, merged: 4, already: 0, failed: 0 })
    expect(h.lines.filter((line) => 'deal' in line && line.outcome === 'merged')).toEqual(['11', '12', '13', '14'].map((id) => (
      expect.objectContaining({ deal: id, reason: `same piece as deal ${id === '14' ? '2' : '10'}` }) as unknown
    )))
    expect((await h.pieces.get(pieceAt(1))).map(({ sector }) => sector)).toEqual([10n, 11n, 12n])
  })

  it('changes nothing when it is repeated, and takes up what has come since', async () => {
    await using h = await openMigrateHarness()
    const listed = [one(1, deal('10'), deal('11')), one(2, deal('2', { sector: undefined })), one(3, deal('3', { state: 'StorageDealError' })), one(1, deal('12'))]
    expect(await h.migrate(listed)).toMatchObject({ deals: 5, registered: 2, merged: 2, skipped: 1, complete: true })
    const before = await rowsOf(h.db)
    expect(await h.migrate(listed)).toEqual({ ...counts, deals: 5, already: 2, merged: 2, skipped: 1, complete: true })
    expect(await rowsOf(h.db)).toEqual(before)
    // a deal has got its sector, another one is new
    expect(await h.migrate([...listed.slice(0, 1), one(2), one(4)])).toMatchObject({ registered: 1, already: 2, merged: 1 })
    expect(await h.pieces.get(pieceAt(2))).toHaveLength(1)
    // what was destroyed since stays so
    await h.dagstore.destroy(pieceAt(4).toString())
    expect(await h.migrate([one(4)])).toMatchObject({ already: 1 })
    expect(await h.dagstore.shard(pieceAt(4).toString())).toBeUndefined()
  })

  it('says the same in a dry run, and writes nothing', async () => {
    await using h = await openMigrateHarness()
    const listed = [one(1, deal('10'), deal('11')), ...Array.from({ length: 3000 }, (_, at) => one(100 + at)), one(1, deal('12')), one(5, deal('5', { state: 'StorageDealError' })), { problem: 'row 7' }]
    await h.dagstore.register(pieceAt(200).toString(), `lotus://${pieceAt(200)}`)
    const before = await rowsOf(h.db)
    const dry = await h.migrate(listed, { dryRun: true })
    expect(await rowsOf(h.db)).toEqual(before)
    const told = h.outcomes()
    expect(dry).toMatchObject({ registered: 3000, already: 1, merged: 2, skipped: 1, problems: 1, complete: false })
    expect(await h.migrate(listed)).toEqual(dry)
    expect(h.outcomes()).toEqual(told)
    expect(await h.migrate(listed, { dryRun: true })).toMatchObject({ registered: 0, already: 3001, merged: 2 })
  })

  it('L3: 5 marks a migration as complete only when nothing has failed', async () => {
    await using h = await openMigrateHarness()
    const bad = { pieceCid: pieceAt(2), deals: [deal('2', { lengthPadded: 100 })] }
    const first = await h.migrate([one(1), bad, { problem: 'row 3' }, one(4)])
    expect(first).toMatchObject({ deals: 3, registered: 2, failed: 1, problems: 1, complete: false })
    expect(await isMigrated(h.db, 'test')).toBe(false)
    expect(h.outcomes()).toMatchObject({ 2: 'failed' })
    expect(h.lines.map((line) => 'place' in line ? line.place : line.deal).sort()).toEqual(['1', '2', '4', 'row 3'])
    // what failed is tried again; then it is complete, until something fails again
    expect(await h.migrate([one(1), one(2), one(4)])).toMatchObject({ registered: 0, already: 3, failed: 0, complete: true })
    expect(await h.pieces.get(pieceAt(2))).toHaveLength(1)
    expect(await isMigrated(h.db, 'test')).toBe(true)
    expect(await isMigrated(h.db, 'another')).toBe(false)
    expect(await h.migrate([one(1), { problem: 'row 3' }])).toMatchObject({ complete: false })
    expect(await isMigrated(h.db, 'test')).toBe(false)
  })

  it('L3: 5 counts a repeat deal of a piece, which is no failure', async () => {
    await using h = await openMigrateHarness()
    expect(await h.migrate([one(1, deal('1'), deal('2')), one(1, deal('3'))])).toMatchObject({ registered: 1, merged: 2, failed: 0, complete: true })
  })

  it('leaves shards that are there as they are', async () => {
    await using h = await openMigrateHarness()
    await h.dagstore.register(pieceAt(1).toString(), `lotus://${pieceAt(1)}`)
    await h.dagstore.register(pieceAt(2).toString(), 'bytes:AAAA')
    const before = await Promise.all([1, 2].map((at) => h.dagstore.shard(pieceAt(at).toString())))
    expect(await h.migrate([one(1), one(2), one(2, deal('20'))])).toMatchObject({ already: 2, merged: 1, failed: 0, complete: true })
    expect(await Promise.all([1, 2].map((at) => h.dagstore.shard(pieceAt(at).toString())))).toEqual(before)
    expect(h.lines.find((line) => 'deal' in line && line.deal === '2')).toMatchObject({ reason: expect.stringContaining('another mount') as string })
  })

  it('tells what each refusal was', async () => {
    await using h = await openMigrateHarness()
    const refusing = { ...h.dagstore, shard: h.dagstore.shard.bind(h.dagstore), registerMany: async function * (items: Parameters<typeof h.dagstore.registerMany>[0]) {
      for await (const { key } of items) yield { key, ok: false as const, error: Object.assign(new Error('no'), { code: 'DAGSTORE_SHARD_DESTROYED' }) }
    } }
    expect(await h.migrate([one(1, deal('1'), deal('2'))], { dagstore: refusing })).toMatchObject({ failed: 2, complete: false })
    expect(h.lines).toMatchObject([{ outcome: 'failed', reason: 'DAGSTORE_SHARD_DESTROYED: no' }, { outcome: 'failed' }])
    expect(await h.pieces.get(pieceAt(1))).toEqual([])
  })

  it('ends with its signal and with what its reader throws; what was told is done', async () => {
    await using h = await openMigrateHarness()
    const many = Array.from({ length: 1500 }, (_, at) => one(at))
    const failure = new RangeError('source')
    await expect(h.migrate([...many, { fail: failure }])).rejects.toBe(failure)
    for (const [id, outcome] of Object.entries(h.outcomes())) expect([outcome, (await h.pieces.get(pieceAt(Number(id)))).length]).toEqual(['registered', 1])
    expect(h.lines).toHaveLength(1500)
    const controller = new AbortController()
    await expect(h.migrate(many, { signal: controller.signal, onProgress: ({ deals }) => { if (deals > 300) controller.abort(new Error('left')) } })).rejects.toThrow('left')
    expect(await isMigrated(h.db, 'test')).toBe(false)
    expect(await h.migrate(many)).toMatchObject({ deals: 1500, failed: 0, complete: true })
    expect(await keysOf(h.dagstore)).toHaveLength(1500)
  })

  it('passes on what the receiver of its report throws', async () => {
    await using h = await openMigrateHarness()
    await expect(h.migrate(Array.from({ length: 600 }, (_, at) => one(at)), { onReport: () => { throw new Error('disk is full') } })).rejects.toThrow('disk is full')
    expect(await isMigrated(h.db, 'test')).toBe(false)
  })

  it('marks nothing before what has to last by then does, and asks for that when all was told', async () => {
    await using h = await openMigrateHarness()
    const LISTED = [{ pieceCid: pieceAt(1), deals: [deal('1')] }]
    const asked: string[] = []
    const beforeMarker = async (): Promise<void> => { asked.push(`${h.lines.length} told, marked: ${await isMigrated(h.db, 'test')}`) }
    await h.migrate(LISTED, { beforeMarker, dryRun: true })
    await h.migrate([{ problem: 'somewhere' }], { beforeMarker })
    expect(asked).toEqual([])
    await expect(h.migrate(LISTED, { beforeMarker: () => { throw new Error('disk full') } })).rejects.toThrow('disk full')
    expect(await isMigrated(h.db, 'test')).toBe(false)
    expect(await h.migrate(LISTED, { beforeMarker })).toMatchObject({ complete: true })
    expect(asked).toEqual(['1 told, marked: false'])
  })

  it('keeps apart what different readers have ended, and knows each other\'s deals', async () => {
    await using h = await openMigrateHarness()
    await h.migrate([one(1)], { reader: readerOf(() => [one(1)], 'a') })
    expect(await h.migrate([], { reader: readerOf(() => [one(1), one(1, deal('x7'))], 'b') })).toMatchObject({ already: 1, merged: 1 })
    expect(await isMigrated(h.db, 'a') && await isMigrated(h.db, 'b')).toBe(true)
  })
})

describe('a line of the report', () => {
  it('is JSON with exact numbers', () => {
    const line = { deal: 'a"b', piece: 'p', miner: 2n ** 64n - 1n, sector: 1760000000000000001n, outcome: 'merged', reason: 'x\ny' } as const
    expect(encodeReportLine(line)).toBe('{"deal":"a\\"b","piece":"p","miner":18446744073709551615,"sector":1760000000000000001,"outcome":"merged","reason":"x\\ny"}\n')
    expect(JSON.parse(encodeReportLine({ ...line, sector: undefined, reason: undefined }))).toEqual({ deal: 'a"b', piece: 'p', miner: 2 ** 64, outcome: 'merged' })
  })
})

describe('any list of deals', () => {
  it('is counted deal by deal, becomes one shard for each piece, and is done once however often it is cut off', async () => {
    const states = fc.constantFrom('StorageDealActive', 'StorageDealStaged', 'StorageDealError', undefined)
    const deals = fc.array(fc.record({ id: fc.integer({ min: 1, max: 30 }), sector: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }), state: states }), { minLength: 1, maxLength: 4 })
    const items = fc.array(fc.oneof(
      { weight: 8, arbitrary: fc.record({ piece: fc.integer({ min: 0, max: 12 }), deals }) },
      { weight: 1, arbitrary: fc.constant({ problem: 'row' } as const) }
    ), { maxLength: 30 })
    await fc.assert(fc.asyncProperty(items, fc.array(fc.nat(30), { maxLength: 3 }), async (list, cuts) => {
      // a deal is of one piece, and stands in the list once
      const seen = new Set<number>()
      const listed = list.flatMap((item): Listed[] => {
        if ('problem' in item) return [item]
        const fresh = item.deals.filter(({ id }) => !seen.has(id) && seen.add(id))
        return fresh.length === 0 ? [] : [{ pieceCid: pieceAt(item.piece), deals: fresh.map(({ id, sector, state }) => deal(String(id), { state, sector: sector === undefined ? undefined : BigInt(sector), offsetPadded: sector === undefined ? 0 : 2048 * id })) }]
      })
      const all = listed.flatMap((item) => 'deals' in item ? item.deals.map((one) => ({ piece: item.pieceCid.toString(), ...one })) : [])
      const taken = all.filter(({ state }) => state !== 'StorageDealError')
      const pieces = new Set(taken.map(({ piece }) => piece))
      await using h = await openMigrateHarness()
      for (const cut of cuts) {
        const failure = new Error('cut off')
        await expect(h.migrate([...listed.slice(0, cut), { fail: failure }])).rejects.toBe(failure)
      }
      const dry = await h.migrate(listed, { dryRun: true })
      const result = await h.migrate(listed)
      const problems = listed.filter((item) => 'problem' in item).length
      expect({ ...dry, complete: result.complete }).toEqual(result)
      expect(result).toMatchObject({ deals: all.length, skipped: all.length - taken.length, merged: taken.length - pieces.size, failed: 0, problems, complete: problems === 0 })
      expect(result.registered + result.already).toBe(pieces.size)
      expect(h.lines).toHaveLength(all.length + problems)
      expect(await keysOf(h.dagstore)).toEqual([...pieces].sort())
      for (const key of pieces) {
        const places = taken.filter(({ piece, sector }) => piece === key && sector !== undefined).map(({ sector, offsetPadded }) => `${sector} ${offsetPadded}`)
        expect((await h.pieces.get(CID.parse(key))).map(({ sector, offsetPadded }) => `${sector} ${offsetPadded}`).sort()).toEqual(places.sort())
      }
      const before = await rowsOf(h.db)
      expect(await h.migrate(listed)).toMatchObject({ registered: 0, already: pieces.size, merged: taken.length - pieces.size })
      expect(await rowsOf(h.db)).toEqual(before)
    }), { numRuns: 60 })
  })
})
