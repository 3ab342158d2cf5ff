import { pieceCidV1 } from '@dagstore/piece'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asPieceStore, type DealProblem, type PieceDeal, type PieceDealReader } from '../src/index.ts'
import { parseJsonLine } from '../src/list/json-line.ts'
import { createListReader } from '../src/list.ts'
import { collect } from './market-vectors.ts'

const encoder = new TextEncoder()

/** @param cuts - where the bytes are cut into chunks */
const readerOf = (bytes: Uint8Array, cuts: readonly number[] = []): PieceDealReader => createListReader({
  name: 'deals',
  open: async function * () {
    const ends = [...cuts.map((cut) => cut % (bytes.byteLength + 1)), bytes.byteLength].sort((a, b) => a - b)
    let start = 0
    for (const end of ends) {
      // a source may use its buffer again
      const chunk = bytes.slice(start, end)
      yield chunk
      chunk.fill(0x7b)
      start = end
    }
  },
})

interface Record { readonly commitment: Uint8Array, readonly deals: readonly PieceDeal[] }

const u64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn })
const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).map((text) => `x${text.replace(/\p{Cc}|\p{Cs}/gu, '')}x`)
const deal: fc.Arbitrary<PieceDeal> = fc.record({
  dealId: word, miner: u64, sector: fc.option(u64, { nil: undefined }), offset: fc.integer({ min: 0, max: 2 ** 40 }), height: fc.integer({ min: 7, max: 36 }),
  part: fc.option(fc.double({ min: 0.1, max: 1, noNaN: true }), { nil: undefined }), state: fc.option(word, { nil: undefined }),
}).map(({ dealId, miner, sector, offset, height, part, state }) => ({
  dealId, miner, sector, offsetPadded: sector === undefined ? 0 : offset * 128, lengthPadded: 2 ** height,
  ...(part === undefined ? {} : { rawSize: Math.floor(2 ** height / 128 * 127 * part) }), ...(state === undefined ? {} : { state }),
}))
const records: fc.Arbitrary<readonly Record[]> = fc.array(fc.record({ commitment: fc.integer({ min: 0, max: 5 }).map((n) => new Uint8Array(32).fill(n)), deals: fc.array(deal, { minLength: 1, maxLength: 5 }) }), { maxLength: 8 })
const cuts = fc.array(fc.nat(), { maxLength: 8 })

const jsonOf = (value: unknown): string => typeof value === 'bigint' ? String(value)
  : Array.isArray(value) ? `[${value.map(jsonOf).join()}]`
    : typeof value === 'object' && value !== null ? `{${Object.entries(value).filter(([, item]) => item !== undefined).map(([key, item]) => `${JSON.stringify(key)}:${jsonOf(item)}`).join()}}` : JSON.stringify(value)
const listed = ({ sector, offsetPadded, ...rest }: PieceDeal): object => sector === undefined ? rest : { ...rest, sector, offsetPadded }
const flat = (rows: readonly Record[]): readonly (readonly [string, PieceDeal])[] => rows.flatMap(({ commitment, deals }) => deals.map((one) => [String(pieceCidV1(commitment)), one] as const))
const found = async (reader: PieceDealReader): Promise<unknown> => {
  const all = await collect(reader)
  expect(all.problems).toEqual([])
  return all.found.flatMap(({ pieceCid, deals }) => deals.map((one) => [String(pieceCid), one]))
}

