import { seededBytes } from '@dagstore-tooling/fixtures'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { parsePieceCid, pieceCidV1, pieceCidV2, toPieceCidV1 } from '../src/piece-cid.ts'
import { MAX_PIECE_PADDED, pieceBytes } from '../src/sizes.ts'
import { zeroNode } from '../src/zero-nodes.ts'

const commitment = seededBytes(7, 32)

const tree = (...digest: readonly number[]): CID => CID.createV1(0x55, Digest.create(0x1011, Uint8Array.of(...digest, ...commitment)))

describe('piece CIDs', () => {
  it('v1 has the prefix that Filecoin tools print', () => {
    const { bytes } = pieceCidV1(commitment)
    expect(bytes).toHaveLength(39)
    expect(Buffer.from(bytes.subarray(0, 7)).toString('hex')).toBe('0181e203922020')
    expect(bytes.subarray(7)).toEqual(commitment)
  })
  // FRC-0069, "Test Cases"
  it('agree with FRC-0069 on the empty pieces', () => {
    expect(pieceCidV1(zeroNode(30)).toString()).toBe('baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq')
    expect(pieceCidV2(zeroNode(30), 2 ** 35 / 128 * 127).toString()).toBe('bafkzcibcaapao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq')
    expect(pieceCidV1(zeroNode(31)).toString()).toBe('baga6ea4seaqomqafu276g53zko4k23xzh4h4uecjwicbmvhsuqi7o4bhthhm4aq')
    expect(pieceCidV2(zeroNode(31), MAX_PIECE_PADDED / 128 * 127).toString()).toBe('bafkzcibcaap6mqafu276g53zko4k23xzh4h4uecjwicbmvhsuqi7o4bhthhm4aq')
    expect(pieceCidV2(zeroNode(2), 0).toString()).toBe('bafkzcibcp4bdomn3tgwgrh3g532zopskstnbrd2n3sxfqbze7rxt7vqn7veigmy')
  })
  it.each([0, 1, 64, 126, 127, 128, 254, 255, 381, 1000, 2 ** 20, 5_000_003, 2 ** 32 + 7, 127 * 2 ** 29 - 1, 127 * 2 ** 29])('v2 says that the payload has %i bytes', (payloadBytes) => {
    const facts = parsePieceCid(pieceCidV2(commitment, payloadBytes))
    expect(facts).toEqual({ version: 2, commitment, payloadBytes, paddedBytes: payloadBytes === 0 ? 128 : pieceBytes(payloadBytes).padded })
  })
  it('are read from a CID of any origin and from bytes', () => {
    const v1 = pieceCidV1(commitment)
    const want = { version: 1, commitment, payloadBytes: undefined, paddedBytes: undefined }
    expect(parsePieceCid(v1)).toEqual(want)
    expect(parsePieceCid(v1.bytes)).toEqual(want)
    expect(parsePieceCid({ bytes: v1.bytes })).toEqual(want)
  })
  it('become v1 whichever they were', () => {
    const v1 = pieceCidV1(commitment)
    expect(toPieceCidV1(v1).equals(v1)).toBe(true)
    expect(toPieceCidV1(pieceCidV2(commitment, 1234)).equals(v1)).toBe(true)
  })
  it('keep no reference to the commitment', () => {
    const own = commitment.slice()
    const v1 = pieceCidV1(own)
    const v2 = pieceCidV2(own, 999)
    own.fill(0)
    expect(parsePieceCid(v1).commitment).toEqual(commitment)
    expect(parsePieceCid(v2).commitment).toEqual(commitment)
  })
  it.each([
    { why: 'another codec and hash', cid: CID.createV1(0x55, Digest.create(0x12, commitment)) },
    { why: 'the v1 hash under the raw codec', cid: CID.createV1(0x55, Digest.create(0x1012, commitment)) },
    { why: 'the v2 hash under the v1 codec', cid: CID.createV1(0xf101, Digest.create(0x1011, Uint8Array.of(0, 2, ...commitment))) },
    { why: 'a short commitment', cid: CID.createV1(0xf101, Digest.create(0x1012, commitment.subarray(1))) },
    { why: 'no bytes of a CID', cid: Uint8Array.of(1, 2, 3) },
    { why: 'a tree too low for a piece', cid: tree(0, 1) },
    { why: 'a tree higher than 64 GiB', cid: tree(0, 32) },
    { why: 'padding of half the piece', cid: tree(127, 3) },
    { why: 'padding beyond the smallest piece', cid: tree(0x80, 0x01, 2) },
    { why: 'a padding varint that is too long for its value', cid: tree(0x80, 0x00, 3) },
    { why: 'a padding varint without end', cid: tree(...new Uint8Array(9).fill(0xff)) },
    { why: 'a byte too many', cid: CID.createV1(0x55, Digest.create(0x1011, Uint8Array.of(0, 3, ...commitment, 0))) },
    { why: 'a byte too few', cid: CID.createV1(0x55, Digest.create(0x1011, Uint8Array.of(0, 3, ...commitment.subarray(1)))) },
    { why: 'an empty digest', cid: CID.createV1(0x55, Digest.create(0x1011, new Uint8Array(0))) },
  ])('are refused with $why', ({ cid }) => {
    expect(() => parsePieceCid(cid)).toThrow(expect.objectContaining({ code: 'PIECE_BAD_CID' }))
    expect(() => toPieceCidV1(cid)).toThrow(expect.objectContaining({ code: 'PIECE_BAD_CID' }))
  })
  it('are not made for what is no commitment or no piece', () => {
    expect(() => pieceCidV1(commitment.subarray(1))).toThrow(RangeError)
    expect(() => pieceCidV2(commitment.subarray(1), 127)).toThrow(RangeError)
    expect(() => pieceCidV2(commitment, 127 * 2 ** 29 + 1)).toThrow(expect.objectContaining({ code: 'PIECE_TOO_LARGE' }))
    expect(() => pieceCidV2(commitment, -1)).toThrow(RangeError)
  })
})
