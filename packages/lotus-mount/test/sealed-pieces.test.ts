import { setImmediate as turn } from 'node:timers/promises'
import { createFakeClock, type FakeClock } from '@dagstore-tooling/testkit'
import { createMemoryPieceStore } from '@dagstore/piece-store'
import { sectorFile } from '@dagstore-tooling/fixtures'
import { beforeEach, describe, expect, it } from 'vitest'
import { createPieceLoader, lotusMount, lotusUrl, type PieceLoader, sectorPieceSource } from '../src/index.ts'
import { ioError, makePiece, type TestSource, testSource } from './pieces.ts'
import { createShelf } from './sector-files.ts'

const piece = makePiece(1)
/** As long as the loader believes sources that do not say how long. */
const believed = (source: TestSource): TestSource => Object.assign(source, { absenceTtlMs: undefined })

describe('a piece of which only sealed copies are known', () => {
  let source: TestSource
  let unseals = 0
  beforeEach(() => {
    source = testSource('a', 0, [piece])
    source.unsealed = 'sealed'
    unseals = 0
    source.unseal = async () => {
      unseals++
      source.unsealed = 'yes'
      return true
    }
  })

  it('is refused, and nothing is unsealed, where nobody said otherwise', async () => {
    await expect(createPieceLoader([source]).open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_SEALED', retry: 'later' })
    expect(unseals).toBe(0)
    await expect(lotusMount(createPieceLoader([source])).mount(lotusUrl(piece.v1)).open()).rejects.toMatchObject({ code: 'MOUNT_UNREACHABLE' })
  })

  it('is unsealed once for all who want it, with queue', async () => {
    const loader = createPieceLoader([source], { sealed: 'queue' })
    const opened = await Promise.all([1, 2, 3].map(() => loader.open(piece.v1)))
    expect(unseals).toBe(1)
    expect(await opened[2]!.read(0, 10)).toEqual(piece.bytes.slice(0, 10))
    await loader.close()
  })

  it('is what the operator says, asked once for all', async () => {
    const asked: string[] = []
    let answer: 'reject' | 'queue' = 'reject'
    const loader = createPieceLoader([source], { sealed: 'ask', onSealed: async (name) => { asked.push(name); await turn(); return answer } })
    const refused = await Promise.allSettled([loader.open(piece.v1), loader.open(piece.v2)])
    expect(refused.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(asked).toEqual([piece.v1.toString()])
    answer = 'queue'
    await (await loader.open(piece.v1)).close()
    expect([asked.length, unseals]).toEqual([2, 1])
    await loader.close()
    expect(() => createPieceLoader([source], { sealed: 'ask' })).toThrow(TypeError)
  })

  it('is asked about, and unsealed, no longer than somebody wants it', async () => {
    const signals: AbortSignal[] = []
    const never = (signal: AbortSignal | undefined): Promise<never> => new Promise((_, reject) => {
      signals.push(signal!)
      signal!.addEventListener('abort', () => { reject(signal!.reason) })
    })
    source.unseal = (_, options) => never(options?.signal)
    for (const loader of [createPieceLoader([source], { sealed: 'queue' }), createPieceLoader([source], { sealed: 'ask', onSealed: (_, { signal }) => never(signal) })]) {
      const first = new AbortController()
      const second = new AbortController()
      const waits = [first, second].map(({ signal }) => loader.open(piece.v1, { signal }))
      for (let i = 0; i < 20; i++) await turn()
      first.abort('first')
      await expect(waits[0]).rejects.toBe('first')
      expect(signals.at(-1)?.aborted).toBe(false)
      second.abort('second')
      await expect(waits[1]).rejects.toBe('second')
      expect(signals.at(-1)?.aborted).toBe(true)
      const third = loader.open(piece.v1)
      for (let i = 0; i < 20; i++) await turn()
      await loader.close()
      await expect(third).rejects.toMatchObject({ code: 'PIECE_LOADER_CLOSED' })
      expect(signals.at(-1)?.aborted).toBe(true)
    }
  })

  it('says why it could not be unsealed', async () => {
    source.unseal = async () => { throw ioError('IO_FORBIDDEN', 'never') }
    const loader = createPieceLoader([source], { sealed: 'queue' })
    await expect(loader.open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_UNSEAL_FAILED', retry: 'never', cause: { errors: [{ code: 'IO_FORBIDDEN' }] } })
    await expect(lotusMount(loader).mount(lotusUrl(piece.v1)).open()).rejects.toMatchObject({ code: 'MOUNT_UNREACHABLE', retry: 'never', cause: { code: 'PIECE_UNSEAL_FAILED' } })
    source.unseal = async () => false
    await expect(loader.open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_SEALED' })
    source.unseal = async () => true // and yet it is not there
    await expect(loader.open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_SEALED' })
    await loader.close()
  })

  describe('while a source that may have it does not answer', () => {
    let other: TestSource
    let clock: FakeClock
    const loaderWith = (sealed: 'reject' | 'queue'): PieceLoader => createPieceLoader([source, other], { sealed, clock, patienceMs: 0 })
    const settle = async (): Promise<void> => { for (let i = 0; i < 40; i++) await turn() }
    beforeEach(() => {
      other = testSource('b', 1, [piece])
      other.broken = ioError('IO_FAILED')
      clock = createFakeClock()
    })

    it('is refused at once, unless it may be unsealed', async () => {
      await expect(loaderWith('reject').open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_NO_SOURCE', retry: 'later', cause: { errors: [{ code: 'IO_FAILED' }] } })
    })

    it('is not unsealed, and read there as soon as it answers', async () => {
      const opening = loaderWith('queue').open(piece.v1)
      await settle()
      await clock.advance(20_000)
      await settle()
      other.broken = undefined
      await clock.advance(20_000)
      const opened = await opening
      expect([opened.cost.seekBytes, unseals]).toEqual([1, 0])
      await opened.close()
    })

    it('is unsealed after a minute, and the next piece at once', async () => {
      const loader = loaderWith('queue')
      const opening = loader.open(piece.v1)
      for (let passed = 0; passed < 60_000; passed += 20_000) {
        await settle()
        expect(unseals).toBe(0)
        await clock.advance(20_000)
      }
      await (await opening).close()
      expect(unseals).toBe(1)
      source.unsealed = 'sealed'
      await (await loader.open(piece.v1)).close()
      expect(unseals).toBe(2)
      await loader.close()
    })

    it('is unsealed at once where it refuses for good', async () => {
      other.broken = ioError('IO_FORBIDDEN', 'never')
      await (await loaderWith('queue').open(piece.v1)).close()
      expect(unseals).toBe(1)
    })

    it('is unsealed after a minute where it answers for all pieces but this one', async () => {
      const elsewhere = makePiece(2)
      other.pieces.push(elsewhere)
      const { open } = other
      other.broken = undefined
      other.open = async (cid, call) => {
        if (cid.equals(piece.v1)) throw ioError('IO_FAILED')
        return open(cid, call)
      }
      const loader = loaderWith('queue')
      const opening = loader.open(piece.v1)
      for (let passed = 0; passed < 60_000; passed += 20_000) {
        await settle()
        await (await loader.open(elsewhere.v1)).close()
        await clock.advance(20_000)
      }
      await (await opening).close()
      expect(unseals).toBe(1)
      await loader.close()
    })

    it('is waited for no longer than somebody wants it', async () => {
      const stop = new AbortController()
      const opening = loaderWith('queue').open(piece.v1, { signal: stop.signal })
      await settle()
      stop.abort('enough')
      await expect(opening).rejects.toBe('enough')
      expect(unseals).toBe(0)
    })
  })

  it('is asked about only where somebody can unseal it', async () => {
    delete source.unseal
    let asked = 0
    await expect(createPieceLoader([source], { sealed: 'ask', onSealed: async () => { asked++; return 'queue' } }).open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_SEALED' })
    expect(asked).toBe(0)
  })

  it('is lost, and not unsealed, where no source knows of a sealed copy', async () => {
    source.unsealed = 'lost'
    source.explain = async () => 't01000 sector 42 @0: s-t01000-42 not in /mnt/a'
    const loader = createPieceLoader([source], { sealed: 'queue' })
    await expect(loader.open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_LOST', retry: 'later' })
    await expect(lotusMount(loader).mount(lotusUrl(piece.v1)).open()).rejects.toMatchObject({
      name: 'IoError', code: 'IO_SOURCE_LOST', retry: 'later', message: `t01000 sector 42 @0: s-t01000-42 not in /mnt/a; piece=${piece.v1}`, cause: { code: 'PIECE_LOST' },
    })
    expect(await lotusMount(loader).mount(lotusUrl(piece.v1)).stat()).toMatchObject({ exists: true, ready: false })
    expect(unseals).toBe(0)
  })

  it('comes from the copy that was unsealed, in the order of the records', async () => {
    const shelf = createShelf()
    const pieceStore = createMemoryPieceStore()
    for (const sector of [1n, 2n]) await pieceStore.add(piece.v1, { miner: 1000n, sector, offsetPadded: 0, lengthPadded: 2048, payloadBytes: undefined })
    const asked: bigint[] = []
    const loader = createPieceLoader([sectorPieceSource({
      pieceStore,
      openSectorFile: shelf.openSectorFile,
      unseal: async ({ sector }) => {
        asked.push(sector)
        if (sector === 1n) throw ioError('IO_FAILED')
        shelf.files.set('1000-2', sectorFile({ sectorBytes: 2048, pieces: [{ offset: 0, paddedBytes: 2048, payload: piece.payload }] }))
      },
    })], { sealed: 'queue' })
    const opened = await loader.open(piece.v1)
    expect(await opened.read(0, 100)).toEqual(piece.bytes.slice(0, 100))
    expect(asked).toEqual([1n, 2n])
    await loader.close()
  })
})

describe('what a source said to be absent', () => {
  it('is believed for a while, then asked again; at once, where somebody says otherwise', async () => {
    const clock = createFakeClock()
    const [near, far] = [believed(testSource('near', 0, [])), believed(testSource('far', 10, []))]
    let asked = 0
    const { stat, open } = far
    far.stat = (...call) => { asked++; return stat(...call) }
    far.open = (...call) => { asked++; return open(...call) }
    const loader = createPieceLoader([near, far], { negativeTtlMs: 60_000, clock, patienceMs: 0 })
    await expect(loader.open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_UNKNOWN', retry: 'never' })
    const first = asked
    for (let i = 0; i < 5; i++) await expect(loader.open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_UNKNOWN' })
    expect(asked).toBe(first)
    await clock.advance(60_000)
    far.pieces.push(piece)
    await (await loader.open(piece.v1)).close()

    far.pieces.length = 0
    await expect(loader.open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_UNKNOWN' })
    far.pieces.push(piece)
    await expect(loader.open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_UNKNOWN' })
    loader.forget(piece.v2)
    await (await loader.open(piece.v1)).close()
    loader.forget()
    await loader.close()
  })

  it('is asked of a source again as soon as another has the piece', async () => {
    const clock = createFakeClock()
    const near = believed(testSource('near', 0, []))
    const far = testSource('far', 10, [])
    const loader = createPieceLoader([near, far], { clock, patienceMs: 0 })
    await expect(loader.open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_UNKNOWN' })
    near.pieces.push(piece)
    await expect(loader.open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_UNKNOWN' })
    far.pieces.push(piece)
    await (await loader.open(piece.v1)).close()
    expect(near.opens).toBe(0)
    await (await loader.open(piece.v1)).close()
    expect(near.opens).toBe(1)
    await loader.close()
  })

  it('is never believed of local files: what was restored is read at once', async () => {
    const shelf = createShelf()
    const pieceStore = createMemoryPieceStore()
    await pieceStore.add(piece.v1, { miner: 1000n, sector: 1n, offsetPadded: 0, lengthPadded: 2048, payloadBytes: undefined })
    const loader = createPieceLoader([sectorPieceSource({ pieceStore, openSectorFile: shelf.openSectorFile })])
    await expect(loader.open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_LOST', retry: 'later', message: expect.stringContaining('t01000 sector 1 @0: s-t01000-1 not in ') })
    shelf.files.set('1000-1', sectorFile({ sectorBytes: 2048, pieces: [{ offset: 0, paddedBytes: 2048, payload: piece.payload }] }))
    await (await loader.open(piece.v1)).close()
    await loader.close()
  })
})

describe('a piece that comes while it is looked for', () => {
  it('is opened, where it was not there at first', async () => {
    const source = testSource('a', 0, [piece])
    source.unsealed = 'sealed'
    const { open } = source
    source.open = async (...call) => {
      const opened = await open(...call)
      source.unsealed = 'yes'
      return opened
    }
    const loader = createPieceLoader([source])
    await (await loader.open(piece.v1)).close()
    await loader.close()
  })

  it('is refused, where it is said to be there and never is', async () => {
    const source = testSource('a', 0, [piece])
    let opens = 0
    source.open = async () => { opens++; return undefined }
    await expect(createPieceLoader([source]).open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_NO_SOURCE', retry: 'later' })
    expect(opens).toBe(2)
  })
})