describe('lists of deals', () => {
  it('come back as they were written, in NDJSON and in CSV, however they are cut', async () => {
    await fc.assert(fc.asyncProperty(records, cuts, fc.constantFrom('\n', '\r\n'), async (rows, at, end) => {
      const ndjson = rows.map(({ commitment, deals }) => jsonOf({ pieceCid: String(pieceCidV1(commitment)), deals: deals.map(listed) })).join(end)
      expect(await found(readerOf(encoder.encode(ndjson), at))).toEqual(flat(rows))
      const quoted = (value: unknown): string => value === undefined ? '' : `"${String(value).replaceAll('"', '""')}"`
      const csv = ['state,pieceCid,dealId,miner,sector,offsetPadded,lengthPadded,rawSize', ...flat(rows).map(([piece, { dealId, miner, sector, offsetPadded, lengthPadded, rawSize, state }]) =>
        [state, piece, dealId, miner, sector, sector === undefined ? undefined : offsetPadded, lengthPadded, rawSize].map(quoted).join())].join(end)
      expect(await found(readerOf(encoder.encode(csv), at))).toEqual(flat(rows))
    }), { numRuns: 200 })
  })

  it('never lose a good row for a bad one: every line but the broken one is read', async () => {
    await fc.assert(fc.asyncProperty(records.filter((rows) => rows.length > 1), fc.nat(), fc.nat(), fc.string({ minLength: 1, maxLength: 3 }), async (rows, which, where, junk) => {
      const lines = rows.map(({ commitment, deals }) => jsonOf({ pieceCid: String(pieceCidV1(commitment)), deals: deals.map(listed) }))
      const broken = 1 + which % (lines.length - 1)
      const line = lines[broken]!
      const at = where % line.length
      lines[broken] = line.slice(0, at) + junk.replace(/[\r\n]/g, '?') + line.slice(at + 1)
      const others = rows.filter((_, index) => index !== broken)
      const { found: all } = await collect(readerOf(encoder.encode(lines.join('\n'))))
      const ids = all.flatMap(({ deals }) => deals.map(({ dealId }) => dealId))
      for (const [, { dealId }] of flat(others)) expect(ids).toContain(dealId)
    }), { numRuns: 200 })
  })

  it('of any bytes give deals in range, problems with a place, or a code', async () => {
    const line = fc.oneof(fc.json(), fc.string(), fc.constant('pieceCid,dealId,miner,lengthPadded,sector,offsetPadded'), fc.array(fc.string(), { maxLength: 8 }).map((fields) => fields.join()))
    await fc.assert(fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.array(line, { maxLength: 6 }).map((lines) => encoder.encode(lines.join('\n')))), cuts, async (bytes, at) => {
      const problems: DealProblem[] = []
      try {
        for await (const { deals } of readerOf(bytes, at).list({ onProblem: (problem) => { problems.push(problem) } })) {
          for (const { lengthPadded, offsetPadded } of deals) expect(Number.isInteger(Math.log2(lengthPadded)) && offsetPadded % 128 === 0).toBe(true)
        }
      } catch (error) {
        expect(error).toMatchObject({ code: 'PIECE_STORE_BAD_FORMAT' })
      }
      for (const { place, error } of problems) {
        expect(place).toMatch(/^deals:\d+:\d+$/)
        expect(error.code).toBe('PIECE_STORE_BAD_ROW')
      }
    }), { numRuns: 500 })
  })

  it('are taken a chunk at a time, and their source is closed when they are left', async () => {
    let taken = 0
    let closed = false
    const row = encoder.encode(`${jsonOf({ pieceCid: String(pieceCidV1(new Uint8Array(32))), dealId: 'a', miner: 1, lengthPadded: 128 })}\n${jsonOf({ pieceCid: String(pieceCidV1(new Uint8Array(32).fill(1))), dealId: 'b', miner: 1, lengthPadded: 128 })}\n`)
    const reader = createListReader({ name: 'endless', open: async function * () { try { for (;;) { taken++; yield row } } finally { closed = true } } })
    let count = 0
    for await (const { deals } of reader.list()) if ((count += deals.length) === 100) break
    expect(taken).toBeLessThanOrEqual(52)
    expect(closed).toBe(true)
    const stop = new AbortController()
    const reason = new Error('enough')
    await expect((async () => { for await (const { deals } of reader.list({ signal: stop.signal })) if (deals.length > 0) stop.abort(reason) })()).rejects.toBe(reason)
  })

  it('of one piece in endless rows come in bounded parts', async () => {
    const row = encoder.encode(`${jsonOf({ pieceCid: String(pieceCidV1(new Uint8Array(32))), dealId: 'a', miner: 1, lengthPadded: 128 })}\n`)
    for await (const { deals } of createListReader({ name: 'endless', open: async function * () { for (;;) yield row } }).list()) {
      expect(deals).toHaveLength(1000)
      break
    }
  })

  it('with a line without end are read on behind it, in bounded memory', async () => {
    const good = jsonOf({ pieceCid: String(pieceCidV1(new Uint8Array(32))), dealId: 'a', miner: 1, lengthPadded: 128 })
    const reader = createListReader({ name: 'long', open: async function * () {
      yield encoder.encode(`${good}\n{"a":"`)
      for (let part = 0; part < 40; part++) yield new Uint8Array(2 ** 18).fill(0x22)
      yield encoder.encode(`"}\n${good}\n`)
    } })
    const { found: all, problems } = await collect(reader)
    expect(all.flatMap(({ deals }) => deals)).toHaveLength(2)
    expect(problems.map(({ place, error }) => [place, error.code])).toEqual([['long:2:1', 'PIECE_STORE_BAD_ROW']])
  })

  it.each(['"', '""', '\\"', '\\', '[', '{"a":', ',', ' ', '0'])('take a line full of %j without running out of anything', async (part) => {
    const line = part.repeat(Math.floor(2 ** 20 / part.length))
    for (const text of [`{"pieceCid":"${line}"}`, `{${line}`, `pieceCid,dealId,miner,lengthPadded\n${line}`, `pieceCid,dealId,miner,lengthPadded\n"${line}"`]) {
      const { problems } = await collect(readerOf(encoder.encode(text)))
      expect(problems.length).toBeGreaterThan(0)
    }
  })
})

