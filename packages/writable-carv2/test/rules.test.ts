/** What is stored and what is not: go-car's options, and where ours differ. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sharedFixtures } from '@dagstore-tooling/fixtures'
import { IDENTITY_POLICIES, type IdentityPolicyName, inspectCar, openIndex, readLayout, scanSections } from '@dagstore/carv2'
import { createBytesSource, createWindow } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { sha256 } from 'multiformats/hashes/sha2'
import { describe, expect, it } from 'vitest'
import { createWritableCar, type CreateCarOptions, extendWritableCar, type FinalizeOptions, resumeWritableCar, type WritableCar } from '../src/index.ts'
import { all, blocksOf, inlineBlock, memoryFile, type MemoryFile, putAll, type TestBlock } from './blocks.ts'
import { takeApart } from './finished.ts'

const open = async (options: CreateCarOptions = {}): Promise<MemoryFile & { car: WritableCar }> => {
  const memory = await memoryFile()
  return { ...memory, car: await createWritableCar(memory.file, options) }
}
const [first, second] = blocksOf(21, 2) as [TestBlock, TestBlock]

/** The list of go-car's TestBlockstorePutSameHashes: two blocks under three CIDs each, one of each twice. */
const sameHashes = async (): Promise<TestBlock[]> => {
  const block = async (words: string, version: 0 | 1, codec: number): Promise<TestBlock> => {
    const bytes = new TextEncoder().encode(words)
    const digest = await sha256.digest(bytes)
    return { bytes, cid: version === 0 ? CID.createV0(digest) : CID.createV1(codec, digest) }
  }
  const [PB, CBOR] = [0x70, 0x71]
  return Promise.all([
    block('foo bar', 0, PB), block('foo bar', 1, PB), block('foo bar', 1, CBOR), block('foo bar', 1, CBOR),
    block('foo bar baz', 0, PB), block('foo bar baz', 1, PB), block('foo bar baz', 1, PB), block('foo bar baz', 1, CBOR),
  ])
}

describe('eight puts of two blocks under six CIDs (go-car TestBlockstorePutSameHashes)', () => {
  it.each([
    { what: 'duplicates allowed', options: { duplicates: 'allow' }, stored: 8, listed: 2 },
    { what: 'duplicates allowed, by CID', options: { duplicates: 'allow', wholeCid: true }, stored: 8, listed: 6 },
    { what: 'by CID', options: { wholeCid: true }, stored: 6, listed: 6 },
    { what: 'by multihash', options: {}, stored: 2, listed: 2 },
  ] as const)('$what: $stored sections, also after a restart and an extension', async ({ options, stored, listed }) => {
    const list = await sameHashes()
    const { car, file, content } = await open({ ...options, owns: false })
    const check = async (store: WritableCar): Promise<void> => {
      expect(store.blockCount).toBe(stored)
      for (const { cid, bytes } of list) expect(await store.bytes(cid)).toEqual(bytes)
      expect(await all(store.getAll())).toHaveLength(listed)
    }
    for (const { cid, bytes } of list) {
      await car.put(cid, bytes)
      expect(await car.has(cid)).toBe(true)
    }
    await check(car)
    await car.close()
    const resumed = await resumeWritableCar(file, { owns: false })
    await check(resumed)
    await resumed.finalize({ roots: [list[0]!.cid] })
    expect((await takeApart(content())).blocks).toHaveLength(stored)
    await resumed.close()
    const extended = await extendWritableCar(file, options)
    await check(extended)
    await putAll(extended, list)
    expect(extended.blockCount).toBe('duplicates' in options ? 2 * stored : stored)
  })
})

describe('defects of go-car that are not copied', () => {
  it('2.6.4: a block is not dropped because one of another hash function has the same digest', async () => {
    const { digest } = first.cid.multihash
    const inline = CID.createV1(0x55, Digest.create(0, digest))
    for (const order of [[inline, first.cid], [first.cid, inline]]) {
      const { car } = await open()
      for (const cid of order) await car.put(cid, cid.equals(inline) ? digest : first.bytes)
      expect(car.blockCount).toBe(2)
      expect(await car.has(first.cid)).toBe(true)
      expect(await car.bytes(first.cid)).toEqual(first.bytes)
      expect(await car.bytes(inline)).toEqual(digest)
    }
  })
})

