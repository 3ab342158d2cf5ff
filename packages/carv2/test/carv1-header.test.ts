import { carV1Header, makeBlocks } from '@dagstore-tooling/fixtures'
import { decode, encode } from '@ipld/dag-cbor'
import { CarWriter } from '@ipld/car'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { decodeCarV1Header, encodeCarV1Header, encodeVarint } from '../src/index.ts'
import { decodeVarint } from '../src/varint.ts'
import { collect, concat } from './support.ts'

const oracle = async (roots: CID[]): Promise<Uint8Array> => {
  const { writer, out } = CarWriter.create(roots)
  const [chunks] = await Promise.all([collect(out), writer.close()])
  return concat(chunks)
}
const cids = (count: number): CID[] => makeBlocks(5, count, { min: 1, max: 2 }).map(({ cid }) => CID.decode(cid))

describe('encodeCarV1Header', () => {
  it.each([0, 1, 2, 3, 23, 24, 255, 256, 300])('writes %d roots as a plain writer and @ipld/car do', async (count) => {
    const roots = cids(count)
    const bytes = encodeCarV1Header(roots)
    expect(Buffer.compare(bytes, carV1Header(roots.map((root) => root.bytes)))).toBe(0)
    expect(Buffer.compare(bytes, await oracle(roots))).toBe(0)
    const body = bytes.subarray(decodeVarint(bytes).length)
    expect(decodeCarV1Header(body).roots.map(String)).toEqual(roots.map(String))
  })

  it('writes CIDv0 roots and long identity roots', async () => {
    const roots = [makeBlocks(6, 1, { min: 9, max: 9, version: 0 })[0]!, makeBlocks(6, 1, { min: 300, max: 300, hash: 'identity' })[0]!].map(({ cid }) => CID.decode(cid))
    expect(Buffer.compare(encodeCarV1Header(roots), await oracle(roots))).toBe(0)
  })
})

/** An encoder takes the map for a CID too, so its key becomes a slash only here. */
const lookalike = encode({ roots: [{ _: 'x', bytes: 'x', version: 1, code: 0x55 }], version: 1 })
lookalike[Buffer.from(lookalike).indexOf('a_')! + 1] = 0x2f