describe('parseJsonLine', () => {
  it('reads what JSON.parse reads, and no more', () => {
    const plain = (placed: ReturnType<typeof parseJsonLine>): unknown => {
      if ('error' in placed) return undefined
      const { value } = placed
      if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]))
      return Array.isArray(value) ? value.map(plain) : typeof value === 'bigint' ? Number(value) : value
    }
    fc.assert(fc.property(fc.oneof(fc.json({ maxDepth: 5 }), fc.string(), fc.tuple(fc.json({ maxDepth: 3 }), fc.nat(), fc.string({ maxLength: 2 })).map(([json, at, junk]) => json.slice(0, at % (json.length + 1)) + junk + json.slice(at % (json.length + 1) + 1))), (text) => {
      const parsed = parseJsonLine(text)
      let want: unknown
      try {
        want = JSON.parse(text)
      } catch {
        expect(parsed).toHaveProperty('error')
        return
      }
      // names that stand twice are refused here, and so are numbers longer than any id
      if ('error' in parsed) expect(parsed.error.message).toMatch(/twice|too long/)
      else expect(JSON.stringify(plain(parsed))).toEqual(JSON.stringify(want))
    }), { numRuns: 1000 })
  })
})

describe('asPieceStore', () => {
  it('is not silent about a piece whose only rows are damaged', async () => {
    const piece = pieceCidV1(new Uint8Array(32))
    const reader = createListReader({ name: 'deals', open: async function * () { yield encoder.encode(`{"pieceCid":"${piece}","dealId":"a","miner":1,"lengthPadded":1}`) } })
    await expect(asPieceStore(reader).get(piece)).rejects.toMatchObject({ code: 'PIECE_STORE_DAMAGED' })
  })

  it('gives each place once, in order, with the payload that any deal knows, and leaves out deals without a sector', async () => {
    const piece = pieceCidV1(new Uint8Array(32))
    const rows = [['a', 2, 1, 0, 128, undefined], ['b', 1, 9, 0, 128, undefined], ['c', 1, 9, 0, 128, 100], ['d', 1, 9, 0, 128, undefined], ['e', 1, undefined, 0, 128, undefined]]
    const reader = createListReader({ name: 'deals', open: async function * () {
      for (const [dealId, miner, sector, offsetPadded, lengthPadded, rawSize] of rows) yield encoder.encode(`${JSON.stringify({ pieceCid: String(piece), dealId, miner, sector, offsetPadded, lengthPadded, rawSize })}\n`)
    } })
    const want = [{ miner: 1n, sector: 9n, offsetPadded: 0, lengthPadded: 128, payloadBytes: 100 }, { miner: 2n, sector: 1n, offsetPadded: 0, lengthPadded: 128, payloadBytes: undefined }]
    expect(await asPieceStore(reader).get(piece)).toEqual(want)
    for await (const { locations } of asPieceStore(reader).list()) expect(locations).toEqual(want)
    await expect(asPieceStore(reader).get(new Uint8Array(3))).rejects.toMatchObject({ code: 'PIECE_STORE_BAD_CID' })
  })
})