describe('identity CIDs', () => {
  const inline = inlineBlock('inline')
  const absent = inlineBlock('absent')

  it.each(Object.keys(IDENTITY_POLICIES) as IdentityPolicyName[])('are stored, listed, marked and answered as %s says', async (name) => {
    const policy = IDENTITY_POLICIES[name]
    const { car, file, content } = await open({ identity: name, owns: false })
    await car.put(inline.cid, inline.bytes)
    await car.put(first.cid, first.bytes)
    await car.close()
    const again = await resumeWritableCar(file, { identity: name })
    expect(again.blockCount).toBe(policy.store ? 2 : 1)
    expect(await again.has(inline.cid)).toBe(policy.store || policy.inline)
    expect(await again.has(absent.cid)).toBe(policy.inline)
    if (policy.inline) {
      expect(await again.bytes(absent.cid)).toEqual(absent.bytes)
      expect(await again.size(absent.cid)).toBe(absent.bytes.byteLength)
    } else {
      await expect(again.bytes(absent.cid)).rejects.toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND' })
      await expect(again.size(absent.cid)).rejects.toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND' })
    }
    await again.finalize()
    const bytes = content()
    const source = createBytesSource(bytes)
    const layout = await readLayout(source)
    expect(layout.fullyIndexed).toBe(policy.mark)
    const index = await openIndex(createWindow(source, layout.indexOffset!, bytes.byteLength - layout.indexOffset!))
    expect(index.facts.entryCount).toBe(policy.store && policy.index ? 2 : 1)
  })

  it('that are listed although they are not stored, and the other way round, are as a policy of one\'s own says', async () => {
    const { car, content } = await open({ identity: { store: true, index: false, mark: false, inline: false } })
    await car.put(inline.cid, inline.bytes)
    await car.finalize()
    const source = createBytesSource(content())
    const layout = await readLayout(source)
    expect(await all(scanSections(source, layout))).toHaveLength(1)
    const index = await openIndex(createWindow(source, layout.indexOffset!, source.sizeBytes - layout.indexOffset!))
    expect(index.facts.entryCount).toBe(0)
    await expect(open({ identity: { store: true, index: false, mark: true, inline: true } })).rejects.toBeInstanceOf(TypeError)
  })
})

describe('limits', () => {
  it('of a CID are go-car\'s: longer ones are refused, but not of an identity CID that is not stored', async () => {
    const cidOf = (length: number): TestBlock => {
      const bytes = new Uint8Array(length - 5).fill(7)
      const cid = CID.createV1(0x55, Digest.create(0, bytes))
      expect(cid.bytes.byteLength).toBe(length)
      return { cid, bytes }
    }
    const { car } = await open({ verifyPuts: false })
    await car.put(cidOf(2048).cid, cidOf(2048).bytes)
    await expect(car.put(cidOf(2049).cid, cidOf(2049).bytes)).rejects.toMatchObject({ code: 'BLOCKSTORE_TOO_LARGE' })
    await expect(car.put(cidOf(2049).cid, [cidOf(2049).bytes])).rejects.toMatchObject({ code: 'BLOCKSTORE_TOO_LARGE' })
    const { car: leaving } = await open({ identity: 'go-car-default', verifyPuts: false })
    await leaving.put(cidOf(2049).cid, cidOf(2049).bytes)
    expect(leaving.blockCount).toBe(0)
    const { car: generous, file, content } = await open({ maxCidBytes: 5000, verifyPuts: false, owns: false })
    await generous.put(cidOf(4000).cid, cidOf(4000).bytes)
    await generous.close()
    const resumed = await resumeWritableCar(file, { verifyPuts: false })
    expect(resumed.blockCount).toBe(1)
    await resumed.put(cidOf(4001).cid, cidOf(4001).bytes)
    await expect(resumed.put(cidOf(5001).cid, cidOf(5001).bytes)).rejects.toMatchObject({ code: 'BLOCKSTORE_TOO_LARGE' })
    await resumed.finalize()
    expect(await inspectCar(createBytesSource(content()), { maxCidBytes: 5000 })).toMatchObject({ layout: { version: 2 } })
    for (const maxCidBytes of [0, -1, 0.5, 2 ** 32]) await expect(open({ maxCidBytes })).rejects.toThrow(RangeError)
  })

  it('of a section count CID and data, as go-car\'s do', async () => {
    const { car } = await open({ maxSectionBytes: 100, verifyPuts: false })
    await car.put(first.cid, new Uint8Array(64))
    await expect(car.put(second.cid, new Uint8Array(65))).rejects.toMatchObject({ code: 'BLOCKSTORE_TOO_LARGE' })
    const tight = await open({ maxSectionBytes: 30, verifyPuts: false })
    await expect(tight.car.put(first.cid, new Uint8Array(0))).rejects.toMatchObject({ code: 'BLOCKSTORE_TOO_LARGE' })
  })
})

