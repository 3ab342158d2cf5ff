import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createFakeClock } from '@dagstore-tooling/testkit'
import { createPieceLoader, type PieceSource, pieceServers } from '../src/index.ts'
import { makePiece } from './pieces.ts'
import { type ProviderServer, serveProvider } from './provider-server.ts'

const piece = makePiece(1, 1500) // 2032 unpadded

describe('pieceServers', () => {
  let server: ProviderServer
  let source: PieceSource
  beforeEach(async () => {
    server = await serveProvider()
    source = pieceServers([{ url: server.url }])[0]!
  })
  afterEach(() => server.close())

  it('reads a piece of booster-http by ranges, unencoded', async () => {
    server.pieces.set(`/piece/${piece.v1}`, piece.bytes)
    expect(await source.stat(piece.v1)).toEqual({ unsealed: 'yes', pieceBytes: 2032 })
    const opened = await source.open(piece.v1)
    expect(opened?.sizeBytes).toBe(2032)
    expect(await opened!.read(100, 1900)).toEqual(piece.bytes.slice(100, 2000))
    await opened!.close()
    expect(server.requests.map(({ range }) => range)).toEqual(['bytes=0-0', 'bytes=0-4095'])
    // fetch says it once more with every range
    for (const { encoding } of server.requests) expect(new Set(encoding?.split(', '))).toEqual(new Set(['identity']))
  })

  it('sends headers with credentials nowhere else, and follows redirects', async () => {
    const other = await serveProvider()
    other.pieces.set(`/piece/${piece.v1}`, piece.bytes)
    server.broken = { status: 307, headers: { location: `${other.url}/piece/${piece.v1}` } }
    const seen: { readonly host: string, readonly key: string | null }[] = []
    const [keyed] = pieceServers([{ url: server.url, headers: () => ({ 'x-api-key': 'secret' }) }], {
      fetch: async (url, init) => {
        seen.push({ host: new URL(String(url)).origin, key: new Headers(init?.headers).get('x-api-key') })
        return fetch(url, init)
      },
    })
    const opened = await keyed!.open(piece.v1)
    expect(await opened!.read(0, 2032)).toEqual(piece.bytes)
    await opened!.close()
    expect(seen).toEqual([{ host: server.url, key: 'secret' }, { host: other.url, key: null }])
    await other.close()
  })

  it('refuses encoded bytes, whose positions are others', async () => {
    server.pieces.set(`/piece/${piece.v1}`, piece.bytes)
    server.encodes = true
    await expect(source.open(piece.v1)).rejects.toMatchObject({ code: 'IO_FAILED', retry: 'never' })
  })

  it('asks Curio by the v2 CID where the v1 one is not found, and adds the zeros that it leaves out', async () => {
    server.pieces.set(`/piece/${piece.v2}`, piece.payload)
    const loader = createPieceLoader([source])
    const opened = await loader.open(piece.v2)
    expect(opened.sizeBytes).toBe(2032)
    expect(await opened.read(0, 2032)).toEqual(piece.bytes)
    expect(await opened.read(1490, 20)).toEqual(piece.bytes.slice(1490, 1510))
    expect(await opened.read(1600, 20)).toEqual(new Uint8Array(20))
    expect(opened.peek(1600, 20)).toBeUndefined()
    expect(opened.peek(0, 20)).toEqual(piece.bytes.slice(0, 20))
    await expect(opened.read(2030, 3)).rejects.toMatchObject({ code: 'IO_OUT_OF_RANGE' })
    await opened.close()
    // without the length of the payload there is no such CID
    await expect(createPieceLoader([source]).open(piece.v1)).rejects.toMatchObject({ code: 'PIECE_UNKNOWN' })
    await loader.close()
  })

  it('takes a payload for the smallest piece that holds it, and refuses one of another length than is known', async () => {
    const [plain] = pieceServers([{ url: `${server.url}/cars/{cid}.car?signed=1` }])
    server.pieces.set(`/cars/${piece.v1}.car?signed=1`, piece.payload)
    const opened = await plain!.open(piece.v1)
    expect(opened?.sizeBytes).toBe(2032)
    await opened?.close()
    await expect(plain!.open(piece.v1, { pieceBytes: 2032, payloadBytes: 1499 })).rejects.toMatchObject({ code: 'IO_SOURCE_CHANGED' })
    await expect(plain!.open(piece.v1, { pieceBytes: 1016 })).rejects.toMatchObject({ code: 'IO_SOURCE_CHANGED' })
    server.pieces.set(`/cars/${piece.v1}.car?signed=1`, new Uint8Array(0))
    await expect(plain!.open(piece.v1)).rejects.toMatchObject({ code: 'IO_SOURCE_CHANGED', retry: 'later' })
  })

  it.each([
    [404, {}, undefined],
    [410, {}, undefined],
    [400, {}, { code: 'IO_FAILED', retry: 'never' }],
    [401, {}, { code: 'IO_FORBIDDEN', retry: 'never' }],
    [403, {}, { code: 'IO_FORBIDDEN', retry: 'never' }],
    [451, {}, { code: 'IO_FORBIDDEN', retry: 'never' }],
    [429, { 'retry-after': '7' }, { code: 'IO_FAILED', retry: 'later', retryAfterMs: 7000 }],
    [500, {}, { code: 'IO_FAILED', retry: 'later' }],
    [503, { 'retry-after': '120' }, { code: 'IO_FAILED', retry: 'later', retryAfterMs: 120_000 }],
  ] as const)('tells status %d apart', async (status, headers, wanted) => {
    server.broken = { status, headers }
    const said = await source.open(piece.v1).catch((error: unknown) => error)
    if (wanted === undefined) expect(said).toBeUndefined()
    else expect(said).toMatchObject(wanted)
  })

  it('leaves a server alone that asked for it, as long as another has the piece', async () => {
    const other = await serveProvider()
    for (const { pieces } of [server, other]) pieces.set(`/piece/${piece.v1}`, piece.bytes)
    const clock = createFakeClock()
    const loader = createPieceLoader([...pieceServers([{ url: server.url }]), ...pieceServers([{ url: other.url }], { cost: 30 })], { clock, patienceMs: 0 })
    server.broken = { status: 429, headers: { 'retry-after': '60' } }
    await (await loader.open(piece.v1)).close()
    server.broken = undefined
    server.requests.length = 0
    await (await loader.open(piece.v1)).close()
    expect(server.requests).toEqual([])
    expect(loader.scores().map(({ rank }) => rank).at(-1)).toBe(Infinity)
    await clock.advance(3_600_000)
    await (await loader.open(piece.v1)).close()
    expect(server.requests).toHaveLength(1)
    await loader.close()
    await other.close()
  })

  it('goes on at another server when one goes away in mid-read', async () => {
    const other = await serveProvider()
    const big = makePiece(7, 100_000)
    for (const { pieces } of [server, other]) pieces.set(`/piece/${big.v1}`, big.bytes)
    const loader = createPieceLoader([...pieceServers([{ url: server.url }]), ...pieceServers([{ url: other.url }], { cost: 30 })])
    const opened = await loader.open(big.v1)
    expect(await opened.read(50_000, 100)).toEqual(big.bytes.slice(50_000, 50_100))
    server.broken = { status: 503 }
    expect(await opened.read(90_000, 5000)).toEqual(big.bytes.slice(90_000, 95_000))
    expect(other.requests.length).toBeGreaterThan(0)
    await opened.close()
    await loader.close()
    await other.close()
  })

  it('keeps credentials out of URLs and messages', async () => {
    for (const url of ['ftp://host', 'http://user:secret@host/', 'no url', 'file:///x']) {
      expect(() => pieceServers([{ url }])).toThrow(TypeError)
      expect(() => pieceServers([{ url }])).not.toThrow(/secret/u)
    }
    const [guarded] = pieceServers([{ url: `${server.url}/?key=secret`, headers: () => ({ authorization: 'Bearer secret' }) }])
    server.broken = { status: 403 }
    const error = await guarded!.open(piece.v1).catch((thrown: Error) => thrown)
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('secret')
    expect(server.requests[0]?.authorization).toBe('Bearer secret')
    expect(guarded!.name).not.toContain('secret')
    expect(await guarded!.explain?.(piece.v1).catch((thrown: Error) => thrown.message)).not.toContain('secret')
  })

  it('says where it is, or is not', async () => {
    expect(await source.explain?.(piece.v1)).toMatch(/^not at 127/u)
    server.pieces.set(`/piece/${piece.v1}`, piece.bytes)
    expect(await source.explain?.(piece.v1)).toMatch(/^at 127/u)
    await expect(source.open(piece.v1, { signal: AbortSignal.abort('stop') })).rejects.toBe('stop')
  })
})
