/** Trees of shards of made-up hashes, against the definition. */
import { createHashes } from '@dagstore/hashes'
import { encode } from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { createBlockWriter } from '../src/block-writer.ts'
import type { HashedEntry } from '../src/hash-order.ts'
import { rulesOf } from '../src/profile.ts'
import { writeShards } from '../src/sharded-directory.ts'
import { memorySink } from './sinks.ts'

const hashes = createHashes()
const leaf = CID.parse('bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku')
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

const entryOf = (hash: bigint, name = `n${hash}`): HashedEntry =>
  ({ high: Number(hash >> 32n), low: Number(hash & 0xffff_ffffn), name: utf8(name), cid: leaf.bytes, dagBytes: Number(hash % 1000n) })

/** The CIDs of the nodes, lower ones first. */
const model = (all: readonly bigint[], depth: number, order: string[]): { cid: CID, dagBytes: number } => {
  let [bits, dagBytes] = [0n, 0]
  const links = []
  for (let slot = 0; slot < 256; slot++) {
    const here = all.filter((hash) => Number(hash >> BigInt(56 - 8 * depth) & 0xffn) === slot)
    if (here.length === 0) continue
    bits |= 1n << BigInt(slot)
    const digits = slot.toString(16).toUpperCase().padStart(2, '0')
    const { cid, dagBytes: size, name } = here.length === 1
      ? { cid: leaf, dagBytes: Number(here[0]! % 1000n), name: `n${here[0]!}` }
      : { ...model(here, depth + 1, order), name: '' }
    links.push({ Hash: cid, Name: digits + name, Tsize: size })
    dagBytes += size
  }
  const hex = bits.toString(16)
  const data = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
  const block = encode({ Links: links, Data: new UnixFS({ type: 'hamt-sharded-directory', data, fanout: 256n, hashType: 0x22n }).marshal() })
  const cid = CID.createV1(0x70, Digest.create(0x12, hashes.digest(0x12, block)))
  order.push(cid.toString())
  return { cid, dagBytes: dagBytes + block.byteLength }
}

const write = async (entries: readonly HashedEntry[], sink = memorySink()): Promise<{ cid: CID, dagBytes: number, blocks: number }> => {
  const batches = function * (): Generator<readonly HashedEntry[]> {
    for (let at = 0; at < entries.length; at += 7) yield entries.slice(at, at + 7)
  }
  return writeShards(createBlockWriter(rulesOf('unixfs-v1-2025'), sink, hashes, { identity: 'put' }), batches(), 'd')
}

/** Hashes that share prefixes of every length with each other. */
const close = fc.array(fc.constantFrom(0, 1, 0x80, 0xff), { minLength: 8, maxLength: 8 }).map((list) => list.reduce((sum, byte) => sum << 8n | BigInt(byte), 0n))
const mostlyEqual = fc.tuple(fc.constantFrom(0n, 0xffff_ffff_ffff_ffffn, 0x8000_0000_0000_0000n, 0x7fff_ffff_8000_0000n), fc.nat(63)).map(([hash, bit]) => hash ^ 1n << BigInt(bit))

describe('writeShards', () => {
  it('gives the nodes of the definition, lower ones first, whatever prefixes hashes share (property)', async () => {
    const any = fc.oneof(close, mostlyEqual, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))
    await fc.assert(fc.asyncProperty(fc.uniqueArray(any, { minLength: 1, maxLength: 120 }), async (list) => {
      const sorted = list.sort((a, b) => a < b ? -1 : 1)
      const order: string[] = []
      const want = model(sorted, 0, order)
      const sink = memorySink()
      const got = await write(sorted.map((hash) => entryOf(hash)), sink)
      expect([got.cid.toString(), got.dagBytes, got.blocks]).toEqual([want.cid.toString(), want.dagBytes, order.length])
      expect(sink.order).toEqual(order)
    }), { seed: 82, numRuns: 150 })
  })
  it('refuses names with one hash, and equal names', async () => {
    const hash = 0x0123_4567_89ab_cdefn
    for (const names of [['a', 'b'], ['a', 'a']] as const) {
      await expect(write([entryOf(5n), ...names.map((name) => entryOf(hash, name))])).rejects.toMatchObject({ code: 'UNIXFS_BAD_NAME', path: 'd/a' })
    }
  })
})
