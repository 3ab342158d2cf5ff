/** The blocks that stores under test hold, and CIDs of blocks that they do not hold. */
import { CID } from 'multiformats/cid'
import { create, type Digest } from 'multiformats/hashes/digest'
import { sha256, sha512 } from 'multiformats/hashes/sha2'
import type { SuiteBlock } from './subject.ts'

const RAW = 0x55
const DAG_PB = 0x70
const DAG_CBOR = 0x71
const SHA2_256 = 0x12
const BLAKE2B_256 = 0xb220

export interface SuiteBlocks {
  /** Blocks of many kinds: empty, of one byte, of 300,000 bytes, CIDv0, sha2-512, small ones. */
  readonly held: readonly SuiteBlock[]
  /** Under an identity CID. */
  readonly inline: SuiteBlock
  /** CIDs near to those held, and of none of them. */
  readonly absent: readonly CID[]
}

/** The same bytes for the same arguments; no two seeds share a start. */
const content = (seed: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  let state = Math.imul(seed + 1, 0x9e3779b1)
  for (let at = 0; at < length; at++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + at | 0
    bytes[at] = state >>> 11
  }
  return bytes
}

const digestOf = async (bytes: Uint8Array): Promise<Digest<18, number>> => sha256.digest(bytes)

export const makeSuiteBlocks = async (): Promise<SuiteBlocks> => {
  const raw = async (bytes: Uint8Array, codec = RAW): Promise<SuiteBlock> => ({ cid: CID.createV1(codec, await digestOf(bytes)), bytes })
  const first = content(1, 700)
  const held: SuiteBlock[] = [
    await raw(first),
    { cid: CID.createV0(await digestOf(content(2, 250))), bytes: content(2, 250) },
    await raw(new Uint8Array(0)),
    await raw(Uint8Array.of(0)),
    await raw(content(3, 300_000)),
    { cid: CID.createV1(RAW, await sha512.digest(content(4, 500))), bytes: content(4, 500) },
    await raw(content(5, 90), DAG_CBOR),
  ]
  for (let seed = 100; seed < 130; seed++) held.push(await raw(content(seed, 1 + seed * 7), seed % 2 === 0 ? RAW : DAG_PB))

  const { digest } = await digestOf(first)
  const near = Uint8Array.from(digest)
  near[31]! ^= 1
  const absent = [
    CID.createV1(RAW, await digestOf(content(200, 10))),
    CID.createV0(await digestOf(content(201, 10))),
    CID.createV1(RAW, create(SHA2_256, near)),
    // the right digest, but of another hash function
    CID.createV1(RAW, create(BLAKE2B_256, Uint8Array.from(digest))),
    // the right digest, cut
    CID.createV1(RAW, create(SHA2_256, digest.slice(0, 20))),
  ]
  const inline = content(6, 40)
  return { held, inline: { cid: CID.createV1(RAW, create(0, inline)), bytes: inline }, absent }
}

/** The same multihash under another codec and version. */
export const otherCidsOf = (cid: CID): readonly CID[] => [RAW, DAG_PB, DAG_CBOR].filter((codec) => codec !== cid.code || cid.version === 0)
  .map((codec) => CID.createV1(codec, cid.multihash))

/** A CID as another copy of multiformats makes it: the same fields, none of our classes. */
export const foreignCidOf = ({ code, version, multihash, bytes }: CID): CID => {
  const { code: hashCode, digest, size, bytes: hashBytes } = multihash
  return { '/': bytes, code, version, multihash: { code: hashCode, digest, size, bytes: hashBytes }, bytes } as unknown as CID
}
