import { createMemoryPieceStore, type PieceStore } from '@dagstore/piece-store'
import { sectorFile } from '@dagstore-tooling/fixtures'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createPieceLoader, remoteSectors, type RemoteSectorsOptions } from '../src/index.ts'
import { makePiece } from './pieces.ts'
import { type ProviderServer, serveProvider, TOKEN } from './provider-server.ts'

const KIB = 1024
const neighbour = makePiece(2, 1000)
const piece = makePiece(1, 1000)
const big = makePiece(3, 500_000)
const SECTOR = 8 * KIB * KIB
const sector = (offsets: readonly number[]): Uint8Array => sectorFile({ sectorBytes: 2 * KIB, pieces: offsets.map((offset) => ({ offset, paddedBytes: KIB, payload: offset === 0 ? neighbour.payload : piece.payload })) })

describe('remoteSectors', () => {
  let server: ProviderServer
  let pieceStore: PieceStore
  beforeEach(async () => {
    server = await serveProvider()
    pieceStore = createMemoryPieceStore()
    await pieceStore.add(piece.v1, { miner: 1000n, sector: 7n, offsetPadded: KIB, lengthPadded: KIB, payloadBytes: 1000 })
    server.files.set('s-t01000-7', sector([0, KIB]))
  })
  afterEach(() => server.close())
  const sourceOf = (options: Partial<RemoteSectorsOptions> = {}): ReturnType<typeof remoteSectors> => remoteSectors({
    pieceStore,
    find: async (miner, number) => [{ url: `${server.url}/remote/${miner === 0n ? 'piece' : 'unsealed'}/s-t0${miner}-${number}` }],
    token: TOKEN,
    ...options,
  })

  it('gives the unpadded piece of a sector file on another machine, in one request', async () => {
    const opened = await sourceOf().open(piece.v1)
    expect(opened?.identity).toEqual({ kind: 'content', cid: piece.v1.toString(), sizeBytes: 1016 })
    expect(await opened!.read(0, 1016)).toEqual(piece.bytes)
    await opened!.close()
    expect(server.requests.map(({ path, range, status }) => [path, range, status])).toEqual([['/remote/unsealed/s-t01000-7', 'bytes=-4096', 206]])
  })

  it('L3: 18 - a ranged read of a remote sector asked for far more than was to be read: its end was taken for a length', async () => {
    const offset = 1_048_576
    server.files.set('s-t01000-8', sectorFile({ sectorBytes: SECTOR, pieces: [{ offset, paddedBytes: big.paddedBytes, payload: big.payload }, { offset: offset + big.paddedBytes, paddedBytes: KIB, payload: piece.payload }] }))
    await pieceStore.add(big.v1, { miner: 1000n, sector: 8n, offsetPadded: offset, lengthPadded: big.paddedBytes, payloadBytes: big.payload.byteLength })
    const opened = await sourceOf().open(big.v1)
    for (const [at, length] of [[0, 1], [126, 2], [1000, 254], [400_000, 1300], [big.bytes.byteLength - 5, 5]] as const) {
      server.requests.length = 0
      expect(await opened!.read(at, length)).toEqual(big.bytes.slice(at, at + length))
      const [first, last] = /^bytes=(\d+)-(\d+)$/u.exec(server.requests[0]?.range ?? '')!.slice(1).map(Number) as [number, number]
      expect([first, last]).toEqual([offset + Math.floor(at / 127) * 128, offset + Math.ceil((at + length) / 127) * 128 - 1])
      expect(server.requests).toHaveLength(1)
    }
    await opened!.close()
  })

  it('L3: 18 - a reader asked for a whole piece behind a seek, and gave bytes of the next piece', async () => {
    await pieceStore.add(neighbour.v1, { miner: 1000n, sector: 7n, offsetPadded: 0, lengthPadded: KIB, payloadBytes: 1000 })
    const opened = await sourceOf().open(neighbour.v1)
    expect(await opened!.read(1000, 16)).toEqual(new Uint8Array(16))
    await expect(opened!.read(1000, 1016)).rejects.toMatchObject({ code: 'IO_OUT_OF_RANGE' })
    await opened!.close()
  })

  it('is sealed where the list of ranges does not cover the piece, and unknown where the server does not say', async () => {
    expect(await sourceOf().stat(piece.v1)).toEqual({ unsealed: 'yes', pieceBytes: 1016, payloadBytes: 1000 })
    server.files.set('s-t01000-7', sector([0]))
    expect(await sourceOf().stat(piece.v1)).toMatchObject({ unsealed: 'sealed' })
    expect(await sourceOf().open(piece.v1)).toBeUndefined()
    server.files.delete('s-t01000-7') // answered by 500
    expect(await sourceOf().stat(piece.v1)).toMatchObject({ unsealed: 'unknown' })
    await expect(sourceOf().open(piece.v1)).rejects.toMatchObject({ code: 'IO_FAILED', retry: 'later' })
    expect(await sourceOf({ find: async () => [] }).stat(piece.v1)).toMatchObject({ unsealed: 'sealed' })
    expect(await sourceOf().stat(neighbour.v1)).toBeUndefined()
  })

  it('sends its token nowhere else, wherever the server redirects to', async () => {
    const other = await serveProvider()
    other.files.set('s-t01000-7', sector([0, KIB]))
    server.broken = { status: 302, headers: { location: `${other.url}/remote/unsealed/s-t01000-7` } }
    await expect(sourceOf().open(piece.v1)).rejects.toMatchObject({ code: 'IO_FAILED' })
    const find: RemoteSectorsOptions['find'] = async () => [{ url: `${server.url}/remote/unsealed/s-t01000-7`, sealProof: 8 }]
    expect(await sourceOf({ find }).stat(piece.v1)).toMatchObject({ unsealed: 'unknown' })
    expect(other.requests.map(({ authorization }) => authorization)).toEqual([undefined, undefined])
    await other.close()
  })

  it('asks the server what is allocated, in unpadded bytes, where the seal proof is known', async () => {
    const source = sourceOf({ find: async () => [{ url: `${server.url}/remote/unsealed/s-t01000-7`, sealProof: 5 }] })
    server.allocated.set('s-t01000-7', [{ start: 1016, length: 1016 }])
    expect(await source.stat(piece.v1)).toMatchObject({ unsealed: 'yes' })
    server.allocated.set('s-t01000-7', [{ start: 0, length: 1016 }])
    expect(await source.stat(piece.v1)).toMatchObject({ unsealed: 'sealed' })
    server.allocated.delete('s-t01000-7')
    expect(await source.stat(piece.v1)).toMatchObject({ unsealed: 'unknown' })
    expect(server.requests[0]?.path).toBe('/remote/unsealed/s-t01000-7/5/allocated/1016/1016')
  })

  it('takes the next URL, or the next copy, when one fails', async () => {
    const other = await serveProvider()
    other.files.set('s-t01000-7', sector([0, KIB]))
    const source = sourceOf({ find: async () => [server, other].map(({ url }) => ({ url: `${url}/remote/unsealed/s-t01000-7` })) })
    const opened = await source.open(piece.v1)
    server.broken = { status: 500 }
    server.lastModified = new Date(0)
    expect(await opened!.read(0, 1016)).toEqual(piece.bytes)
    await opened!.close()
    const again = await source.open(piece.v1)
    expect(await again!.read(0, 1016)).toEqual(piece.bytes)
    await again!.close()
    await other.close()
  })

  it('notices that the file was written to, and reads on only if the piece is still in it', async () => {
    server.files.set('s-t01000-9', sectorFile({ sectorBytes: SECTOR, pieces: [{ offset: 0, paddedBytes: big.paddedBytes, payload: big.payload }] }))
    await pieceStore.add(big.v1, { miner: 1000n, sector: 9n, offsetPadded: 0, lengthPadded: big.paddedBytes, payloadBytes: undefined })
    const loader = createPieceLoader([sourceOf()])
    const opened = await loader.open(big.v1)
    server.files.set('s-t01000-9', sectorFile({ sectorBytes: SECTOR, pieces: [{ offset: 0, paddedBytes: big.paddedBytes, payload: big.payload }, { offset: SECTOR / 2, paddedBytes: KIB, payload: piece.payload }] }))
    server.lastModified = new Date(Date.UTC(2026, 0, 2))
    expect(await opened.read(0, 5000)).toEqual(big.bytes.slice(0, 5000))
    server.files.set('s-t01000-9', sectorFile({ sectorBytes: SECTOR, pieces: [] }))
    server.lastModified = new Date(Date.UTC(2026, 0, 3))
    await expect(opened.read(5000, 5000)).rejects.toMatchObject({ code: 'IO_SOURCE_LOST', retry: 'later' })
    await opened.close()
    await loader.close()
  })

  it('reads parked pieces of Curio, raw, with the zeros behind them', async () => {
    await pieceStore.add(neighbour.v1, { miner: 0n, sector: 12n, offsetPadded: 0, lengthPadded: KIB, payloadBytes: 1000 })
    server.files.set('piece/s-t00-12', neighbour.payload)
    const opened = await sourceOf().open(neighbour.v1)
    expect(await opened!.read(0, 1016)).toEqual(neighbour.bytes)
    await opened!.close()
    // which nobody can unseal
    expect(await sourceOf({ unseal: async () => { throw new Error('asked') } }).unseal?.(neighbour.v1)).toBe(false)
    server.files.set('piece/s-t00-12', neighbour.payload.subarray(1)) // still being written
    await expect(sourceOf().open(neighbour.v1)).rejects.toMatchObject({ code: 'IO_FAILED', retry: 'later' })
  })

  it('L3: 17 - the token was printed: here it stands in a header alone, and in no message', async () => {
    let token = 'wrong-secret'
    const source = sourceOf({ token: () => token })
    const error = await source.open(piece.v1).catch((thrown: Error) => thrown)
    expect(error).toMatchObject({ code: 'IO_FAILED', retry: 'never', cause: { errors: [{ code: 'IO_FORBIDDEN' }] } })
    const told = (thrown: unknown): string => thrown instanceof Error ? `${thrown.stack} ${told(thrown.cause)} ${thrown instanceof AggregateError ? thrown.errors.map(told).join(' ') : ''}` : String(thrown)
    expect(told(error)).not.toContain('secret')
    expect(await source.explain?.(piece.v1)).not.toContain('secret')
    expect(server.requests.every(({ path }) => !path.includes('secret'))).toBe(true)
    // what no header may be is not repeated by the platform either
    token = 'secret\nwith more'
    expect(told(await source.open(piece.v1).catch((thrown: Error) => thrown))).not.toContain('secret')
    await expect(sourceOf({ find: async () => [{ url: 'no url with a secret' }] }).open(piece.v1)).rejects.toMatchObject({ code: 'IO_FAILED', cause: { errors: [{ message: 'no URL was found for a sector; sector=s-t01000-7' }] } })
    token = `${TOKEN}\n` // as it stands in a file
    const opened = await source.open(piece.v1)
    await opened?.close()
    expect(server.requests.at(-1)?.authorization).toBe(`Bearer ${TOKEN}`)
  })

  it('rejects with the reason of an abort', async () => {
    const signal = AbortSignal.abort('stop')
    await expect(sourceOf().open(piece.v1, { signal })).rejects.toBe('stop')
    await expect(sourceOf().stat(piece.v1, { signal })).rejects.toBe('stop')
    expect(server.requests).toEqual([])
  })
})
