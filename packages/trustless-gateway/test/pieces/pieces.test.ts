import { createFakeClock, seededRandom } from '@dagstore-tooling/testkit'
import { type ByteSource, createBytesSource, IoError } from '@dagstore/io'
import { createCommP, padCommitment, pieceCidV1, pieceCidV2 } from '@dagstore/piece'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createGateway, type Denylist, type Gateway, type GatewayPieces, type GatewayPieceStat, type GatewayOptions } from '../../src/index.ts'
import { ask, requestOf, turns } from '../asking.ts'
import { openTestStore } from '../conformance/store.ts'

const random = seededRandom('pieces')
const payload = random.bytes(1000)
const facts = ((): { readonly v1: CID, readonly v2: CID, readonly commitment: Uint8Array } => {
  const commp = createCommP()
  commp.write(payload)
  const { cidV1, cidV2, commitment } = commp.finish()
  return { v1: cidV1, v2: cidV2, commitment }
})()
const WHOLE = 1016 // 127/128 of 1,024
const whole = new Uint8Array(WHOLE)
whole.set(payload)

interface Kept {
  readonly stat?: Partial<GatewayPieceStat>
  /** @default the payload alone */
  readonly bytes?: Uint8Array
  readonly source?: (source: ByteSource) => ByteSource
}

interface Opened {
  readonly gateway: Gateway
  readonly counts: { stats: number, opens: number, closes: number, reads: number }
}

const opened = ({ stat = {}, bytes = payload, source = (same) => same }: Kept = {}, options: Partial<GatewayOptions> = {}): Opened => {
  const counts = { stats: 0, opens: 0, closes: 0, reads: 0 }
  const sizes: GatewayPieceStat = { rawBytes: payload.byteLength, pieceBytes: WHOLE, ...stat }
  const pieces: GatewayPieces = {
    stat: async (piece) => {
      counts.stats++
      return piece.equals(facts.v1) ? sizes : undefined
    },
    open: async (piece) => {
      if (!piece.equals(facts.v1)) return undefined
      counts.opens++
      const given = source(createBytesSource(bytes))
      const counted: ByteSource = { ...given, read: (at, length, call) => { counts.reads++; return given.read(at, length, call) } }
      return { ...sizes, source: counted, close: () => { counts.closes++ } }
    },
  }
  return { gateway: createGateway({ blockstore: openTestStore([]), pieces, ...options }), counts }
}

const V1 = `/piece/${facts.v1.toString()}`
const V2 = `/piece/${facts.v2.toString()}`

