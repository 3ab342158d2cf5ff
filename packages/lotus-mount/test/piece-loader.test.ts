import { seededRandom } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { createPieceLoader, type PieceSource } from '../src/index.ts'
import { ioError, makePiece, testSource } from './pieces.ts'

const piece = makePiece(1)
const other = makePiece(2)
const two = (): [ReturnType<typeof testSource>, ReturnType<typeof testSource>] => [testSource('near', 1, [piece]), testSource('far', 10, [piece])]

describe('stat of a piece loader', () => {
  it('says the size of the unpadded piece, for both versions of its CID', async () => {
    const loader = createPieceLoader([testSource('a', 0, [piece])])
    for (const name of [piece.v1, piece.v1.bytes]) expect(await loader.stat(name)).toEqual({ unsealed: 'yes', pieceBytes: 2032 })
    // which says the size of the payload too
    for (const name of [piece.v2, piece.v2.bytes]) expect(await loader.stat(name)).toEqual({ unsealed: 'yes', pieceBytes: 2032, payloadBytes: 1500 })
  })

  it.each([
    ['yes as soon as one has it', ['sealed', 'yes'], 'yes'],
    ['sealed when all say so', ['sealed', 'sealed'], 'sealed'],
    ['lost when no copy is anywhere', ['lost', 'lost'], 'lost'],
    ['sealed when one has a sealed copy', ['lost', 'sealed'], 'sealed'],
    ['unknown when one could not look', ['sealed', 'unknown'], 'unknown'],
    ['unknown when one could not look, and the other has lost it', ['lost', 'unknown'], 'unknown'],
  ] as const)('says %s', async (_, [near, far], wanted) => {
    const [a, b] = two()
    a.unsealed = near
    b.unsealed = far
    expect((await createPieceLoader([a, b]).stat(piece.v1)).unsealed).toBe(wanted)
  })

  it('says unknown when the others are sealed and one did not answer', async () => {
    const [a, b] = two()
    a.unsealed = 'sealed'
    b.broken = ioError('IO_FAILED')
    expect((await createPieceLoader([a, b]).stat(piece.v1)).unsealed).toBe('unknown')
  })

  it('asks the cheapest first, whatever the order given, then as many as it may, and stops at the first yes', async () => {
    const asked: string[] = []
    const sources = [['c', 5], ['a', -1], ['b', 0]].map(([name, cost]): PieceSource => ({
      ...testSource(String(name), Number(cost), []),
      stat: async () => {
        asked.push(String(name))
        return { unsealed: name === 'b' ? 'yes' : 'unknown', pieceBytes: 127 }
      },
    }))
    await createPieceLoader(sources, { probeConcurrency: 1 }).stat(piece.v1)
    expect(asked).toEqual(['a', 'b'])
    asked.length = 0
    await createPieceLoader(sources, { probeConcurrency: 2 }).stat(piece.v1)
    expect(asked).toEqual(['a', 'b', 'c'])
  })

  it('proves absence only when everybody answered', async () => {
    const [a, b] = [testSource('near', 1, []), testSource('far', 10, [])]
    const loader = createPieceLoader([a, b])
    await expect(loader.stat(piece.v1)).rejects.toMatchObject({ name: 'PieceLoaderError', code: 'PIECE_UNKNOWN', retry: 'never', piece: piece.v1.toString() })
    await expect(loader.open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_UNKNOWN', retry: 'never' })
    const error = ioError('IO_FAILED')
    b.broken = error
    await expect(loader.stat(piece.v1)).rejects.toMatchObject({ code: 'PIECE_UNKNOWN', retry: 'later', cause: { errors: [error] } })
    a.broken = ioError('IO_FORBIDDEN', 'never')
    await expect(loader.stat(piece.v1)).rejects.toMatchObject({ code: 'PIECE_NO_SOURCE', retry: 'later', cause: { errors: [a.broken, error] } })
    b.broken = ioError('IO_FORBIDDEN', 'never')
    await expect(loader.stat(piece.v1)).rejects.toMatchObject({ code: 'PIECE_NO_SOURCE', retry: 'never' })
  })

  it('has nothing to ask without sources', async () => {
    await expect(createPieceLoader([]).stat(piece.v1)).rejects.toMatchObject({ code: 'PIECE_NO_SOURCE' })
    await expect(createPieceLoader([]).open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_NO_SOURCE' })
  })

  it('refuses what is no piece CID', async () => {
    const loader = createPieceLoader([testSource('a', 0, [])])
    await expect(loader.stat(Uint8Array.of(1, 2))).rejects.toMatchObject({ code: 'PIECE_BAD_CID' })
    await expect(loader.open(Uint8Array.of(1, 2))).rejects.toMatchObject({ code: 'PIECE_BAD_CID' })
  })
})

describe('open of a piece loader', () => {
  it('gives the whole piece under its CID, from the cheapest source', async () => {
    const [near, far] = two()
    const source = await createPieceLoader([far, near]).open(piece.v2)
    expect(source.identity).toEqual({ kind: 'content', cid: piece.v1.toString(), sizeBytes: 2032 })
    expect(source.cost.seekBytes).toBe(1)
    expect(await source.read(0, 2032)).toEqual(piece.bytes)
    expect(await source.read(1499, 2)).toEqual(Uint8Array.of(piece.payload[1499] as number, 0))
    await expect(source.read(2032, 1)).rejects.toMatchObject({ code: 'IO_OUT_OF_RANGE' })
    expect([near.opens, far.opens]).toEqual([1, 0])
    await source.close()
    await source.close()
    expect([near.closes, near.openNow]).toEqual([1, 0])
    await expect(source.read(0, 1)).rejects.toMatchObject({ code: 'IO_CLOSED' })
    expect(() => source.peek(0, 1)).toThrow(expect.objectContaining({ code: 'IO_CLOSED' }))
  })

  it('passes over sources that have not got it, or fail', async () => {
    const [near, far] = two()
    const broken = testSource('broken', 0, [piece])
    broken.broken = ioError('IO_FAILED')
    near.pieces = [other]
    const source = await createPieceLoader([broken, near, far]).open(piece.v1)
    expect(await source.read(5, 5)).toEqual(piece.bytes.slice(5, 10))
    await source.close()
    expect(far.closes).toBe(1)
  })

  it('gives the failures of all when nobody can open it', async () => {
    const [near, far] = two()
    near.broken = ioError('IO_FORBIDDEN', 'never')
    far.broken = ioError('IO_FAILED', 'later')
    await expect(createPieceLoader([near, far]).open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_NO_SOURCE', retry: 'later', cause: { errors: [near.broken, far.broken] } })
    far.broken = ioError('IO_FAILED', 'never')
    await expect(createPieceLoader([near, far]).open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_NO_SOURCE', retry: 'never' })
  })

  it('calls a piece sealed when only sealed copies are known', async () => {
    const [near, far] = two()
    near.unsealed = 'sealed'
    far.pieces = []
    await expect(createPieceLoader([near, far]).open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_SEALED', retry: 'later' })
    near.unsealed = 'unknown'
    await expect(createPieceLoader([near, far]).open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_NO_SOURCE', retry: 'later' })
  })

  it('refuses a source that gives a piece of another size', async () => {
    const [near, far] = two()
    near.bytes = piece.payload
    const loader = createPieceLoader([near, far])
    // a v2 CID says the size
    const source = await loader.open(piece.v2)
    expect(source.sizeBytes).toBe(2032)
    await source.close()
    expect([near.closes, near.openNow, far.openNow]).toEqual([1, 0, 0])
    far.bytes = piece.payload
    await expect(loader.open(piece.v2)).rejects.toMatchObject({ code: 'PIECE_NO_SOURCE', cause: { errors: [{ code: 'IO_SOURCE_CHANGED' }, { code: 'IO_SOURCE_CHANGED' }] } })
    expect([near.openNow, far.openNow]).toEqual([0, 0])
  })

  it('rejects with the reason of an abort, and leaves nothing open', async () => {
    const [near, far] = two()
    const loader = createPieceLoader([near, far])
    await expect(loader.open(piece.v1, { signal: AbortSignal.abort('early') })).rejects.toBe('early')
    await expect(loader.stat(piece.v1, { signal: AbortSignal.abort('early') })).rejects.toBe('early')
    const aborting = new AbortController()
    let release = (): void => {}
    near.gate = new Promise((resolve) => { release = resolve })
    const opening = loader.open(piece.v1, { signal: aborting.signal })
    aborting.abort('waiting')
    release()
    await expect(opening).rejects.toBe('waiting')
    expect([near.openNow, far.openNow]).toEqual([0, 0])
  })

  it('closes a source that opens in spite of an abort', async () => {
    const [near] = two()
    const aborting = new AbortController()
    const deaf: PieceSource = {
      ...near,
      open: async (cid) => {
        const opened = await near.open(cid)
        aborting.abort('stop')
        return opened
      },
    }
    await expect(createPieceLoader([deaf]).open(piece.v1, { signal: aborting.signal })).rejects.toBe('stop')
    expect([near.opens, near.openNow]).toEqual([1, 0])
  })

  it('closes what is open when it is closed, once, and refuses more', async () => {
    const [near, far] = two()
    const loader = createPieceLoader([near, far])
    const first = await loader.open(piece.v1)
    const second = await loader.open(piece.v1)
    await first.close()
    await loader.close()
    await loader[Symbol.asyncDispose]()
    await expect(second.read(0, 1)).rejects.toMatchObject({ code: 'IO_CLOSED' })
    await second.close()
    expect([near.opens, near.closes, near.openNow]).toEqual([2, 2, 0])
    await expect(loader.open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_LOADER_CLOSED' })
    await expect(loader.stat(piece.v1)).rejects.toMatchObject({ code: 'PIECE_LOADER_CLOSED' })
  })

  it('closes a piece that is still opening when it is closed', async () => {
    const [near] = two()
    let release = (): void => {}
    near.gate = new Promise((resolve) => { release = resolve })
    const loader = createPieceLoader([near])
    const opening = loader.open(piece.v1)
    await loader.close()
    release()
    await expect(opening).rejects.toMatchObject({ code: 'PIECE_LOADER_CLOSED' })
    expect(near.openNow).toBe(0)
  })
})

describe('reads of an open piece', () => {
  it.each(['IO_SOURCE_LOST', 'IO_FAILED', 'IO_TRUNCATED', 'IO_FORBIDDEN', 'IO_NOT_FOUND', 'IO_SOURCE_CHANGED'] as const)('go on at the next source after %s', async (code) => {
    const [near, far] = two()
    const source = await createPieceLoader([near, far]).open(piece.v1)
    expect(await source.read(0, 10)).toEqual(piece.bytes.slice(0, 10))
    near.lost = ioError(code)
    expect(await source.read(10, 10)).toEqual(piece.bytes.slice(10, 20))
    expect(await source.read(20, 10)).toEqual(piece.bytes.slice(20, 30))
    expect(source.cost.seekBytes).toBe(10)
    expect([near.openNow, far.opens, far.openNow]).toEqual([0, 1, 1])
    await source.close()
    expect([near.openNow, far.openNow]).toEqual([0, 0])
  })

  it('open a source once more when it says that its bytes changed, before the next one', async () => {
    const [near, far] = two()
    const source = await createPieceLoader([near, far]).open(piece.v1)
    near.lost = ioError('IO_SOURCE_CHANGED')
    const open = near.open
    near.open = async (...args) => { near.lost = undefined; return open(...args) }
    expect(await source.read(0, 10)).toEqual(piece.bytes.slice(0, 10))
    expect([near.opens, near.openNow, far.opens]).toEqual([2, 1, 0])
    await source.close()
  })

  it('are lost when all sources are, and tried anew with the next read', async () => {
    const [near, far] = two()
    const source = await createPieceLoader([near, far]).open(piece.v1)
    near.lost = ioError('IO_SOURCE_LOST', 'never')
    far.broken = ioError('IO_FAILED', 'later')
    await expect(source.read(0, 1)).rejects.toMatchObject({ code: 'IO_SOURCE_LOST', retry: 'later', cause: { errors: [near.lost, far.broken] } })
    far.broken = undefined
    far.pieces = []
    await expect(source.read(0, 1)).rejects.toMatchObject({ code: 'IO_SOURCE_LOST', cause: { errors: [near.lost, { code: 'IO_SOURCE_LOST' }] } })
    near.lost = undefined
    expect(await source.read(0, 1)).toEqual(piece.bytes.slice(0, 1))
    await source.close()
    expect([near.openNow, far.openNow]).toEqual([0, 0])
  })

  it('pass errors on that have nothing to do with the source', async () => {
    const [near, far] = two()
    const source = await createPieceLoader([near, far]).open(piece.v1)
    const bug = new TypeError('a bug')
    near.lost = bug
    await expect(source.read(0, 1)).rejects.toBe(bug)
    expect(far.opens).toBe(0)
    await source.close()
  })

  it('refuse a next source of another size', async () => {
    const [near, far] = two()
    const source = await createPieceLoader([near, far]).open(piece.v1)
    near.lost = ioError('IO_SOURCE_LOST')
    far.bytes = piece.payload
    await expect(source.read(0, 1)).rejects.toMatchObject({ code: 'IO_SOURCE_LOST', cause: { errors: [near.lost, { code: 'IO_SOURCE_CHANGED' }] } })
    expect(far.openNow).toBe(0)
    await source.close()
  })

  it('exchange the source once for all that are under way', async () => {
    const [near, far] = two()
    const source = await createPieceLoader([near, far]).open(piece.v1)
    near.lost = ioError('IO_SOURCE_LOST')
    const reads = await Promise.all(Array.from({ length: 50 }, (_, at) => source.read(at * 10, 10)))
    expect(reads).toEqual(Array.from({ length: 50 }, (_, at) => piece.bytes.slice(at * 10, at * 10 + 10)))
    expect([near.openNow, far.opens]).toEqual([0, 1])
    await source.close()
  })

  it('withdraw at an abort without disturbing others', async () => {
    const [near, far] = two()
    const source = await createPieceLoader([near, far]).open(piece.v1)
    near.lost = ioError('IO_SOURCE_LOST')
    let release = (): void => {}
    far.gate = new Promise((resolve) => { release = resolve })
    const aborting = new AbortController()
    const leaving = source.read(0, 10, { signal: aborting.signal })
    const staying = source.read(10, 10)
    await Promise.resolve()
    aborting.abort('leave')
    await expect(leaving).rejects.toBe('leave')
    release()
    expect(await staying).toEqual(piece.bytes.slice(10, 20))
    expect(far.opens).toBe(1)
    await expect(source.read(0, 1, { signal: AbortSignal.abort('early') })).rejects.toBe('early')
    await source.close()
  })

  it('end when the piece is closed while its source is exchanged', async () => {
    const [near, far] = two()
    const source = await createPieceLoader([near, far]).open(piece.v1)
    near.lost = ioError('IO_SOURCE_LOST')
    let release = (): void => {}
    far.gate = new Promise((resolve) => { release = resolve })
    const reading = source.read(0, 10)
    reading.catch(() => {})
    await new Promise((resolve) => { setImmediate(resolve) })
    const closing = source.close()
    release()
    await closing
    await expect(reading).rejects.toMatchObject({ code: 'IO_CLOSED' })
    expect([near.openNow, far.openNow]).toEqual([0, 0])
  })

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('give the right bytes or say they are lost, whatever fails when (seed %d)', async (seed) => {
    const random = seededRandom(`loader/${seed}`)
    const sources = ['a', 'b', 'c'].map((name, at) => testSource(name, at, [piece]))
    const source = await createPieceLoader(sources).open(piece.v1)
    const outcomes = { read: 0, lost: 0 }
    for (let round = 0; round < 60; round++) {
      for (const one of sources) {
        one.lost = random.chance(0.4) ? ioError(random.pick(['IO_SOURCE_LOST', 'IO_SOURCE_CHANGED', 'IO_FAILED'])) : undefined
        one.broken = random.chance(0.2) ? ioError('IO_FAILED') : undefined
      }
      await Promise.all(Array.from({ length: random.int(6) + 1 }, async () => {
        const at = random.int(2000)
        const length = random.int(32)
        try {
          expect(await source.read(at, length)).toEqual(piece.bytes.slice(at, at + length))
          outcomes.read++
        } catch (error) {
          expect(error).toMatchObject({ code: 'IO_SOURCE_LOST' })
          outcomes.lost++
        }
      }))
      expect(sources.reduce((sum, { openNow }) => sum + openNow, 0)).toBeLessThanOrEqual(1)
    }
    await source.close()
    expect(outcomes.read).toBeGreaterThan(0)
    for (const one of sources) expect([one.openNow, one.closes]).toEqual([0, one.opens])
  })
})