describe('decodeCarV1Header', () => {
  it('takes null for no roots', () => {
    expect(decodeCarV1Header(carV1Header([], { nullRoots: true }).subarray(1))).toEqual({ version: 1, roots: [] })
  })

  it('tells another version and leaves its roots alone', () => {
    expect(decodeCarV1Header(encode({ version: 42 }))).toEqual({ version: 42, roots: [] })
  })

  it.each([
    { why: 'it is not CBOR', body: Uint8Array.of(0xff) },
    { why: 'bytes follow', body: Uint8Array.of(...encode({ roots: [], version: 1 }), 0) },
    { why: 'it is a list', body: encode([1]) },
    { why: 'it has no version', body: encode({ roots: [] }) },
    { why: 'its version is text', body: encode({ roots: [], version: '1' }) },
    { why: 'it has no roots', body: encode({ version: 1 }) },
    { why: 'its roots are text', body: encode({ roots: 'x', version: 1 }) },
    { why: 'a root is a map that looks like a CID of another program', body: lookalike },
    { why: 'a root is bytes', body: encode({ roots: [Uint8Array.of(1)], version: 1 }) },
    { why: 'a root is null', body: Uint8Array.from(Buffer.from('a265726f6f747381f66776657273696f6e01', 'hex')) },
    { why: 'it has another field', body: encode({ roots: [], version: 1, x: 1 }) },
    { why: 'it has roots and another field', body: encode({ roots: [], x: 1 }) },
    { why: 'it has roots twice', body: Uint8Array.from(Buffer.from('a265726f6f74738065726f6f747380', 'hex')) },
    { why: 'the map has no end', body: Uint8Array.from(Buffer.from('bf65726f6f7473806776657273696f6e01ff', 'hex')) },
    { why: 'the list has no end', body: Uint8Array.from(Buffer.from('a265726f6f74739fff6776657273696f6e01', 'hex')) },
    { why: 'the version is longer than needed', body: Uint8Array.from(Buffer.from('a265726f6f7473806776657273696f6e1801', 'hex')) },
    { why: 'the list says more than there is', body: Uint8Array.from(Buffer.from('a265726f6f7473836776657273696f6e01', 'hex')) },
    { why: 'the version is a float', body: Uint8Array.from(Buffer.from('a265726f6f7473806776657273696f6ef93c00', 'hex')) },
    { why: 'it is nested without end', body: new Uint8Array(100_000).fill(0x81) },
  ])('refuses a header when $why', ({ body }) => {
    expect(() => decodeCarV1Header(body)).toThrow(expect.objectContaining({ code: 'CARV2_BAD_HEADER' }))
  })

  it('takes the two fields in either order', () => {
    const [root] = cids(1)
    const body = encodeCarV1Header([root!]).subarray(1)
    const turned = concat([Uint8Array.of(0xa2), body.subarray(-9), body.subarray(1, -9)])
    expect(decodeCarV1Header(turned)).toEqual(decodeCarV1Header(body))
  })

  it('says of changed bytes what @ipld/dag-cbor says, but for fields that are not of a header (property)', () => {
    const headers = [0, 1, 2, 30].map((count) => encodeCarV1Header(cids(count))).map((bytes) => bytes.subarray(decodeVarint(bytes).length))
    const change = fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom('set', 'cut', 'add'))
    let good = 0
    fc.assert(fc.property(fc.constantFrom(...headers), fc.array(change, { maxLength: 2 }), (header, changes) => {
      let body: Uint8Array = header.slice()
      for (const [at, byte, how] of changes) {
        const place = at % (body.byteLength + 1)
        if (how === 'set' && place < body.byteLength) body[place] = byte
        else body = concat([body.subarray(0, place), how === 'add' ? Uint8Array.of(byte) : new Uint8Array(0), body.subarray(how === 'cut' ? place + 1 : place)])
      }
      let expected: { version?: unknown, roots?: unknown } | undefined
      try {
        expected = decode(body)
      } catch { /* not DAG-CBOR */ }
      let found: ReturnType<typeof decodeCarV1Header> | undefined
      try {
        found = decodeCarV1Header(body)
      } catch (error) {
        expect(error).toMatchObject({ code: 'CARV2_BAD_HEADER' })
      }
      if (found !== undefined) {
        good++
        expect(found.version).toBe(expected?.version)
        if (found.version === 1) expect(found.roots.map(String)).toEqual((expected?.roots as CID[] | null ?? []).map(String))
      } else if (expected?.version === 1 && Array.isArray(expected.roots) && expected.roots.every((root) => CID.asCID(root) !== null)) {
        // a CID with a varint that is not minimal, which the oracle lets pass
        expect(Buffer.compare(encodeCarV1Header(expected.roots), concat([encodeVarint(body.byteLength), body]))).not.toBe(0)
      }
    }), { seed: 91, numRuns: 3000 })
    expect(good).toBeGreaterThan(500)
  })

  it('takes as much memory as the roots do, and no more than there may be', () => {
    // the shortest of all CIDs: 262,144 of them are a header of 2 MiB
    const link = Uint8Array.of(0xd8, 0x2a, 0x45, 0, 1, 0x55, 0, 0)
    const header = (count: number): Uint8Array => {
      const body = new Uint8Array(7 + 5 + 8 * count + 9)
      body.set([0xa2, 0x65, 0x72, 0x6f, 0x6f, 0x74, 0x73, 0x9a])
      new DataView(body.buffer).setUint32(8, count)
      for (let i = 0; i < count; i++) body.set(link, 12 + 8 * i)
      body.set([0x67, 0x76, 0x65, 0x72, 0x73, 0x69, 0x6f, 0x6e, 1], 12 + 8 * count)
      return body
    }
    expect(decodeCarV1Header(header(1 << 18)).roots).toHaveLength(1 << 18)
    expect(() => decodeCarV1Header(header((1 << 18) + 1))).toThrow(expect.objectContaining({ code: 'CARV2_TOO_LARGE' }))
    expect(() => decodeCarV1Header(new Uint8Array(32 << 20).fill(0x81))).toThrow(expect.objectContaining({ code: 'CARV2_BAD_HEADER' }))
  })
})
