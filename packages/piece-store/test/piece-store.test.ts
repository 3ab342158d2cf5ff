import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parsePieceCid, pieceCidV1, pieceCidV2 } from '@dagstore/piece'
import { everyCrash, seededRandom } from '@dagstore-tooling/testkit'
import { ClassicLevel } from 'classic-level'
import { MemoryLevel } from 'memory-level'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createMemoryPieceStore, openPieceStore, type PieceLocation, type PieceRecord, type PieceStore } from '../src/index.ts'

const commitment = (at: number): Uint8Array => { const bytes = new Uint8Array(32).fill(at); bytes[31] = 0x3f; return bytes }
const piece = (at: number): CID => pieceCidV1(commitment(at))
const payload = (at: number): CID => CID.decode(Uint8Array.from([1, 0x55, 0x12, 0x20, ...new Uint8Array(32).fill(at)]))
const location = (sector: bigint, more: Partial<PieceLocation> = {}): PieceLocation => ({ miner: 1000n, sector, offsetPadded: 0, lengthPadded: 2048, payloadBytes: undefined, ...more })
const listed = async (store: PieceStore): Promise<PieceRecord[]> => {
  const all: PieceRecord[] = []
  for await (const record of store.list()) all.push(record)
  return all
}

interface Opened { readonly store: PieceStore, reopen(): Promise<PieceStore>, dispose(): Promise<void> }
const forms: Record<string, () => Promise<Opened>> = {
  'in memory': async () => {
    const store = createMemoryPieceStore()
    return { store, reopen: async () => store, dispose: async () => {} }
  },
  'on memory-level': async () => {
    const db = new MemoryLevel({ valueEncoding: 'json' })
    return { store: await openPieceStore(db), reopen: () => openPieceStore(db), dispose: () => db.close() }
  },
  'on classic-level': async () => {
    const folder = await mkdtemp(join(tmpdir(), 'piece-store-'))
    let db = new ClassicLevel(folder)
    return {
      store: await openPieceStore(db),
      reopen: async () => {
        await db.close()
        db = new ClassicLevel(folder)
        return openPieceStore(db)
      },
      dispose: async () => {
        await db.close()
        await rm(folder, { recursive: true })
      },
    }
  },
}

