/** Many copies in one write. */
import { everyCrash } from '@dagstore-tooling/testkit'
import { pieceCidV1, pieceCidV2 } from '@dagstore/piece'
import { MemoryLevel } from 'memory-level'
import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createMemoryPieceStore, openPieceStore, type PieceCopy, type PieceLocation, type PieceStore } from '../src/index.ts'

const commitment = (at: number): Uint8Array => { const bytes = new Uint8Array(32).fill(at); bytes[31] = 0x3f; return bytes }
const piece = (at: number): CID => pieceCidV1(commitment(at))
const location = (sector: bigint, payloadBytes?: number): PieceLocation => ({ miner: 1000n, sector, offsetPadded: 0, lengthPadded: 2048, payloadBytes })

describe.each<[string, () => Promise<PieceStore>]>([
  ['in memory', async () => createMemoryPieceStore()],
  ['on a database', () => openPieceStore(new MemoryLevel())],
  ['on a part of a database', () => openPieceStore(new MemoryLevel().sublevel('a').sublevel('b'))],
])('addMany of a piece store %s', (_, open) => {
  it('is as if each was added', async () => {
    const store = await open()
    await store.add(piece(2), location(1n, 100))
    await store.addMany([
      { piece: piece(1), location: location(1n) }, { piece: piece(1), location: location(2n) }, { piece: pieceCidV2(commitment(1), 2000), location: location(2n) },
      { piece: piece(1).bytes, location: location(2n) }, { piece: piece(2), location: location(1n) }, { piece: piece(2), location: location(2n, 100) },
    ])
    expect(await store.get(piece(1))).toEqual([location(1n), location(2n, 2000)])
    expect(await store.get(piece(2))).toEqual([location(1n, 100), location(2n, 100)])
    await store.addMany([{ piece: piece(2), location: location(1n, 99) }])
    expect((await store.get(piece(2)))[0]).toEqual(location(1n, 99))
    await store.addMany([])
  })

  it('adds none where one is wrong', async () => {
    const store = await open()
    await expect(store.addMany([{ piece: piece(1), location: location(1n) }, { piece: piece(1), location: { ...location(2n), lengthPadded: 100 } }])).rejects.toThrow(RangeError)
    await expect(store.addMany([{ piece: piece(1), location: location(1n) }, { piece: new Uint8Array(3), location: location(2n) }])).rejects.toMatchObject({ code: 'PIECE_STORE_BAD_CID' })
    expect(await store.get(piece(1))).toEqual([])
  })
})

const copies: readonly PieceCopy[] = Array.from({ length: 20 }, (_, at) => ({ piece: piece(at), location: location(BigInt(at)) }))

describe('addMany', () => {
  it('writes once, and not at all where it is repeated', async () => {
    const db = new MemoryLevel()
    const store = await openPieceStore(db)
    const writes: number[] = []
    db.on('write', (operations: readonly unknown[]) => { writes.push(operations.length) })
    await store.addMany(copies)
    await store.addMany(copies)
    expect(writes, 'the version, then all of them').toEqual([1, 20])
  })

  it('has written all or nothing when it is cut off', async () => {
    const cuts = await everyCrash({
      seed: 'add-many',
      run: async ({ db }) => { await (await openPieceStore(db)).addMany(copies) },
      check: async ({ db }, cut) => {
        const store = await openPieceStore(db)
        const found = (await Promise.all(copies.map((copy) => store.get(copy.piece)))).flat().length
        expect([0, 20]).toContain(found)
        if (cut === 2) expect(found).toBe(20)
      },
    })
    expect(cuts).toBe(2)
  })
})
