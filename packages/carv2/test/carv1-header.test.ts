import { carV1Header, makeBlocks } from '@dagstore-tooling/fixtures'
import { encode } from '@ipld/dag-cbor'
import { CarWriter } from '@ipld/car'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { decodeCarV1Header, encodeCarV1Header } from '../src/index.ts'
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
    { why: 'it is nested without end', body: new Uint8Array(100_000).fill(0x81) },
  ])('refuses a header when $why', ({ body }) => {
    expect(() => decodeCarV1Header(body)).toThrow(expect.objectContaining({ code: 'CARV2_BAD_HEADER' }))
  })
})
