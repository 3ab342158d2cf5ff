/** Files that are imported: what is taken, what is refused, and what becomes of them. */
import { carV1, carV2, makeBlocks } from '@dagstore-tooling/fixtures'
import { unpaddedBytes } from '@dagstore/piece'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createCrashFs, createCrashLevel } from '@dagstore-tooling/testkit'
import { clean, codeOf, collect, dealIs, dealOf, type Harness, inState, makeCar, openHarness, proposalOf, staged, withShard } from './harness.ts'

const car = makeCar(1)
const v2Bytes = (): Uint8Array => { const blocks = makeBlocks(1, 4, { min: 300, max: 300 }); return carV2({ roots: [blocks[0]!.cid], blocks }) }

const active = (h: Harness, deal: ReturnType<typeof dealOf>): Promise<unknown> => dealIs(h, deal.proposalCid, inState('StorageDealActive'), clean)

describe('an import', () => {
  it.each([
    ['a CARv1', car.bytes, undefined],
    ['a CARv1 with zeros up to the piece', Uint8Array.from([...car.bytes, ...new Uint8Array(unpaddedBytes(2048) - car.bytes.byteLength)]), undefined],
    ['a CARv1 in a piece larger than it needs', car.bytes, 8192],
    ['a CARv2 whose payload is the piece', v2Bytes(), 2048],
  ])('takes %s and makes its blocks readable', async (_, bytes, pieceSize) => {
    for (const mode of ['copy', 'move', 'borrow'] as const) {
      const h = await openHarness()
      h.fs.plant('in/a', bytes)
      const deal = { ...dealOf('a', car.bytes, pieceSize === undefined ? {} : { pieceSize }) }
      await h.provider.accept(deal)
      await h.provider.importData(deal.proposalCid, { path: 'in/a', mode })
      await dealIs(h, deal.proposalCid, inState('StorageDealActive'), withShard('registered'), clean)
      for (const { cid, data } of car.blocks) expect(await h.dagstore.blockstore.bytes(cid)).toEqual(data)
      expect(staged(h)).toEqual([])
      expect(h.fs.content('in/a')).toEqual(mode === 'move' ? undefined : bytes)
      expect(h.problems).toEqual([])
      await h.close()
    }
  })

  it('L3: 10: takes a whole CARv2 as the piece where that is what was agreed on, and reads it; there, it was refused', async () => {
    const bytes = v2Bytes()
    const h = await openHarness()
    h.fs.plant('in/a', bytes)
    const deal = dealOf('whole', bytes)
    await h.provider.accept(deal)
    await h.provider.importData(deal.proposalCid, { path: 'in/a', mode: 'borrow' })
    expect(await dealIs(h, deal.proposalCid, inState('StorageDealActive'), withShard('registered'))).toMatchObject({ payloadBytes: bytes.byteLength })
    for (const { cid, data } of car.blocks) expect(await h.dagstore.blockstore.bytes(cid)).toEqual(data)
    await h.close()
  })

  it('L3: 12: takes a CAR with identity CIDs as it is, and reads them; there, they were left out, and the commitment was another', async () => {
    const blocks = [...makeBlocks(1, 2, { min: 300, max: 300 }), ...makeBlocks(2, 2, { min: 20, max: 20, hash: 'identity' })]
    const bytes = carV1([blocks[2]!.cid], blocks)
    const h = await openHarness()
    h.fs.plant('in/a', bytes)
    const deal = dealOf('inline', bytes)
    await h.provider.accept(deal)
    await h.provider.importData(deal.proposalCid, { path: 'in/a' })
    await dealIs(h, deal.proposalCid, inState('StorageDealActive'), withShard('registered'))
    for (const { cid, data } of blocks) expect(await h.dagstore.blockstore.bytes(CID.decode(cid))).toEqual(data)
    await h.close()
  })

  it('takes bytes that are no CAR: the deal becomes active, without a shard, and is listed', async () => {
    const h = await openHarness()
    const bytes = new Uint8Array(5000).fill(3)
    h.fs.plant('in/a', bytes)
    const deal = dealOf('a', bytes)
    await h.provider.accept(deal)
    await h.provider.importData(deal.proposalCid, { path: 'in/a' })
    await active(h, deal)
    const [listed] = await collect(h.provider.unregistered())
    expect(listed).toMatchObject({ proposalCid: deal.proposalCid, shard: { state: 'failed', failure: { code: 'DEAL_NOT_A_CAR', retry: 'never', nextRetryAt: undefined } } })
    expect(await collect(h.dagstore.shards())).toEqual([])
    expect((await h.pieces.get(deal.proposal.pieceCid)).length).toBe(1)
    await h.close()
  })

  it('refuses bytes of another piece, leaves the deal waiting and the file alone, and takes the right one then', async () => {
    const h = await openHarness()
    const deal = dealOf('a', car.bytes)
    await h.provider.accept(deal)
    const wrong: Record<string, Uint8Array> = {
      'in/other': makeCar(2).bytes, 'in/empty': new Uint8Array(0), 'in/cut': car.bytes.subarray(0, -1), 'in/long': new Uint8Array(5000), 'in/flipped': car.bytes.map((byte, at) => at === 700 ? byte ^ 1 : byte),
    }
    for (const [path, bytes] of Object.entries(wrong)) {
      h.fs.plant(path, bytes)
      for (const mode of ['copy', 'move', 'borrow'] as const) {
        expect(await codeOf(h.provider.importData(deal.proposalCid, { path, mode }))).toBe('DEAL_PIECE_MISMATCH')
        expect(h.fs.content(path)).toEqual(bytes)
      }
    }
    expect(await codeOf(h.provider.importData(deal.proposalCid, { path: 'in/none' }))).toBe('IO_NOT_FOUND')
    expect(await h.provider.deal(deal.proposalCid)).toMatchObject({ state: 'StorageDealWaitingForData', staged: undefined })
    expect(staged(h)).toEqual([])
    h.fs.plant('in/a', car.bytes)
    await h.provider.importData(deal.proposalCid, { path: 'in/a' })
    await active(h, deal)
    await h.close()
  })

  it('refuses references into other files, even where they are what was agreed on, and leaves the deal waiting', async () => {
    const [key, node] = makeBlocks(3, 2, { min: 300, max: 300 })
    const reference = new Uint8Array([0x0a, 1, 0x61, 0x10, 0, 0x18, 5]) // 5 bytes of /a
    const v2 = carV2({ roots: [node!.cid], blocks: [{ ...key!, data: reference }, node!] })
    for (const bytes of [v2, carV1([node!.cid], [{ ...key!, data: reference }, node!])]) {
      const h = await openHarness()
      h.fs.plant('in/a', bytes)
      const deal = dealOf('a', bytes)
      await h.provider.accept(deal)
      for (const mode of ['copy', 'move', 'borrow'] as const) expect(await codeOf(h.provider.importData(deal.proposalCid, { path: 'in/a', mode }))).toBe('CARV2_REFERENCES')
      expect(await h.provider.deal(deal.proposalCid)).toMatchObject({ state: 'StorageDealWaitingForData', staged: undefined })
      expect(h.fs.content('in/a')).toEqual(bytes)
      expect(staged(h)).toEqual([])
      await h.close()
    }
  })

  it('is refused where the deal is unknown or does not wait for data; of two at once one is taken', async () => {
    const h = await openHarness()
    const deal = dealOf('a', car.bytes, { dealId: 5n })
    h.fs.plant('in/a', car.bytes)
    expect(await codeOf(h.provider.importData(deal.proposalCid, { path: 'in/a' }))).toBe('DEAL_UNKNOWN')
    expect(await codeOf(h.provider.importData(5n, { path: 'in/a' }))).toBe('DEAL_UNKNOWN')
    await h.provider.accept(deal)
    await expect(h.provider.importData(5n, { path: 'in/a', mode: 'steal' as 'copy' })).rejects.toThrow(TypeError)
    const codes = await Promise.all(['copy', 'borrow', 'copy'].map((mode) => codeOf(h.provider.importData(5n, { path: 'in/a', mode: mode as 'copy' }))))
    expect(codes).toEqual([undefined, 'DEAL_WRONG_STATE', 'DEAL_WRONG_STATE'])
    await active(h, deal)
    expect(await codeOf(h.provider.importData(5n, { path: 'in/a' }))).toBe('DEAL_WRONG_STATE')
    await h.close()
    expect(await codeOf(h.provider.importData(5n, { path: 'in/a' }))).toBe('DEAL_CLOSED')
  })

  it('that is cancelled leaves the deal waiting and nothing behind, whenever that is', async () => {
    const big = makeCar(3, 40, 5000)
    const deal = dealOf('a', big.bytes)
    const done = new Error('enough')
    for (const mode of ['copy', 'borrow'] as const) {
      const h = await openHarness()
      await h.provider.accept(deal)
      h.fs.plant('in/a', big.bytes)
      for (let chunks = 0; chunks < 4; chunks++) {
        const leaving = new AbortController()
        if (chunks === 0) leaving.abort(done)
        let seen = 0
        const importing = h.provider.importData(deal.proposalCid, { path: 'in/a', mode }, { signal: leaving.signal, onProgress: () => { if (++seen === chunks) leaving.abort(done) } })
        const outcome = await importing.then(() => 'taken', (error: unknown) => error)
        if (outcome === 'taken') break
        expect(outcome).toBe(done)
        expect(await h.provider.deal(deal.proposalCid)).toMatchObject({ state: 'StorageDealWaitingForData' })
        expect(staged(h)).toEqual([])
        expect(h.fs.content('in/a')).toEqual(big.bytes)
      }
      await h.close()
    }
  })

  it('that has no room says so, leaves the deal waiting, and is done when there is room', async () => {
    const big = makeCar(3, 40, 5000)
    const deal = dealOf('a', big.bytes)
    const fs = createCrashFs({ seed: 'full', capacityBytes: 500_000 })
    const h = await openHarness({ world: { fs, db: await createCrashLevel({ seed: 'full', faults: fs.faults }) } })
    await h.provider.accept(deal)
    fs.plant('in/a', big.bytes)
    fs.plant('in/rest', new Uint8Array(500_000 - big.bytes.byteLength - 1000))
    expect(await codeOf(h.provider.importData(deal.proposalCid, { path: 'in/a' }))).toBe('IO_FULL')
    expect(await h.provider.deal(deal.proposalCid)).toMatchObject({ state: 'StorageDealWaitingForData' })
    expect(staged(h)).toEqual([])
    await fs.directory.remove('in/rest')
    expect(await h.provider.importData(deal.proposalCid, { path: 'in/a' })).toMatchObject({ state: 'StorageDealStaged' })
    await h.close()
  })

  it('compares whatever it is given with the piece: only bytes of that commitment are taken', async () => {
    const h = await openHarness()
    let at = 0
    await fc.assert(fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 2000 }), fc.nat(), fc.integer({ min: 0, max: 255 }), async (bytes, place, flip) => {
      const changed = bytes.slice()
      changed[place % changed.byteLength]! ^= flip
      const deal = dealOf(`p${at++}`, bytes)
      await h.provider.accept(deal)
      h.fs.plant('in/a', changed)
      const code = await codeOf(h.provider.importData(deal.proposalCid, { path: 'in/a', mode: 'borrow' }))
      expect(code).toBe(proposalOf(changed).pieceCid.equals(deal.proposal.pieceCid) ? undefined : 'DEAL_PIECE_MISMATCH')
    }), { numRuns: 60 })
    await h.close()
  })
})

