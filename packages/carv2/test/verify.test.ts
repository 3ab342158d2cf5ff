import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { carV1, carV1Header, carV2, concat, entriesOf, indexBytes, makeBlock, makeBlocks, mixedBlocks, placedBlocks, section, sharedFixtures } from '@dagstore-tooling/fixtures'
import { createHashes } from '@dagstore/hashes'
import { type ByteProgress, createBytesSource } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { buildIndex, verifyCar } from '../src/index.ts'
import { plainBlocks, slowSource } from './support.ts'

const hashes = createHashes()
const blocks = mixedBlocks(101)
const roots = [blocks[0]!.cid]
const rows = entriesOf(placedBlocks(roots, blocks))

describe('verifyCar', () => {
  it.each([
    { what: 'a CARv1', bytes: carV1(roots, blocks) },
    { what: 'a padded CARv1', bytes: carV1(roots, blocks, { paddingBytes: 3_000_000 }) },
    { what: 'a CARv2', bytes: carV2({ roots, blocks }) },
    { what: 'a CARv2 with the older index', bytes: carV2({ roots, blocks, index: 0x0400 }) },
    { what: 'a CARv2 whose index leaves identity CIDs out', bytes: carV2({ roots, blocks, identityCids: 'excluded' }) },
    { what: 'a CARv2 whose older index leaves identity CIDs out', bytes: carV2({ roots, blocks, index: 0x0400, identityCids: 'excluded' }) },
    { what: 'a CARv2 without an index', bytes: carV2({ roots, blocks, index: 'none' }) },
    { what: 'a CARv2 with padding everywhere', bytes: carV2({ roots, blocks, dataPadding: 10, payloadPadding: 20, indexPadding: 30 }) },
    { what: 'a CARv2 with zeros behind its index', bytes: concat([carV2({ roots, blocks }), new Uint8Array(5000)]) },
  ])('is content with $what', async ({ bytes }) => {
    for (const source of [createBytesSource(bytes), slowSource(bytes)]) {
      const report = await verifyCar(source, hashes)
      expect(report).toMatchObject({ blockCount: blocks.length, payloadEnd: carV1(roots, blocks).byteLength, missing: [], missingCount: 0 })
    }
  })

  it('is content with an index whose equal digests are in another order', async () => {
    const repeat = makeBlock(Uint8Array.of(5))
    const some = [repeat, ...blocks, repeat, repeat]
    const entries = entriesOf(placedBlocks(roots, some))
    const sorted = indexBytes(0x0401, entries)
    const at = Buffer.from(sorted).indexOf(Buffer.from(repeat.multihash.subarray(2)))
    const swapped = concat([sorted.subarray(0, at), sorted.subarray(at + 40, at + 80), sorted.subarray(at, at + 40), sorted.subarray(at + 80)])
    expect((await verifyCar(createBytesSource(carV2({ roots, blocks: some, index: swapped })), hashes)).blockCount).toBe(some.length)
  })

  it.each([
    { why: 'lists a section that is not there', index: indexBytes(0x0401, [...rows, { code: 0x12, digest: new Uint8Array(32), offset: 1 }]), code: 'CARV2_BAD_INDEX' },
    { why: 'lists a block twice at one place', index: indexBytes(0x0401, [...rows, rows[0]!]), code: 'CARV2_BAD_INDEX' },
    { why: 'lists a block under another hash', index: indexBytes(0x0401, rows.map((row, i) => i === 0 ? { ...row, code: 0x14 } : row)), code: 'CARV2_INDEX_INCOMPLETE' },
    { why: 'lacks one of two occurrences', index: indexBytes(0x0401, rows.filter((row) => row !== rows[21])), code: 'CARV2_INDEX_INCOMPLETE' },
    { why: 'is empty', index: indexBytes(0x0401, []), code: 'CARV2_INDEX_INCOMPLETE' },
    { why: 'is of the older codec and lacks a block', index: indexBytes(0x0400, rows.slice(1)), code: 'CARV2_INDEX_INCOMPLETE' },
    { why: 'has an identity CID at a wrong place', index: indexBytes(0x0401, rows.map((row) => row.code === 0 ? { ...row, offset: row.offset + 1 } : row)), code: 'CARV2_BAD_INDEX' },
  ])('refuses an index that $why', async ({ index, code }) => {
    await expect(verifyCar(createBytesSource(carV2({ roots, blocks, index })), hashes)).rejects.toMatchObject({ code, offset: expect.any(Number) })
  })

  it('finds the first byte that is not zero behind the last section, wherever it lies in memory', async () => {
    for (let before = 0; before < 5; before++) {
      const bytes = concat([new Uint8Array(before), carV1(roots, blocks, { paddingBytes: 23 })]).subarray(before)
      for (let at = bytes.byteLength - 22; at < bytes.byteLength; at++) {
        const dirty = bytes.slice()
        dirty.fill(1, at)
        const source = createBytesSource(concat([new Uint8Array(before), dirty]).subarray(before))
        await expect(verifyCar(source, hashes)).rejects.toMatchObject({ code: 'CARV2_BAD_SECTION', offset: at })
      }
    }
  })

  it('looks at all zeros behind the last section, however many', async () => {
    const bytes = carV1(roots, blocks, { paddingBytes: 3_000_000 })
    bytes[bytes.byteLength - 1] = 1
    for (const source of [createBytesSource(bytes), slowSource(bytes)]) {
      await expect(verifyCar(source, hashes)).rejects.toMatchObject({ code: 'CARV2_BAD_SECTION', offset: bytes.byteLength - 1 })
      expect((await buildIndex(source)).entryCount).toBe(blocks.length)
    }
  })

  it('refuses a hash that it cannot compute, and says whose', async () => {
    const foreign = { cid: Uint8Array.of(1, 0x55, 0x14, 2, 7, 7), data: Uint8Array.of(1) }
    const bytes = concat([carV1Header(roots), section(blocks[0]!), section(foreign)])
    await expect(verifyCar(createBytesSource(bytes), hashes)).rejects.toMatchObject({ code: 'CARV2_UNKNOWN_HASH', cid: foreign.cid })
  })

  it('does not take a shortened digest for the whole one', async () => {
    const { data, multihash } = blocks[0]!
    const cut = { cid: Uint8Array.of(1, 0x55, 0x12, 20, ...multihash.subarray(2, 22)), data }
    const bytes = concat([carV1Header(roots), section(blocks[0]!), section(cut)])
    await expect(verifyCar(createBytesSource(bytes), hashes)).rejects.toMatchObject({ code: 'CARV2_HASH_MISMATCH', cid: cut.cid })
  })

  it('takes a root whose CID holds its data as there', async () => {
    const root = makeBlock(Uint8Array.of(1), { hash: 'identity' }).cid
    expect((await verifyCar(createBytesSource(carV1([root], blocks)), hashes)).blockCount).toBe(blocks.length)
  })

  describe('with linksOf', () => {
    const leaves = makeBlocks(102, 3, { min: 3, max: 3 })
    const gone = makeBlocks(103, 2, { min: 3, max: 3 })
    const inline = makeBlock(Uint8Array.of(1), { hash: 'identity' })
    /** A node here is the CIDs of its children, one after another. */
    const node = makeBlock(concat([...leaves, gone[0]!, inline, gone[1]!, gone[0]!].map(({ cid }) => cid)), { codec: 0x71 })
    const linksOf = (cid: CID, data: Uint8Array): CID[] => {
      const links: CID[] = []
      for (let rest = data; cid.code === 0x71 && rest.byteLength > 0;) {
        const [link, after] = CID.decodeFirst(rest)
        links.push(link)
        rest = after
      }
      return links
    }

    it('lists the links that lead out of the file, each once', async () => {
      const report = await verifyCar(createBytesSource(carV1([node.cid], [node, ...leaves])), hashes, { linksOf })
      expect(report.missingCount).toBe(2)
      expect(report.missing.map(({ bytes }) => bytes)).toEqual(gone.map(({ cid }) => cid))
    })

    it('refuses them only when the file shall be complete', async () => {
      const car = (more: typeof gone): Uint8Array => carV1([node.cid], [node, ...leaves, ...more])
      await expect(verifyCar(createBytesSource(car([])), hashes, { linksOf, policy: { missingLinks: 'refuse' } })).rejects.toMatchObject({ code: 'CARV2_INCOMPLETE', cid: gone[0]!.cid })
      expect((await verifyCar(createBytesSource(car(gone)), hashes, { linksOf, policy: { missingLinks: 'refuse' } })).missingCount).toBe(0)
    })

    it('counts blocks whose links cannot be read', async () => {
      const bad = makeBlock(Uint8Array.of(9, 9), { codec: 0x71 })
      expect((await verifyCar(createBytesSource(carV1([bad.cid], [bad, ...leaves])), hashes, { linksOf })).undecodable).toBe(1)
    })

    it('lists a link that is as long as a block may be', async () => {
      const long = makeBlock(new Uint8Array(1 << 20).fill(7), { hash: 'identity' })
      const foreign = CID.decode(concat([Uint8Array.of(1, 0x55, 0x1e), long.cid.subarray(3)]))
      const parent = makeBlock(foreign.bytes, { codec: 0x71 })
      const report = await verifyCar(createBytesSource(carV1([parent.cid], [parent])), hashes, { linksOf })
      expect(report.missing.map(({ bytes }) => bytes.byteLength)).toEqual([foreign.bytes.byteLength])
    })

    it('is needed for completeness', async () => {
      await expect(verifyCar(createBytesSource(carV1([node.cid], [node])), hashes, { policy: { missingLinks: 'refuse' } })).rejects.toThrow(TypeError)
    })
  })

  it('reports the end too when nobody asks what follows the last section', async () => {
    const bytes = carV1(roots, blocks, { paddingBytes: 3_000_000 })
    for (const source of [createBytesSource(bytes), slowSource(bytes)]) {
      for (const padding of ['allow', undefined] as const) {
        const seen: ByteProgress[] = []
        const report = await verifyCar(source, hashes, { policy: padding === undefined ? {} : { padding }, onProgress: (progress) => { seen.push(progress) } })
        expect(report.paddingBytes).toBe(3_000_000)
        expect(seen.at(-1)).toEqual({ doneBytes: bytes.byteLength, totalBytes: bytes.byteLength })
      }
    }
  })

  it('reads once with linksOf too, reports progress that never goes back, and stops at the signal', async () => {
    const some = plainBlocks(3000, 900)
    const source = slowSource(carV1([some[0]!.cid], some))
    const seen: ByteProgress[] = []
    await verifyCar(source, hashes, { linksOf: () => [], onProgress: (progress) => { seen.push(progress) } })
    expect(seen.map(({ doneBytes }) => doneBytes)).toEqual(seen.map(({ doneBytes }) => doneBytes).sort((a, b) => a - b))
    expect(seen.at(-1)).toEqual({ doneBytes: source.sizeBytes, totalBytes: source.sizeBytes })
    const stop = new AbortController()
    const reason = new Error('enough')
    await expect(verifyCar(source, hashes, { signal: stop.signal, onProgress: ({ doneBytes }) => { if (doneBytes > 1e6) stop.abort(reason) } })).rejects.toBe(reason)
  })

  it.skipIf(sharedFixtures() === undefined).each(['sample-v1.car', 'sample-wrapped-v2.car', 'sample-v2-indexless.car', 'sample-rw-bs-v2.car', 'lotus-sample-rw-bs-v2.car', 'sample-unixfs-v2.car', 'sample-v1-with-zero-len-section2.car'])('is content with %s of go-car (where it lies beside the checkout)', async (name) => {
    const source = createBytesSource(readFileSync(join(sharedFixtures()!, 'go-car', name)))
    expect((await verifyCar(source, hashes)).blockCount).toBeGreaterThan(0)
  })
})
