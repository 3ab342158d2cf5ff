import { seededBytes } from '@dagstore-tooling/fixtures'
import { createBytesSource } from '@dagstore/io'
import { createMountRegistry } from '@dagstore/mounts'
import { mountSuite } from '@dagstore/mounts/suite'
import { pieceCidV1 } from '@dagstore/piece'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createPieceLoader, lotusMount, lotusUrl, type PieceLoader } from '../src/index.ts'
import { ioError, makePiece, type TestPiece, testSource } from './pieces.ts'

const piece = makePiece(1)
const unknown = makePiece(99)
const bad = ['lotus:', 'lotus://', `lotus:${piece.v1}`, `lotus:///${piece.v1}`, `lotus://${piece.v1}/x`, `lotus://${piece.v1}?x`, `lotus://${piece.v1}#x`, 'lotus://bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e', 'lotus://baga6ea4seaq', 'lotus://QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n']

mountSuite('pieces', { describe, it, expect }, {
  open: async () => {
    const held = new Map<string, Uint8Array>()
    let count = 0
    const loader = createPieceLoader([{
      name: 'shelf',
      cost: 0,
      stat: async (cid) => {
        const bytes = held.get(cid.toString())
        return bytes === undefined ? undefined : { unsealed: 'yes', pieceBytes: bytes.byteLength }
      },
      open: async (cid) => {
        const bytes = held.get(cid.toString())
        return bytes === undefined ? undefined : createBytesSource(bytes)
      },
    }])
    return {
      factory: lotusMount(loader),
      // the suite's bytes are no pieces, and need not be: who names a piece answers for it
      put: async (bytes) => {
        const cid = pieceCidV1(new Uint8Array(32).fill(++count))
        held.set(cid.toString(), bytes)
        return lotusUrl(cid)
      },
      missing: lotusUrl(unknown.v1),
      dispose: () => loader.close(),
    }
  },
  badUrls: bad,
  spellings: [
    [`lotus://${piece.v2}`, `lotus://${piece.v1}`],
    [`LOTUS://${piece.v1}/`, `lotus://${piece.v1}`],
    [`lotus://${piece.v1.toString()}`, `lotus://${piece.v1}`],
  ],
})

