import { damaged } from '@dagstore-tooling/fixtures'
import { createHashes } from '@dagstore/hashes'
import type { ByteSource } from '@dagstore/io'
import { createBytesSource } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { type CarV2ErrorCode, openIndex, verifyCar } from '../src/index.ts'
import { collect, slowSource } from './support.ts'

const EXPECTED: Record<string, readonly [code: CarV2ErrorCode, offset: number]> = {
  'v1-empty-file': ['CARV2_TRUNCATED', 0],
  'v1-cut-in-header': ['CARV2_TRUNCATED', 20],
  'v1-cut-in-varint': ['CARV2_TRUNCATED', 601],
  'v1-cut-in-cid': ['CARV2_TRUNCATED', 488],
  'v1-cut-in-data': ['CARV2_TRUNCATED', 488],
  'v1-cut-before-data': ['CARV2_TRUNCATED', 488],
  'v1-header-length-huge': ['CARV2_TOO_LARGE', 0],
  'v1-header-length-zero': ['CARV2_BAD_HEADER', 0],
  'v1-header-not-cbor': ['CARV2_BAD_HEADER', 0],
  'v1-header-version-3': ['CARV2_BAD_VERSION', 0],
  'v1-header-root-not-cid': ['CARV2_BAD_HEADER', 0],
  'v1-section-length-huge': ['CARV2_TOO_LARGE', 601],
  'v1-section-length-above-safe': ['CARV2_BAD_SECTION', 601],
  'v1-section-length-ten-bytes': ['CARV2_BAD_SECTION', 601],
  'v1-section-length-not-minimal': ['CARV2_BAD_SECTION', 601],
  'v1-section-shorter-than-cid': ['CARV2_BAD_SECTION', 601],
  'v1-section-length-one': ['CARV2_BAD_SECTION', 601],
  'v1-cid-version-2': ['CARV2_BAD_CID', 601],
  'v1-cid-digest-huge': ['CARV2_BAD_SECTION', 601],
  'v1-cid-varint-not-minimal': ['CARV2_BAD_CID', 601],
  'v1-bytes-behind-padding': ['CARV2_BAD_SECTION', 701],
  'v2-cut-in-pragma': ['CARV2_TRUNCATED', 7],
  'v2-cut-in-header': ['CARV2_TRUNCATED', 40],
  'v2-cut-in-payload': ['CARV2_TRUNCATED', 251],
  'v2-not-finalized': ['CARV2_NOT_FINALIZED', 11],
  'v2-data-offset-inside-header': ['CARV2_BAD_HEADER', 27],
  'v2-data-offset-past-end': ['CARV2_BAD_HEADER', 27],
  'v2-data-offset-negative': ['CARV2_BAD_HEADER', 27],
  'v2-data-size-zero': ['CARV2_BAD_HEADER', 35],
  'v2-data-size-past-end': ['CARV2_TRUNCATED', 882],
  'v2-data-size-above-safe': ['CARV2_BAD_HEADER', 35],
  'v2-index-offset-inside-data': ['CARV2_BAD_HEADER', 43],
  'v2-index-offset-past-end': ['CARV2_TRUNCATED', 882],
  'v2-nested': ['CARV2_BAD_VERSION', 51],
  'v2-version-9': ['CARV2_BAD_VERSION', 0],
  'v2-payload-cut-by-size': ['CARV2_TRUNCATED', 539],
  'v2-unknown-index-codec': ['CARV2_UNKNOWN_INDEX', 652],
  'v2-index-without-codec': ['CARV2_UNKNOWN_INDEX', 652],
  'v2-index-empty': ['CARV2_BAD_INDEX', 652],
  'v2-index-cut': ['CARV2_BAD_INDEX', 670],
  'v2-index-lacks-an-entry': ['CARV2_INDEX_INCOMPLETE', 110],
  'v2-index-wrong-offset': ['CARV2_INDEX_INCOMPLETE', 322],
  'index-empty-file': ['CARV2_BAD_INDEX', 0],
  'index-unknown-codec': ['CARV2_UNKNOWN_INDEX', 0],
  'index-codec-not-minimal': ['CARV2_BAD_INDEX', 0],
  'index-cut-in-counts': ['CARV2_BAD_INDEX', 2],
  'index-cut-in-bucket': ['CARV2_BAD_INDEX', 18],
  'index-code-count-negative': ['CARV2_BAD_INDEX', 2],
  'index-code-count-huge': ['CARV2_BAD_INDEX', 2],
  'index-bucket-count-negative': ['CARV2_BAD_INDEX', 14],
  'index-bucket-count-huge': ['CARV2_BAD_INDEX', 14],
  'index-width-below-8': ['CARV2_BAD_INDEX', 18],
  'index-width-huge': ['CARV2_BAD_INDEX', 18],
  'index-length-negative': ['CARV2_BAD_INDEX', 18],
  'index-length-huge': ['CARV2_BAD_INDEX', 18],
  'index-length-not-a-multiple': ['CARV2_BAD_INDEX', 18],
  'index-code-above-safe': ['CARV2_BAD_INDEX', 6],
  'index-unsorted': ['CARV2_BAD_INDEX', 70],
  'index-codes-descending': ['CARV2_BAD_INDEX', 230],
  'index-codes-twice': ['CARV2_BAD_INDEX', 230],
  'index-widths-descending': ['CARV2_BAD_INDEX', 230],
  'index-offset-above-safe': ['CARV2_BAD_INDEX', 62],
  'block-bit-flip': ['CARV2_HASH_MISMATCH', 271],
  'block-cid-digest-flip': ['CARV2_HASH_MISMATCH', 369],
  'block-no-roots': ['CARV2_NO_ROOTS', 0],
  'block-null-roots': ['CARV2_NO_ROOTS', 0],
  'block-root-missing': ['CARV2_ROOT_MISSING', 0],
}

const hashes = createHashes()
const read = async (name: string, source: ByteSource): Promise<unknown> =>
  name.startsWith('index-') ? collect((await openIndex(source)).entries()) : verifyCar(source, hashes)

describe('a file that is damaged in one way', () => {
  it('has an expectation for each of them', () => {
    expect(Object.keys(EXPECTED)).toEqual(Object.keys(damaged))
  })

  it.each(Object.entries(EXPECTED))('%s: is refused with a code and a place', async (name, [code, offset]) => {
    const bytes = damaged[name]!
    await expect(read(name, createBytesSource(bytes))).rejects.toMatchObject({ name: 'CarV2Error', code, offset })
    const slow = slowSource(bytes)
    await expect(read(name, slow)).rejects.toMatchObject({ name: 'CarV2Error', code, offset })
    // nothing is read, and so nothing allocated, beyond what is there
    expect(slow.reads.every(({ at, length }) => at + length <= bytes.byteLength)).toBe(true)
  })

  it('names the block at fault', async () => {
    await expect(verifyCar(createBytesSource(damaged['block-bit-flip']!), hashes)).rejects.toMatchObject({ cid: expect.any(Uint8Array) })
  })
})
