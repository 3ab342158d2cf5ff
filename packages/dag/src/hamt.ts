/**
 * Sharded directories: a tree of dag-pb nodes in which the hash of a name says where its link is.
 *
 *     fan-out    a power of two from 8 to 1024; log2 of it bits of the hash choose a slot at each level, highest bits first
 *     bit field  big-endian, bit n set: slot n is in use; links stand in the order of the slots
 *     link       name: the slot in hexadecimal digits, then the entry's name; the digits alone: a shard one level down
 *
 * Source: UnixFS specification, "HAMTDirectory"; go-unixfsnode `hamt`. As there, the digits themselves are not compared:
 * the bit field decides. Stricter: the bit field and the links must be equally many.
 */
import { murmur3Into } from '@dagstore/hashes'
import type { CID } from 'multiformats/cid'
import { pbLinkCid, pbNameEquals, pbNameLength, type PbNode } from './dag-pb.ts'
import { DagError } from './errors.ts'
import { decoding } from './links.ts'
import type { UnixfsNode } from './unixfs.ts'

const MURMUR3_X64_64 = 0x22
const HASH_BITS = 64
const MIN_FANOUT = 8
const MAX_FANOUT = 1024

const textEncoder = new TextEncoder()

/** Of a name; the bits that choose a slot are taken from the highest ones downwards. */
const hashOf = (name: Uint8Array): bigint => {
  const halves = new Uint32Array(2)
  murmur3Into(name, halves, 0)
  return BigInt(halves[0]!) << 32n | BigInt(halves[1]!)
}

export interface Shard {
  readonly cid: CID
  readonly bytes: Uint8Array
  readonly node: PbNode
  readonly field: Uint8Array
  /** Bits of the hash that choose a slot here. */
  readonly slotBits: number
  /** Digits in front of a name. */
  readonly digits: number
  /** Bits of the hash used above. */
  readonly usedBits: number
}

/** @throws {DagError} `DAG_BAD_UNIXFS`: not a sound shard, or deeper than the hash has bits */
export const openShard = (cid: CID, bytes: Uint8Array, node: PbNode, unixfs: UnixfsNode | undefined, usedBits: number): Shard => {
  const bad = (what: string): DagError => new DagError('DAG_BAD_UNIXFS', what, cid)
  if (unixfs?.type !== 'hamt') throw bad(`not a shard of a directory; type=${unixfs?.type ?? 'none'}`)
  const { fanout = 0, hashType, data, hasData } = unixfs
  const slotBits = Math.log2(fanout)
  if (hashType !== MURMUR3_X64_64) throw bad(`hash function of a shard; want=0x${MURMUR3_X64_64.toString(16)} got=0x${(hashType ?? 0).toString(16)}`)
  if (!Number.isInteger(slotBits) || fanout < MIN_FANOUT || fanout > MAX_FANOUT) throw bad(`fan-out of a shard; got=${fanout}`)
  if (!hasData || data.byteLength > fanout / 8) throw bad(`bit field of a shard; max=${fanout / 8} got=${hasData ? data.byteLength : 'none'}`)
  if (usedBits + slotBits > HASH_BITS) throw bad(`shard is deeper than the hash has bits; used=${usedBits}`)
  if (onesIn(data) !== node.linkCount) throw bad(`links of a shard; want=${onesIn(data)} got=${node.linkCount}`)
  return { cid, bytes, node, field: data, slotBits, digits: (fanout - 1).toString(16).length, usedBits }
}

/** Where a name leads: to the entry, or to a shard one level down. @throws {DagError} `DAG_BAD_UNIXFS`, `DAG_BAD_BLOCK` */
export const findInShard = (shard: Shard, name: string): { readonly cid: CID, readonly isShard: boolean } | undefined => {
  const { bytes, node, field, slotBits, digits, usedBits } = shard
  const key = textEncoder.encode(name)
  const slot = Number(BigInt.asUintN(slotBits, hashOf(key) >> BigInt(HASH_BITS - usedBits - slotBits)))
  if (!hasBit(field, slot)) return undefined
  const n = onesBelow(field, slot)
  const isShard = isShardLink(shard, n)
  if (!isShard && !pbNameEquals(bytes, node, n, key, digits)) return undefined
  return { cid: decoding(shard.cid, () => pbLinkCid(bytes, node, n)), isShard }
}

/** The shards one level down, in the order of their links. @throws {DagError} `DAG_BAD_UNIXFS`, `DAG_BAD_BLOCK` */
export const shardsBelow = (shard: Shard): CID[] => {
  const below: CID[] = []
  for (let n = 0; n < shard.node.linkCount; n++) {
    if (isShardLink(shard, n)) below.push(decoding(shard.cid, () => pbLinkCid(shard.bytes, shard.node, n)))
  }
  return below
}

const isShardLink = ({ cid, node, digits }: Shard, n: number): boolean => {
  const length = pbNameLength(node, n)
  if (length < digits) throw new DagError('DAG_BAD_UNIXFS', `name in a shard; link=${n} min=${digits} got=${length}`, cid)
  return length === digits
}

/** Bit `slot` counts from the end of the field, lowest first. */
const hasBit = (field: Uint8Array, slot: number): boolean => ((field[field.byteLength - 1 - (slot >> 3)] ?? 0) >> (slot & 7) & 1) === 1

const onesIn = (field: Uint8Array): number => field.reduce((sum, byte) => sum + ones(byte), 0)

const onesBelow = (field: Uint8Array, slot: number): number => {
  const whole = slot >> 3
  let sum = ones((field[field.byteLength - 1 - whole] ?? 0) & ((1 << (slot & 7)) - 1))
  for (let i = 0; i < whole; i++) sum += ones(field[field.byteLength - 1 - i] ?? 0)
  return sum
}

const ones = (byte: number): number => {
  let count = 0
  for (let rest = byte; rest !== 0; rest &= rest - 1) count++
  return count
}