describe.each(Object.entries(forms))('piece store %s', (_, open) => {
  const test = (title: string, run: (opened: Opened) => Promise<void>): void => {
    it(title, async () => {
      const opened = await open()
      try {
        await run(opened)
      } finally {
        await opened.dispose()
      }
    })
  }

  test('knows nothing at first', async ({ store }) => {
    expect(await store.get(piece(1))).toEqual([])
    expect(await store.pieces(payload(1))).toEqual([])
    expect(await listed(store)).toEqual([])
  })

  test('gives back every field of a location, at its bounds too', async ({ store, reopen }) => {
    const locations = [
      location(0n, { miner: 0n, payloadBytes: 0 }),
      location(1n, { offsetPadded: 128, lengthPadded: 128, payloadBytes: 127 }),
      location(0xffff_ffff_ffff_ffffn, { miner: 0xffff_ffff_ffff_ffffn, offsetPadded: 2 ** 53 - 128, lengthPadded: 64 * 2 ** 30, payloadBytes: 64 * 2 ** 30 / 128 * 127 }),
    ]
    for (const one of seededRandom('order').shuffle(locations)) await store.add(piece(1), one)
    expect(await store.get(piece(1))).toEqual(locations)
    expect(await (await reopen()).get(piece(1))).toEqual(locations)
  })

  test('takes both versions of a piece CID, as object or bytes, for the same piece', async ({ store }) => {
    const v2 = pieceCidV2(commitment(1), 2000)
    await store.add(piece(1), location(1n))
    await store.add(v2.bytes, location(2n))
    const wanted = [location(1n), location(2n, { payloadBytes: 2000 })]
    for (const name of [piece(1), piece(1).bytes, v2, v2.bytes, { bytes: v2.bytes }]) expect(await store.get(name)).toEqual(wanted)
    expect((await listed(store)).map((record) => record.piece.toString())).toEqual([piece(1).toString()])
    await store.remove(v2, location(1n))
    expect(await store.get(piece(1))).toEqual([wanted[1]])
  })

  test('adds twice as once', async ({ store }) => {
    await Promise.all([1, 2, 3].map(() => store.add(piece(1), location(1n))))
    expect(await store.get(piece(1))).toEqual([location(1n)])
  })

  test('keeps a known payload size, and takes a new one', async ({ store }) => {
    const known = location(1n, { payloadBytes: 1500 })
    await store.add(piece(1), location(1n))
    await Promise.all([store.add(piece(1), known), store.add(piece(1), location(1n))])
    expect(await store.get(piece(1))).toEqual([known])
    await store.add(piece(1), location(1n, { payloadBytes: 1501 }))
    expect(await store.get(piece(1))).toEqual([location(1n, { payloadBytes: 1501 })])
  })

  test('removes one copy, and takes a missing one as done', async ({ store }) => {
    await store.add(piece(1), location(1n, { payloadBytes: 9 }))
    await store.add(piece(1), location(2n))
    await store.remove(piece(1), location(1n))
    await store.remove(piece(1), location(1n))
    await store.remove(piece(2), location(1n))
    expect(await store.get(piece(1))).toEqual([location(2n)])
    await store.remove(piece(1), location(2n))
    expect(await listed(store)).toEqual([])
  })

  test('lists pieces in the order of their commitments, each with its locations', async ({ store }) => {
    for (const at of [200, 3, 255, 1, 128]) await store.add(piece(at), location(BigInt(at)))
    await store.add(piece(3), location(1n))
    await store.addPayload(payload(1), piece(7))
    const records = await listed(store)
    expect(records.map((record) => parsePieceCid(record.piece).commitment[0])).toEqual([1, 3, 128, 200, 255])
    expect(records[1]?.piece.toString()).toBe(piece(3).toString())
    expect(records[1]?.locations).toEqual([location(1n), location(3n)])
  })

  test('lists many locations of one piece, and stops at an abort', async ({ store }) => {
    for (let at = 0; at < 600; at++) await store.add(piece(1), location(BigInt(at)))
    await store.add(piece(2), location(1n))
    expect((await listed(store)).map((record) => record.locations.length)).toEqual([600, 1])
    expect((await store.get(piece(1))).length).toBe(600)
    await expect(store.list({ signal: AbortSignal.abort('early') })[Symbol.asyncIterator]().next()).rejects.toBe('early')
    const aborting = new AbortController()
    const listing = (async () => { for await (const _record of store.list({ signal: aborting.signal })) aborting.abort('enough') })()
    await expect(listing).rejects.toBe('enough')
  })

  test('links payloads to pieces, whatever the codec and version of the CID', async ({ store }) => {
    const other = CID.createV1(0x70, payload(1).multihash)
    await store.addPayload(payload(1), piece(2))
    await store.addPayload(other.bytes, pieceCidV2(commitment(1), 100))
    await store.addPayload(payload(1), piece(2))
    await store.addPayload(payload(2), piece(9))
    for (const cid of [payload(1), other, CID.createV0(other.multihash as Parameters<typeof CID.createV0>[0])]) {
      expect((await store.pieces(cid)).map(String)).toEqual([piece(1).toString(), piece(2).toString()])
    }
    const payloads = async (): Promise<string[]> => {
      const texts: string[] = []
      for await (const multihash of store.payloads()) texts.push(Buffer.from(multihash).toString('hex'))
      return texts
    }
    expect(await payloads(), 'each once').toEqual([payload(1), payload(2)].map(({ multihash }) => Buffer.from(multihash.bytes).toString('hex')).sort())
    await store.removePayload(other, piece(1))
    await store.removePayload(other, piece(1))
    expect((await store.pieces(payload(1))).map(String)).toEqual([piece(2).toString()])
  })

  test('D24: tells apart payloads of which one begins like another, and those that a path would merge', async ({ store }) => {
    const identity = (text: string): Uint8Array => Uint8Array.from([1, 0x55, 0, text.length, ...new TextEncoder().encode(text)])
    await store.addPayload(identity('a//b'), piece(1))
    await store.addPayload(identity('a/b/'), piece(2))
    await store.addPayload(identity(''), piece(3))
    await store.addPayload(identity('x'.repeat(127)), piece(4))
    for (const [at, text] of ['a//b', 'a/b/', '', 'x'.repeat(127)].entries()) expect((await store.pieces(identity(text))).map(String)).toEqual([piece(at + 1).toString()])
    expect(await store.pieces(identity('a'))).toEqual([])
  })

  test('refuses what is no piece CID or no CID, by code', async ({ store }) => {
    const bad = { name: 'PieceStoreError', code: 'PIECE_STORE_BAD_CID' }
    for (const cid of [payload(1), payload(1).bytes, Uint8Array.of(1, 2, 3), new Uint8Array(0)]) {
      await expect(store.get(cid)).rejects.toMatchObject(bad)
      await expect(store.add(cid, location(1n))).rejects.toMatchObject(bad)
      await expect(store.remove(cid, location(1n))).rejects.toMatchObject(bad)
      await expect(store.addPayload(payload(1), cid)).rejects.toMatchObject(bad)
      await expect(store.removePayload(payload(1), cid)).rejects.toMatchObject(bad)
    }
    await expect(store.pieces(Uint8Array.of(9))).rejects.toMatchObject(bad)
    await expect(store.addPayload(Uint8Array.of(9), piece(1))).rejects.toMatchObject(bad)
    await expect(store.pieces({ multihash: { bytes: new Uint8Array(70_000) } })).rejects.toMatchObject(bad)
  })

  it.each<[string, Partial<PieceLocation>]>([
    ['a negative miner', { miner: -1n }],
    ['a miner above u64', { miner: 2n ** 64n }],
    ['a sector that is a number', { sector: 1 as unknown as bigint }],
    ['an offset inside a chunk', { offsetPadded: 64 }],
    ['a negative offset', { offsetPadded: -128 }],
    ['an offset above 2^53', { offsetPadded: 2 ** 60 }],
    ['a length that is no power of two', { lengthPadded: 384 }],
    ['a length of nothing', { lengthPadded: 0 }],
    ['a length above 64 GiB', { lengthPadded: 2 ** 37 }],
    ['a payload longer than the piece', { payloadBytes: 2033 }],
    ['a negative payload', { payloadBytes: -1 }],
  ])('refuses %s', async (__, fields) => {
    const { store, dispose } = await open()
    await expect(store.add(piece(1), location(1n, fields))).rejects.toBeInstanceOf(RangeError)
    expect(await listed(store)).toEqual([])
    await dispose()
  })

  test('refuses a location that contradicts what a v2 CID says', async ({ store }) => {
    const v2 = pieceCidV2(commitment(1), 2000)
    await expect(store.add(v2, location(1n, { lengthPadded: 4096 }))).rejects.toBeInstanceOf(RangeError)
    await expect(store.add(v2, location(1n, { payloadBytes: 1999 }))).rejects.toBeInstanceOf(RangeError)
  })
})

