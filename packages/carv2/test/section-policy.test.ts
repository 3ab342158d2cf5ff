import { carV1, carV1Header, carV2, concat, damaged, entriesOf, indexBytes, makeBlock, makeBlocks, mixedBlocks, placedBlocks, section } from '@dagstore-tooling/fixtures'
import { createHashes } from '@dagstore/hashes'
import { createBytesSource } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { SECTION_POLICY, type SectionPolicy, verifyCar, type VerifyReport } from '../src/index.ts'

const hashes = createHashes()
const blocks = makeBlocks(231, 6, { min: 4, max: 90 })
const roots = [blocks[0]!.cid]
const inline = makeBlock(Uint8Array.of(1, 2), { hash: 'identity' })
const foreign = { cid: Uint8Array.of(1, 0x55, 0x14, 2, 7, 7), data: Uint8Array.of(1) }

const verify = (bytes: Uint8Array, policy?: SectionPolicy): Promise<VerifyReport> => verifyCar(createBytesSource(bytes), hashes, { policy })

describe('the policy of verifyCar', () => {
  const padded = carV1(roots, blocks, { paddingBytes: 50 })
  const dirty = padded.slice()
  dirty[dirty.byteLength - 2] = 1

  it.each<{ why: string, bytes: Uint8Array, policy: SectionPolicy, code: string }>([
    { why: 'zeros behind the last section, as go-car without ZeroLengthSectionAsEOF', bytes: padded, policy: { padding: 'refuse' }, code: 'CARV2_ZERO_PADDING' },
    { why: 'something among the zeros', bytes: dirty, policy: {}, code: 'CARV2_BAD_SECTION' },
    { why: 'a block that is there twice', bytes: carV1(roots, [...blocks, blocks[2]!]), policy: { duplicates: 'refuse' }, code: 'CARV2_DUPLICATE' },
    { why: 'a multihash under two codecs', bytes: carV1(roots, [...blocks, makeBlock(blocks[2]!.data, { codec: 0x71 })]), policy: { duplicates: 'refuse' }, code: 'CARV2_DUPLICATE' },
    { why: 'a hash that nobody knows', bytes: concat([carV1Header(roots), section(blocks[0]!), section(foreign)]), policy: {}, code: 'CARV2_UNKNOWN_HASH' },
    { why: 'an identity CID', bytes: carV1(roots, [...blocks, inline]), policy: { identity: 'refuse' }, code: 'CARV2_IDENTITY' },
    { why: 'no roots', bytes: carV1([], blocks), policy: {}, code: 'CARV2_NO_ROOTS' },
    { why: 'roots: null', bytes: carV1([], blocks, { nullRoots: true }), policy: {}, code: 'CARV2_NO_ROOTS' },
    { why: 'a missing root', bytes: carV1([inline.cid, roots[0]!], blocks.slice(1)), policy: {}, code: 'CARV2_ROOT_MISSING' },
    { why: 'no index in a CARv2', bytes: carV2({ roots, blocks, index: 'none' }), policy: { index: 'required' }, code: 'CARV2_NO_INDEX' },
    { why: 'no index in a CARv1', bytes: carV1(roots, blocks), policy: { index: 'required' }, code: 'CARV2_NO_INDEX' },
    { why: 'a broken index', bytes: damaged['v2-unknown-index-codec']!, policy: {}, code: 'CARV2_UNKNOWN_INDEX' },
  ])('refuses $why', async ({ bytes, policy, code }) => {
    await expect(verify(bytes, policy)).rejects.toMatchObject({ code })
  })

  it.each<{ what: string, bytes: Uint8Array, policy?: SectionPolicy, report: Partial<VerifyReport> }>([
    { what: 'zeros behind the last section', bytes: padded, report: { paddingBytes: 50, payloadEnd: padded.byteLength - 50 } },
    { what: 'whatever follows a section length of 0, as go-car with ZeroLengthSectionAsEOF', bytes: dirty, policy: { padding: 'allow' }, report: { paddingBytes: 50 } },
    { what: 'repeats, not counted', bytes: carV1(roots, [...blocks, blocks[2]!]), report: { blockCount: 7, duplicateCount: undefined } },
    { what: 'repeats, counted', bytes: carV1(roots, [...blocks, blocks[2]!, blocks[2]!, inline]), policy: { duplicates: 'count' }, report: { blockCount: 9, duplicateCount: 2 } },
    { what: 'digests that are equal under two hashes (go-car defect 4: dedup by digest alone)', bytes: carV1(roots, [...blocks, makeBlock(blocks[2]!.multihash.subarray(2), { hash: 'identity' })]), policy: { duplicates: 'refuse' }, report: { duplicateCount: 0 } },
    { what: 'hashes that nobody knows, counted', bytes: concat([carV1Header(roots), section(blocks[0]!), section(foreign)]), policy: { unknownHashes: 'count' }, report: { blockCount: 2, unknownHashCount: 1 } },
    { what: 'identity CIDs', bytes: carV1(roots, [...blocks, inline]), report: { identityCount: 1 } },
    { what: 'no roots', bytes: carV1([], blocks), policy: { noRoots: 'allow' }, report: { blockCount: 6, missingRoots: [] } },
    { what: 'no index', bytes: carV2({ roots, blocks, index: 'none' }), report: { index: 'none' } },
    { what: 'a good index', bytes: carV2({ roots, blocks }), policy: { index: 'required' }, report: { index: 'checked' } },
    { what: 'a broken index, not looked at', bytes: damaged['v2-unknown-index-codec']!, policy: { index: 'ignore' }, report: { index: 'ignored' } },
    { what: 'an index that cannot be where it is said to be, not looked at', bytes: damaged['v2-index-offset-past-end']!, policy: { index: 'ignore' }, report: { index: 'ignored' } },
  ])('takes $what', async ({ bytes, policy, report }) => {
    expect(await verify(bytes, policy)).toMatchObject(report)
  })

  it('reports missing roots that it does not refuse', async () => {
    const { missingRoots } = await verify(carV1(roots, blocks.slice(1)), { missingRoots: 'report' })
    expect(missingRoots.map(String)).toEqual([CID.decode(roots[0]!).toString()])
  })

  it('finds an index that lists another section of a repeated block too often', async () => {
    const twice = [...blocks, blocks[1]!]
    const rows = entriesOf(placedBlocks(roots, twice))
    const index = indexBytes(0x0401, rows.map((row, i) => i === 6 ? { ...row, offset: rows[1]!.offset } : row))
    await expect(verify(carV2({ roots, blocks: twice, index }))).rejects.toMatchObject({ code: 'CARV2_INDEX_INCOMPLETE' })
  })

  it('refuses words that it does not know, before it reads', async () => {
    for (const policy of [{ padding: 'maybe' }, { rots: 'allow' }] as unknown as SectionPolicy[]) {
      await expect(verify(new Uint8Array(0), policy)).rejects.toThrow(TypeError)
    }
    await expect(verify(new Uint8Array(0), { missingLinks: 'refuse' })).rejects.toThrow(TypeError)
    expect(Object.isFrozen(SECTION_POLICY)).toBe(true)
  })

  it('hashes the data of mixed blocks whatever the policy allows', async () => {
    const bytes = carV1(roots, [...blocks, ...mixedBlocks(232)])
    bytes[bytes.byteLength - 1]! ^= 1
    const lax: SectionPolicy = { padding: 'allow', unknownHashes: 'count', noRoots: 'allow', missingRoots: 'report', index: 'ignore' }
    await expect(verify(bytes, lax)).rejects.toMatchObject({ code: 'CARV2_HASH_MISMATCH' })
  })
})