describe('accepting a deal', () => {
  it('is durable, refuses what is no proposal, and changes nothing the second time', async () => {
    const h = await openHarness()
    const deal = dealOf('a', car.bytes, { dealId: 2n ** 63n, clientSignature: { type: 1, data: Uint8Array.of(1, 2, 3) }, clientPeer: '12D3Koo' })
    const first = await h.provider.accept(deal)
    expect(await h.provider.accept(deal)).toEqual(first)
    expect(await codeOf(h.provider.accept({ ...deal, dealId: 9n }))).toBe('DEAL_EXISTS')
    expect(await codeOf(h.provider.accept(dealOf('b', car.bytes, { dealId: 2n ** 63n })))).toBe('DEAL_EXISTS')
    expect(await codeOf(h.provider.accept({ ...deal, proposal: { ...deal.proposal, pieceSize: 100 } }))).toBe('DEAL_BAD_PROPOSAL')
    for (const dealId of [-1n, 2n ** 64n]) {
      expect(await codeOf(h.provider.accept(dealOf('d', car.bytes, { dealId })))).toBe('DEAL_BAD_PROPOSAL')
      expect(await h.provider.deal(dealId)).toBeUndefined()
    }
    expect(await codeOf(h.provider.accept(dealOf('d', car.bytes, { clientSignature: { type: -1, data: new Uint8Array(0) } })))).toBe('DEAL_BAD_PROPOSAL')
    expect(await codeOf(h.provider.accept(dealOf('c', car.bytes, { transferType: 'graphsync' })))).toBe('DEAL_NO_TRANSFER')
    const next = await h.reopen()
    expect(await next.provider.deal(2n ** 63n)).toEqual(first)
    expect(await collect(next.provider.deals({ states: ['StorageDealActive'] }))).toEqual([])
    expect(await collect(next.provider.deals({ states: ['StorageDealWaitingForData'] }))).toEqual([first])
    await next.close()
  })
})