describe('piece store in a database', () => {
  it('counts copies that are added through any object on it, and nothing else', async () => {
    const db = new MemoryLevel()
    const [store, other] = [await openPieceStore(db), await openPieceStore(db)]
    const grows = async (work: () => Promise<void>): Promise<number> => {
      const before = store.additions()
      await work()
      expect(other.additions()).toBe(store.additions())
      return store.additions() - before
    }
    expect(await grows(() => store.add(piece(1), location(1n)))).toBe(1)
    expect(await grows(() => other.add(piece(2), location(2n)))).toBe(1)
    expect(await grows(() => other.addMany([{ piece: piece(3), location: location(3n) }]))).toBe(1)
    for (const nothing of [
      () => other.add(piece(1), location(1n)), () => store.add(piece(1), location(1n, { payloadBytes: 7 })), () => store.addMany([{ piece: piece(3), location: location(3n) }]),
      () => store.addMany([]), () => store.remove(piece(2), location(2n)), () => store.addPayload(payload(1), piece(1)), () => store.removePayload(payload(1), piece(1)),
    ]) expect(await grows(nothing)).toBe(0)
  })

  it('says damaged records by code, whatever is wrong with them', async () => {
    const db = new MemoryLevel()
    const store = await openPieceStore(db)
    const level = db.sublevel<Uint8Array, Uint8Array>('piece-store', { keyEncoding: 'view', valueEncoding: 'view' })
    const damaged = { name: 'PieceStoreError', code: 'PIECE_STORE_DAMAGED' }
    const keys = { short: 40, size: 65, value: 65, huge: 65, payload: 65 }
    for (const [at, [what, length]] of Object.entries(keys).entries()) {
      const key = new Uint8Array(length)
      key.set([0x70, ...commitment(at)])
      if (length === 65) key.set([0, 0, 0, 0, 0, 0, 8, 0], 57)
      if (what === 'size') key[64] = 1
      await level.put(key, what === 'value' ? Uint8Array.of(1) : what === 'huge' ? new Uint8Array(8).fill(255) : what === 'payload' ? Uint8Array.of(0, 0, 0, 0, 0, 0, 255, 0) : new Uint8Array(0))
      await expect(store.get(piece(at))).rejects.toMatchObject(damaged)
      await expect(listed(store)).rejects.toMatchObject(damaged)
      await level.del(key)
    }
    await level.put(Uint8Array.of(0x63, 0, 34, ...payload(1).multihash.bytes, 1), new Uint8Array(0))
    await expect(store.pieces(payload(1))).rejects.toMatchObject(damaged)
    await expect((async () => { for await (const multihash of store.payloads()) expect(multihash).toBeDefined() })()).rejects.toMatchObject(damaged)
  })

  it('puts no value without bytes, whose memory classic-level never frees, and reads those of earlier versions', async () => {
    const db = new MemoryLevel()
    const store = await openPieceStore(db)
    await store.add(piece(1), location(1n))
    await store.addMany([{ piece: piece(2), location: location(2n) }])
    await store.addPayload(payload(1), piece(1))
    const level = db.sublevel<Uint8Array, Uint8Array>('piece-store', { keyEncoding: 'view', valueEncoding: 'view' })
    const rows = await level.iterator().all()
    expect(rows.map(([, value]) => value.byteLength)).toEqual([1, 1, 1, 1])
    for (const [key] of rows.slice(0, 3)) await level.put(key, new Uint8Array(0))
    expect(await store.get(piece(1))).toEqual([location(1n)])
    expect(await store.get(piece(2))).toEqual([location(2n)])
    expect((await store.pieces(payload(1))).map(String)).toEqual([piece(1).toString()])
  })

  it('writes nothing before the first change, and then says its version', async () => {
    const db = new MemoryLevel()
    const store = await openPieceStore(db)
    expect(await store.get(piece(1))).toEqual([])
    for await (const _ of store.list()) expect.unreachable()
    expect(await db.keys().all()).toEqual([])
    await store.add(piece(1), location(1n))
    expect(await db.keys().all()).toHaveLength(2)
    expect(await (await openPieceStore(db)).get(piece(1))).toHaveLength(1)
  })

  it('refuses a store of a later version', async () => {
    const db = new MemoryLevel()
    await db.sublevel<string, Uint8Array>('piece-store', { valueEncoding: 'view' }).put('v', Uint8Array.of(2))
    await expect(openPieceStore(db)).rejects.toMatchObject({ code: 'PIECE_STORE_BAD_FORMAT' })
  })

  it('gives failures of the database one code, with the cause', async () => {
    const db = new MemoryLevel()
    const store = await openPieceStore(db)
    await db.close()
    const failed = { code: 'PIECE_STORE_FAILED', cause: expect.any(Error) as unknown }
    await expect(store.get(piece(1))).rejects.toMatchObject(failed)
    await expect(store.add(piece(1), location(1n))).rejects.toMatchObject(failed)
    await expect(store.remove(piece(1), location(1n))).rejects.toMatchObject(failed)
    await expect(listed(store)).rejects.toMatchObject(failed)
    await expect(openPieceStore(db)).rejects.toMatchObject(failed)
  })

  it('has what was acknowledged, wherever the process dies (seed pieces)', async () => {
    let acknowledged: string[] = []
    await everyCrash({
      seed: 'pieces',
      run: async ({ db }) => {
        acknowledged = []
        const store = await openPieceStore(db)
        await store.add(piece(1), location(1n))
        acknowledged.push('one')
        await store.add(piece(2), location(2n))
        await store.addPayload(payload(1), piece(2))
        acknowledged.push('payload')
        await store.remove(piece(1), location(1n))
        acknowledged.push('gone')
      },
      check: async ({ db }) => {
        const store = await openPieceStore(db)
        const one = (await store.get(piece(1))).length
        if (acknowledged.includes('one') && !acknowledged.includes('gone') && acknowledged.length === 1) expect(one).toBe(1)
        if (acknowledged.includes('payload')) expect((await store.pieces(payload(1))).map(String)).toEqual([piece(2).toString()])
        if (acknowledged.includes('gone')) expect(one).toBe(0)
      },
    })
  })

  it('writes the bytes of docs/formats/piece-store.md', async () => {
    const page = readFileSync(new URL('../../../docs/formats/piece-store.md', import.meta.url), 'utf8')
    const hexBlocks = [...page.matchAll(/^```hex\n(.*?)^```$/gmsu)].map(([, text = '']) => [...text.matchAll(/^(?:key|value)? *([0-9a-f]+)/gmu)].map(([, hex]) => hex).join(''))
    const db = new MemoryLevel()
    const store = await openPieceStore(db)
    await store.add(CID.parse('baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq'), { miner: 1000n, sector: 7n, offsetPadded: 8 * 2 ** 30, lengthPadded: 8 * 2 ** 30, payloadBytes: 5_000_000_000 })
    await store.addPayload(CID.parse('bafkqabdimfwgy'), CID.parse('baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq'))
    const found: string[] = []
    for await (const [key, value] of db.sublevel<Uint8Array, Uint8Array>('piece-store', { keyEncoding: 'view', valueEncoding: 'view' }).iterator()) {
      found.push(Buffer.from(key).toString('hex') + Buffer.from(value).toString('hex'))
    }
    expect(hexBlocks).toEqual([found[1], found[0]])
    expect(found[2]).toBe('7601')
  })
})