describe('a piece', () => {
  it.each([V1, V2])('is sent as its payload: %s', async (target) => {
    const { gateway, counts } = opened()
    const { status, headers, bytes, failure } = await ask(gateway, target)
    expect({ status, failure, same: Buffer.compare(bytes, payload) }).toEqual({ status: 200, failure: undefined, same: 0 })
    expect(headers).toMatchObject({
      'content-type': 'application/piece', 'content-length': '1000', etag: `"${facts.v1.toString()}.1000"`, 'cache-control': 'public, max-age=29030400, immutable',
      'accept-ranges': 'bytes', 'x-content-type-options': 'nosniff', 'access-control-allow-origin': '*',
    })
    expect(counts).toMatchObject({ opens: 1, closes: 1 })
    expect(gateway.metrics().gauges[0]).toMatchObject({ name: 'gateway.requests.active', value: 0 })
  })

  it.each([V1, V2])('is sent whole with its padding where that is asked for: %s', async (target) => {
    for (const kept of [{}, { bytes: whole }]) {
      const { bytes, headers } = await ask(opened(kept).gateway, `${target}?padding=zero`)
      expect([headers['content-length'], Buffer.compare(bytes, whole)]).toEqual(['1016', 0])
    }
    expect((await ask(opened().gateway, `${target}?padding=one`)).status).toBe(400)
  })

  it('is sent without its padding where that is kept too', async () => {
    const { bytes } = await ask(opened({ bytes: whole }).gateway, V1)
    expect(Buffer.compare(bytes, payload)).toBe(0)
  })

  it('is sent whole where nobody knows where its payload ends, but for a CID that says so', async () => {
    const kept = { stat: { rawBytes: undefined }, bytes: whole }
    expect((await ask(opened(kept).gateway, V1)).bytes.byteLength).toBe(WHOLE)
    expect((await ask(opened(kept).gateway, V2)).bytes.byteLength).toBe(payload.byteLength)
    // and then it is the smallest that holds it
    expect((await ask(opened({ stat: { pieceBytes: undefined } }).gateway, `${V1}?padding=zero`)).bytes.byteLength).toBe(WHOLE)
  })

  it('that is a CAR says so, but for the whole with its padding', async () => {
    const { gateway } = opened({ stat: { carVersion: 1 } })
    const { headers } = await ask(gateway, V1)
    expect(headers).toMatchObject({ 'content-type': 'application/vnd.ipld.car; version=1', 'content-disposition': `attachment; filename="${facts.v1.toString()}.car"` })
    expect((await ask(gateway, `${V1}?padding=zero`)).headers).toMatchObject({ 'content-type': 'application/piece', 'content-disposition': `attachment; filename="${facts.v1.toString()}"` })
  })

  it('has its head told without opening it', async () => {
    const { gateway, counts } = opened()
    for (const target of [V1, V2, `${V1}?padding=zero`]) {
      const { status, headers, bytes } = await ask(gateway, target, { method: 'HEAD' })
      expect({ status, length: headers['content-length'], bytes: bytes.byteLength }).toEqual({ status: 200, length: target.includes('?') ? '1016' : '1000', bytes: 0 })
    }
    expect(counts).toEqual({ stats: 3, opens: 0, closes: 0, reads: 0 })
  })

  it('is not sent to one who has it', async () => {
    const { gateway, counts } = opened()
    const { headers: { etag } } = await ask(gateway, V1, { method: 'HEAD' })
    for (const [tag, status] of [[etag, 304], [`W/${etag}, "x"`, 304], ['*', 304], ['"x"', 200]] as const) {
      expect((await ask(gateway, V1, { headers: { 'if-none-match': tag! } })).status).toBe(status)
    }
    expect(counts.opens).toBe(1)
    // with its padding it is another
    expect((await ask(gateway, `${V1}?padding=zero`, { headers: { 'if-none-match': etag! } })).status).toBe(200)
  })

  it.each([
    { range: 'bytes=0-0', from: 0, to: 0 },
    { range: 'bytes=10-19', from: 10, to: 19 },
    { range: 'bytes=990-', from: 990, to: 999 },
    { range: 'bytes=-10', from: 990, to: 999 },
    { range: 'bytes=990-99999999999999999999999', from: 990, to: 999 },
    { range: 'bytes=-99999999999999999999999', from: 0, to: 999 },
  ])('is sent in part for $range', async ({ range, from, to }) => {
    const { gateway, counts } = opened()
    for (const target of [V1, V2]) {
      const { status, headers, bytes } = await ask(gateway, target, { headers: { range } })
      expect({ status, range: headers['content-range'], length: headers['content-length'] }).toEqual({ status: 206, range: `bytes ${from}-${to}/1000`, length: `${to - from + 1}` })
      expect(Buffer.compare(bytes, payload.subarray(from, to + 1))).toBe(0)
    }
    expect([counts.opens, counts.closes]).toEqual([2, 2])
  })

  it('has parts that reach into its padding, or lie in it', async () => {
    const { gateway } = opened()
    const part = async (range: string): Promise<Uint8Array> => (await ask(gateway, `${V1}?padding=zero`, { headers: { range } })).bytes
    expect(Buffer.compare(await part('bytes=995-1005'), whole.subarray(995, 1006))).toBe(0)
    expect(Buffer.compare(await part('bytes=1005-1010'), new Uint8Array(6))).toBe(0)
    expect((await part('bytes=-16')).byteLength).toBe(16)
  })

  it.each([
    { range: 'bytes=0-0,1-1', status: 200 }, { range: 'bytes=5-2', status: 200 }, { range: 'bytes=-', status: 200 }, { range: 'items=0-1', status: 200 },
    { range: 'bytes=a-b', status: 200 }, { range: `bytes=${'9'.repeat(4000)}-`, status: 416 }, { range: 'bytes=1000-', status: 416 }, { range: 'bytes=-0', status: 416 },
    { range: `bytes=${'0-1,'.repeat(2000)}0-1`, status: 200 }, { range: '\u0000', status: 200 },
  ])('is answered $status for a range that cannot be had (case %#)', async ({ range, status }) => {
    const { gateway, counts } = opened()
    const answered = await ask(gateway, V1, { headers: { range } })
    expect(answered.status).toBe(status)
    if (status === 416) expect(answered.headers).toMatchObject({ 'content-range': 'bytes */1000', 'x-error-code': 'GATEWAY_OUTSIDE' })
    expect(counts.closes).toBe(counts.opens)
  })

  it.each(['if-none-match', 'if-range', 'range', 'accept', 'user-agent'])('is not held up by a flood of %s', async (name) => {
    const { gateway, counts } = opened()
    for (const flood of ['"x",'.repeat(50_000), '"'.repeat(100_001), `bytes=${' '.repeat(100_000)}x`, `bytes=${','.repeat(100_000)}`, `bytes=1${' '.repeat(100_000)}x`, 'W/'.repeat(50_000), '\u00ff'.repeat(10_000)]) {
      const { status, bytes } = await ask(gateway, V1, { headers: { range: 'bytes=0-9', [name]: flood } })
      expect([200, 206]).toContain(status)
      expect([10, 1000]).toContain(bytes.byteLength)
    }
    expect(counts.closes).toBe(counts.opens)
  })

  it('is sent in part only where it is the one that the asker has a part of', async () => {
    const { gateway } = opened()
    const tag = `"${facts.v1.toString()}.1000"`
    for (const [ifRange, status] of [[tag, 206], [`W/${tag}`, 200], ['"x"', 200], ['Tue, 17 Aug 2021 00:00:00 GMT', 200]] as const) {
      expect((await ask(gateway, V1, { headers: { range: 'bytes=0-9', 'if-range': ifRange } })).status).toBe(status)
    }
  })

  it('is 404 where it is not, and where it is another than its CID says', async () => {
    const { gateway, counts } = opened()
    const other = pieceCidV1(new Uint8Array(32))
    const names = [
      other, pieceCidV2(new Uint8Array(32), 1000),
      pieceCidV2(facts.commitment, 999), // zeros behind 999 bytes it is not
      pieceCidV2(facts.commitment, 2000), pieceCidV2(padCommitment(facts.commitment, 1024, 2048), 1017),
    ]
    for (const cid of names) {
      for (const method of ['GET', 'HEAD']) {
        const { status, headers } = await ask(gateway, `/piece/${cid.toString()}`, { method })
        expect({ status, code: headers['x-error-code'] }).toEqual({ status: 404, code: 'GATEWAY_NO_PIECE' })
        expect(headers['cache-control']).toBe('no-store')
      }
    }
    expect(counts.closes).toBe(counts.opens)
    // zeros of the padding may be counted as payload
    expect((await ask(gateway, `/piece/${pieceCidV2(facts.commitment, 1010).toString()}`)).bytes.byteLength).toBe(1010)
  })

  it.each([{ rawBytes: 0, pieceBytes: undefined }, { rawBytes: 2 ** 40, pieceBytes: undefined }, { rawBytes: 128, pieceBytes: 127 }, { rawBytes: 128, pieceBytes: 127 * 2 ** 40 }, { rawBytes: undefined, pieceBytes: undefined }])('is 404 where what is there can be no piece: %o', async (stat) => {
    const { gateway, counts } = opened({ stat })
    for (const method of ['GET', 'HEAD']) expect((await ask(gateway, V1, { method })).status).toBe(404)
    expect(counts.closes).toBe(counts.opens)
  })

  it.each(['', 'x', 'bafkqaaa', 'baga6ea4seaq', `${facts.v1.toString()}/`, `${facts.v1.toString()}/a`, '%00', `${'b'.repeat(5000)}`, '..', facts.v2.toString().slice(0, -1), 'QmVTF1yEejXd9iMgoRTFDxBv7HAz9kuZcQNBzHrceuK9HR'])('is 400 where there is no CID of a piece (case %#)', async (name) => {
    const { status, headers } = await ask(opened().gateway, `/piece/${name}`)
    expect({ status, code: headers['x-error-code'] }).toEqual({ status: 400, code: 'GATEWAY_BAD_CID' })
  })

  it('is told as unreadable before its answer begins, where it is', async () => {
    const lost = opened({ source: (source) => ({ ...source, read: async () => { throw new IoError('IO_SOURCE_LOST', 'gone', { retry: 'later' }) } }) })
    const { status, headers } = await ask(lost.gateway, V1)
    expect({ status, code: headers['x-error-code'], retry: headers['retry-after'] }).toEqual({ status: 502, code: 'GATEWAY_PIECE_UNREADABLE', retry: '10' })
    expect([lost.counts.opens, lost.counts.closes]).toEqual([1, 1])
    const failing = createGateway({ blockstore: openTestStore([]), pieces: { stat: async () => { throw new Error('/secret/place') }, open: async () => { throw new Error('/secret/place') } } })
    for (const method of ['GET', 'HEAD']) {
      const answered = await ask(failing, V1, { method })
      expect(answered.status).toBe(502)
      expect(Buffer.from(answered.bytes).toString()).not.toContain('secret')
    }
  })

  it('that is lost on the way ends its answer so that nobody takes it for whole', async () => {
    const large = new Uint8Array(3 << 20)
    const events: unknown[] = []
    const { gateway, counts } = opened({
      stat: { rawBytes: undefined, pieceBytes: 127 / 128 * (4 << 20) }, bytes: large,
      source: (source) => ({ ...source, read: (at, length, call) => at >= 2 << 20 ? Promise.reject(new IoError('IO_SOURCE_LOST', 'gone')) : source.read(at, length, call) }),
    }, { onEvent: (event) => { events.push(event) } })
    const { status, bytes, failure } = await ask(gateway, V1)
    expect({ status, bytes: bytes.byteLength, code: (failure as { code?: string }).code }).toEqual({ status: 200, bytes: 2 << 20, code: 'GATEWAY_PIECE_UNREADABLE' })
    expect(counts.closes).toBe(1)
    expect(events).toEqual([expect.objectContaining({ route: 'piece', status: 200, bytes: 2 << 20, code: 'GATEWAY_PIECE_UNREADABLE' })])
    expect(gateway.metrics().counters).toContainEqual({ name: 'gateway.broken', labels: { route: 'piece' }, value: 1 })
  })

  it('is read no further than a chunk ahead of its reader, and let go when he leaves', async () => {
    const large = new Uint8Array(8 << 20)
    const kept = { stat: { rawBytes: undefined, pieceBytes: 127 / 128 * (16 << 20) }, bytes: large }
    for (const way of ['return', 'signal', 'before it began'] as const) {
      const { gateway, counts } = opened(kept)
      const leaving = new AbortController()
      const answer = await gateway.answer(requestOf(V1, { signal: leaving.signal }))
      const body = answer?.body as AsyncGenerator<Uint8Array>
      if (way !== 'before it began') {
        for (let n = 0; n < 4; n++) expect((await body.next()).done).toBe(false)
        await new Promise((resolve) => { setImmediate(resolve) })
        expect(counts.reads).toBeLessThanOrEqual(6)
      }
      if (way === 'signal') leaving.abort(new Error('left'))
      await body.return(undefined)
      await new Promise((resolve) => { setImmediate(resolve) })
      expect([way, counts.opens, counts.closes]).toEqual([way, 1, 1])
      expect(gateway.metrics().gauges[0]?.value).toBe(0)
    }
  })

  it('is not served where it is denied, by either of its names', async () => {
    for (const denied of [facts.v1, facts.v2]) {
      const denylist: Denylist = { check: (cid) => (cid.equals(denied) ? { status: 451 } : undefined) }
      const { gateway, counts } = opened({}, { denylist })
      expect((await ask(gateway, V2)).status).toBe(451)
      expect(counts).toMatchObject({ stats: 0, opens: 0 })
    }
  })

  it('is not served by its short name where its long one is denied', async () => {
    const denylist: Denylist = { check: (cid) => (cid.equals(facts.v2) ? { status: 410 } : undefined) }
    const { gateway, counts } = opened({}, { denylist })
    // nor by another long one, which counts zeros of the padding as payload
    for (const cid of [facts.v1, pieceCidV2(facts.commitment, 1010)]) {
      for (const question of [{}, { method: 'HEAD' }, { headers: { 'if-none-match': '*' } }, { headers: { range: 'bytes=0-9' } }]) {
        expect((await ask(gateway, `/piece/${cid.toString()}`, question)).status).toBe(410)
      }
    }
    expect(counts).toMatchObject({ opens: counts.closes, reads: 0 })
  })

  it('is told as unreadable where less is kept than its payload, and is not filled up with zeros', async () => {
    const { gateway, counts } = opened({ bytes: payload.subarray(0, 500) })
    for (const target of [V1, V2, `${V1}?padding=zero`]) {
      const { status, headers } = await ask(gateway, target, { headers: { range: 'bytes=0-9' } })
      expect({ status, code: headers['x-error-code'] }).toEqual({ status: 502, code: 'GATEWAY_PIECE_UNREADABLE' })
    }
    expect(counts).toMatchObject({ opens: 3, closes: 3 })
  })

  it('that can be told of with its data alone is served to one who may have it', async () => {
    const pieces: GatewayPieces = {
      stat: async () => { throw new Error('it would have to be fetched') },
      open: async () => ({ rawBytes: 1000, pieceBytes: WHOLE, source: createBytesSource(payload), close: () => {} }),
    }
    const gateway = createGateway({ blockstore: openTestStore([]), pieces })
    const { status, headers: { etag = '' } } = await ask(gateway, V1, { headers: { 'if-none-match': '"x"' } })
    expect(status).toBe(200)
    expect((await ask(gateway, V1, { headers: { 'if-none-match': etag } })).status).toBe(304)
    expect((await ask(gateway, V1, { method: 'HEAD' })).status).toBe(502)
  })

  it.each(['stat', 'open', 'read'] as const)('holds up nobody who has left, although its storage does not listen: at %s', async (moment) => {
    let [closes, goOn] = [0, (): void => {}]
    const slow = async <T>(at: string, value: T): Promise<T> => {
      if (at === moment) await new Promise<void>((resolve) => { goOn = resolve })
      return value
    }
    const bytes = createBytesSource(payload)
    const source: ByteSource = { ...bytes, read: async (at, length) => slow('read', await bytes.read(at, length)) }
    const stat = { rawBytes: 1000, pieceBytes: WHOLE }
    const pieces: GatewayPieces = { stat: () => slow('stat', stat), open: () => slow('open', { ...stat, source, close: () => { closes++ } }) }
    const gateway = createGateway({ blockstore: openTestStore([]), pieces })
    const leaving = new AbortController()
    const answering = gateway.answer(requestOf(V1, { signal: leaving.signal, headers: moment === 'stat' ? { 'if-none-match': '"x"' } : {} }))
    await turns(3)
    leaving.abort(new Error('left'))
    expect((await answering)?.status).toBe(499)
    expect(gateway.metrics().gauges[0]?.value).toBe(0)
    goOn()
    await turns(3)
    expect(closes).toBe(moment === 'stat' ? 0 : 1)
  })

  it('is subject to the limits', async () => {
    const clock = createFakeClock()
    const { gateway, counts } = opened({}, { clock, limits: { request: { maxBytes: 100 }, client: { requests: 1, waiting: 0 } } })
    const { status, headers } = await ask(gateway, V1)
    expect({ status, code: headers['x-error-code'] }).toEqual({ status: 413, code: 'GATEWAY_TOO_LARGE' })
    expect((await ask(gateway, V1, { headers: { range: 'bytes=0-99' } })).status).toBe(206)
    for (const more of [{ range: 'bytes=0-100' }, { range: 'bytes=0-99', 'if-range': '"another"' }]) expect((await ask(gateway, V1, { headers: more })).status).toBe(413)
    expect((await ask(gateway, V1, { method: 'HEAD' })).status).toBe(200)
    const held = (await gateway.answer(requestOf(V1, { headers: { range: 'bytes=0-9' } })))?.body as AsyncGenerator<Uint8Array>
    const refused = await ask(gateway, V1)
    expect({ status: refused.status, code: refused.headers['x-error-code'] }).toEqual({ status: 429, code: 'GATEWAY_CLIENT_BUSY' })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    await held.return(undefined)
    expect(counts.closes).toBe(counts.opens)
  })

  it('answers nothing where there are no pieces at all', async () => {
    const gateway = createGateway({ blockstore: openTestStore([]) })
    expect(await gateway.answer(requestOf(V1))).toBeUndefined()
    expect(gateway.claims(V1)).toBe(false)
  })

  it.each(['parts-1', 'parts-2', 'parts-3'])('is in any part what it is as a whole, however much of it is kept (seed %s)', async (seed) => {
    const draw = seededRandom(seed)
    for (let n = 0; n < 100; n++) {
      const { gateway } = opened({ bytes: draw.chance(0.5) ? whole : whole.subarray(0, 1000 + draw.int(17)) })
      const padded = draw.chance(0.5)
      const size = padded ? WHOLE : 1000
      const from = draw.int(size)
      const to = from + draw.int(size - from)
      const { status, bytes } = await ask(gateway, `${V1}${padded ? '?padding=zero' : ''}`, { headers: { range: `bytes=${from}-${to}` } })
      expect(status).toBe(206)
      expect(Buffer.compare(bytes, whole.subarray(from, to + 1))).toBe(0)
    }
  })
})