describe('the index of a finished file', () => {
  const finished = async (options: FinalizeOptions): Promise<Uint8Array> => {
    const { car, content } = await open()
    await putAll(car, [first, second])
    await car.finalize({ roots: [first.cid], ...options })
    return content()
  }

  it('is the standard one with a trailer, the standard one of either codec, or none', async () => {
    const full = await finished({})
    const { indexOffset } = await readLayout(createBytesSource(full))
    const standard = await finished({ index: 'multihash-index-sorted' })
    expect(Buffer.compare(standard.subarray(indexOffset), full.subarray(indexOffset, standard.byteLength))).toBe(0)
    expect(full.byteLength).toBeGreaterThan(standard.byteLength)
    expect((await takeApart(await finished({ index: 'with-trailer' }))).blocks).toHaveLength(2)
    const sorted = await finished({ index: 'index-sorted' })
    expect([...sorted.subarray(indexOffset, indexOffset! + 2)]).toEqual([0x80, 0x08])
    const none = await finished({ index: 'none' })
    expect(none.byteLength).toBe(indexOffset)
    expect(await readLayout(createBytesSource(none))).toMatchObject({ indexOffset: undefined, fullyIndexed: false })
  })

  it('stands behind padding where that is asked for', async () => {
    const plain = await readLayout(createBytesSource(await finished({})))
    const bytes = await finished({ indexPadding: 77 })
    expect((await readLayout(createBytesSource(bytes))).indexOffset).toBe(plain.indexOffset! + 77)
    expect(bytes.subarray(plain.indexOffset, plain.indexOffset! + 77).every((byte) => byte === 0)).toBe(true)
    expect((await takeApart(bytes)).blocks).toHaveLength(2)
  })

  it.each([{ index: 'other' as never }, { index: 'none', indexPadding: 1 }, { indexPadding: -1 }, { indexPadding: 0.5 }] as const)('is refused in a form that is not: %o, and the file goes on', async (options) => {
    const { car } = await open()
    await car.put(first.cid, first.bytes)
    await expect(car.finalize(options)).rejects.toThrow()
    await car.put(second.cid, second.bytes)
    await car.finalize()
  })

  it('is, without its trailer, byte for byte that of go-car', async ({ skip }) => {
    const fixtures = sharedFixtures()
    if (fixtures === undefined) return skip('the shared fixtures are not beside the checkout')
    const theirs = new Uint8Array(readFileSync(join(fixtures, 'go-car', 'sample-wrapped-v2.car')))
    const source = createBytesSource(theirs)
    const layout = await readLayout(source)
    const { car, content } = await open({ layout: 'go-car', roots: layout.roots, identity: 'lotus-2021', duplicates: 'allow' })
    for await (const { cid, data } of scanSections(source, layout, { data: true })) await car.put(cid, data!)
    await car.finalize({ index: 'multihash-index-sorted' })
    const ours = content()
    expect(Buffer.compare(ours.subarray(51, layout.indexOffset), theirs.subarray(51, layout.indexOffset))).toBe(0)
    const without = await open({ layout: 'go-car', roots: layout.roots, identity: { store: true, index: false, mark: false, inline: true }, duplicates: 'allow' })
    for await (const { cid, data } of scanSections(source, layout, { data: true })) await without.car.put(cid, data!)
    await without.car.finalize({ index: 'multihash-index-sorted' })
    expect(Buffer.compare(without.content(), theirs)).toBe(0)
  })
})