describe('lotusMount', () => {
  const mountOf = (pieces: TestPiece[]): { source: ReturnType<typeof testSource>, mount: ReturnType<ReturnType<typeof lotusMount>['mount']> } => {
    const source = testSource('a', 0, pieces)
    return { source, mount: createMountRegistry([lotusMount(createPieceLoader([source]))]).resolve(lotusUrl(piece.v2)) }
  }

  it('reads the piece in place, under its v1 CID', async () => {
    const { mount } = mountOf([piece])
    expect(mount.url).toBe(`lotus://${piece.v1}`)
    expect(await mount.stat()).toEqual({ exists: true, sizeBytes: 2032, ready: true, access: 'random' })
    const opened = await mount.open()
    if (opened.access !== 'random') throw new Error('not random')
    expect(opened.source.identity).toEqual({ kind: 'content', cid: piece.v1.toString(), sizeBytes: 2032 })
    expect(await opened.source.read(0, 2032)).toEqual(piece.bytes)
    await opened.source.close()
  })

  it('is not ready while only sealed copies are known, and cannot be reached', async () => {
    const { source, mount } = mountOf([piece])
    for (const unsealed of ['sealed', 'unknown'] as const) {
      source.unsealed = unsealed
      expect(await mount.stat()).toEqual({ exists: true, sizeBytes: 2032, ready: false, access: 'random' })
    }
    source.unsealed = 'sealed'
    await expect(mount.open()).rejects.toMatchObject({ name: 'MountError', code: 'MOUNT_UNREACHABLE', retry: 'later', cause: { code: 'PIECE_SEALED' } })
  })

  it('says missing only for proven absence', async () => {
    const { source, mount } = mountOf([])
    expect(await mount.stat()).toEqual({ exists: false, sizeBytes: undefined, ready: true, access: 'random' })
    await expect(mount.open()).rejects.toMatchObject({ code: 'MOUNT_MISSING', cause: { code: 'PIECE_UNKNOWN' } })
    source.broken = ioError('IO_FAILED', 'never')
    await expect(mount.stat()).rejects.toMatchObject({ code: 'MOUNT_UNREACHABLE', retry: 'never', cause: { code: 'PIECE_NO_SOURCE' } })
    await expect(mount.open()).rejects.toMatchObject({ code: 'MOUNT_UNREACHABLE', retry: 'never', cause: { code: 'PIECE_NO_SOURCE' } })
    const half = lotusMount(createPieceLoader([source, testSource('b', 1, [])])).mount(lotusUrl(piece.v1))
    await expect(half.stat()).rejects.toMatchObject({ code: 'MOUNT_UNREACHABLE', retry: 'later', cause: { code: 'PIECE_UNKNOWN' } })
  })

  it('takes any loader, and maps its errors by their codes', async () => {
    const failing = (error: unknown): Pick<PieceLoader, 'stat' | 'open'> => ({ stat: async () => { throw error }, open: async () => { throw error } })
    const codeFor = async (error: unknown): Promise<unknown> => lotusMount(failing(error)).mount(lotusUrl(piece.v1)).open().then(() => undefined, (thrown: { code?: string }) => thrown.code ?? thrown)
    expect(await codeFor(Object.assign(new Error('x'), { code: 'PIECE_UNKNOWN', retry: 'never' }))).toBe('MOUNT_MISSING')
    expect(await codeFor(Object.assign(new Error('x'), { code: 'PIECE_UNKNOWN' }))).toBe('MOUNT_UNREACHABLE')
    // of a storage that is not there nothing follows for the piece
    for (const error of [ioError('IO_NOT_FOUND', 'never'), Object.assign(new Error('x'), { code: 'PIECE_BAD_STORAGE', retry: 'never' })]) {
      expect(await codeFor(error)).toBe('MOUNT_UNREACHABLE')
      await expect(lotusMount(failing(error)).mount(lotusUrl(piece.v1)).stat()).rejects.toMatchObject({ code: 'MOUNT_UNREACHABLE', retry: 'later' })
    }
    expect(await codeFor(ioError('IO_FORBIDDEN'))).toBe('MOUNT_FORBIDDEN')
    expect(await codeFor(ioError('IO_FAILED'))).toBe('MOUNT_UNREACHABLE')
    const bug = new TypeError('a bug')
    expect(await codeFor(bug)).toBe(bug)
    expect(await codeFor('a reason')).toBe('a reason')
  })

  it('closes a source that arrives after an abort', async () => {
    const { source } = mountOf([piece])
    const aborting = new AbortController()
    const loader = createPieceLoader([source])
    const deaf: Pick<PieceLoader, 'stat' | 'open'> = {
      stat: loader.stat,
      open: async (cid) => {
        const opened = await loader.open(cid)
        aborting.abort('stop')
        return opened
      },
    }
    await expect(lotusMount(deaf).mount(lotusUrl(piece.v1)).open({ signal: aborting.signal })).rejects.toBe('stop')
    expect(source.openNow).toBe(0)
  })

  it('tells in the words of its sources where the piece is', async () => {
    const { mount, source } = mountOf([piece])
    expect(await mount.explain?.()).toBe('a: there')
    expect(await mountOf([]).mount.explain?.()).toBe('no record of it in a')
    const failing = { ...source, explain: async () => { throw ioError('IO_FAILED', 'later') } }
    expect(await lotusMount(createPieceLoader([failing])).mount(lotusUrl(piece.v1)).explain?.()).toMatch(/^a: /)
  })

  it('takes a URL as it is only where it is the one of its piece', () => {
    const factory = lotusMount({ stat: async () => { throw new Error('not asked') }, open: async () => { throw new Error('not asked') } })
    const letters = 'abcdefghijklmnopqrstuvwxyz234567'
    for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const url = lotusUrl(pieceCidV1(seededBytes(seed, 32)))
      expect(factory.mount(url).url).toBe(url)
      // each character of the CID replaced by each other one: a URL that is taken is that of the CID in it
      for (let at = 'lotus://'.length; at < url.length; at++) {
        const other = `${url.slice(0, at)}${letters[(seed * 7 + at) % 32]}${url.slice(at + 1)}`
        let taken: string
        try {
          taken = factory.mount(other).url
        } catch {
          continue
        }
        expect(taken).toBe(lotusUrl(CID.parse(other.slice('lotus://'.length))))
      }
    }
  })
})
