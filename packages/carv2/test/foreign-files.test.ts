import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sharedFixtures } from '@dagstore-tooling/fixtures'
import { createBytesSource, createWindow } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { buildIndex, INDEX_SORTED, type IdentityPolicyName, type IndexCodec, MULTIHASH_INDEX_SORTED, openIndex, readLayout, scanSections } from '../src/index.ts'
import { concat, scanAll } from './support.ts'

const folder = sharedFixtures()
const file = (name: string): Uint8Array => readFileSync(join(folder!, name))

/** What other implementations wrote; the numbers stand in the reference on CAR formats. */
describe.skipIf(folder === undefined)('files of other implementations (where they lie beside the checkout)', () => {
  it.each([
    { name: 'go-car/sample-v1.car', version: 1, start: 0, bytes: 479907, blocks: 1049, first: [61, 922, 2015], end: 479907, padding: 0 },
    { name: 'go-car/sample-v1-noidentity.car', version: 1, start: 0, bytes: 479743, blocks: 1043, first: [61, 922, 2015], end: 479743, padding: 0 },
    { name: 'go-car/sample-v1-with-zero-len-section.car', version: 1, start: 0, bytes: 481955, blocks: 1049, first: [61, 922, 2015], end: 479907, padding: 2048 },
    { name: 'go-car/sample-v1-with-zero-len-section2.car', version: 1, start: 0, bytes: 32512, blocks: 20, first: [61], end: 20819, padding: 11693 },
    { name: 'go-car/sample-wrapped-v2.car', version: 2, start: 51, bytes: 479907, blocks: 1049, first: [61, 922, 2015], end: 479907, padding: 0 },
    { name: 'go-car/sample-v2-indexless.car', version: 2, start: 51, bytes: 479907, blocks: 1049, first: [61, 922, 2015], end: 479907, padding: 0 },
    { name: 'go-car/sample-rw-bs-v2.car', version: 2, start: 1464, bytes: 273, blocks: 3, first: [142, 183, 227], end: 273, padding: 0 },
    { name: 'go-car/lotus-sample-rw-bs-v2.car', version: 2, start: 1464, bytes: 273, blocks: 3, first: [142, 183, 227], end: 273, padding: 0 },
    { name: 'go-car/sample-unixfs-v2.car', version: 2, start: 51, bytes: 284, blocks: 3, first: [59, 108, 198], end: 284, padding: 0 },
    { name: 'ipld-spec/carv1-basic.car', version: 1, start: 0, bytes: 715, blocks: 8, first: [100, 192, 325, 366, 496, 537, 619, 660], end: 715, padding: 0 },
    { name: 'ipld-spec/carv2-basic.car', version: 2, start: 51, bytes: 448, blocks: 5, first: [57, 139, 274, 363, 404], end: 448, padding: 0 },
  ])('reads $name', async ({ name, version, start, bytes, blocks, first, end, padding }) => {
    const source = createBytesSource(file(name))
    const layout = await readLayout(source)
    expect(layout).toMatchObject({ version, payloadStart: start, payloadBytes: bytes })
    const { sections, end: found } = await scanAll(scanSections(source, layout))
    expect(sections).toHaveLength(blocks)
    expect(sections.slice(0, first.length).map((section) => section.sectionOffset)).toEqual(first)
    expect(found).toEqual({ payloadEnd: end, paddingBytes: padding })
  })

  it.each(['carv1-basic', 'carv2-basic'])('finds the blocks of %s where the specification says', async (name) => {
    const { blocks } = JSON.parse(new TextDecoder().decode(file(`ipld-spec/${name}.json`))) as { blocks: { cid: { '/': string }, offset: number, length: number, blockOffset: number, blockLength: number }[] }
    const source = createBytesSource(file(`ipld-spec/${name}.car`))
    const { sections } = await scanAll(scanSections(source, await readLayout(source)))
    expect(sections.map(({ cid, sourceOffset, headBytes, dataBytes }) => [CID.decode(cid).toString(), sourceOffset, headBytes + dataBytes, sourceOffset + headBytes, dataBytes]))
      .toEqual(blocks.map(({ cid, offset, length, blockOffset, blockLength }) => [cid['/'], offset, length, blockOffset, blockLength]))
  })

  it('gives the 1048 whole sections of sample-v1-tailing-corrupt-section.car before it says that it is torn', async () => {
    const source = createBytesSource(file('go-car/sample-v1-tailing-corrupt-section.car'))
    const sections = scanSections(source, await readLayout(source))
    for (let i = 0; i < 1048; i++) expect((await sections.next()).done).toBe(false)
    await expect(sections.next()).rejects.toMatchObject({ code: 'CARV2_TRUNCATED', offset: 479518 })
  })

  it('knows the roots of a file', async () => {
    const { roots } = await readLayout(createBytesSource(file('go-car/sample-v1.car')))
    expect(roots.map(String)).toEqual(['bafy2bzaced4ueelaegfs5fqu4tzsh6ywbbpfk3cxppupmxfdhbpbhzawfw5oy'])
  })

  const attached = (name: string): Uint8Array => {
    const bytes = file(name)
    return bytes.subarray(Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(43, true)))
  }
  it.each<{ car: string, index: () => Uint8Array, what: string, codec: IndexCodec, identity: IdentityPolicyName }>([
    { car: 'sample-wrapped-v2.car', what: 'its own', index: () => attached('go-car/sample-wrapped-v2.car'), codec: MULTIHASH_INDEX_SORTED, identity: 'go-car-default' },
    { car: 'sample-rw-bs-v2.car', what: 'its own', index: () => attached('go-car/sample-rw-bs-v2.car'), codec: MULTIHASH_INDEX_SORTED, identity: 'full' },
    { car: 'lotus-sample-rw-bs-v2.car', what: 'its own', index: () => attached('go-car/lotus-sample-rw-bs-v2.car'), codec: INDEX_SORTED, identity: 'full' },
    { car: 'sample-unixfs-v2.car', what: 'its own', index: () => attached('go-car/sample-unixfs-v2.car'), codec: MULTIHASH_INDEX_SORTED, identity: 'full' },
    { car: 'sample-v1.car', what: 'sample-index.carindex', index: () => file('go-car/sample-index.carindex'), codec: INDEX_SORTED, identity: 'full' },
    { car: 'sample-v1.car', what: 'sample-multihash-index-sorted.carindex', index: () => file('go-car/sample-multihash-index-sorted.carindex'), codec: MULTIHASH_INDEX_SORTED, identity: 'go-car-default' },
  ])('makes of $car the index $what, byte for byte', async ({ car, index, codec, identity }) => {
    const built = await buildIndex(createBytesSource(file(`go-car/${car}`)), { identity })
    expect(Buffer.compare(concat(built.encodeStandard(codec)), index())).toBe(0)
  })

  it.each([
    { name: 'go-car/sample-v1-tailing-corrupt-section.car', code: 'CARV2_TRUNCATED', offset: 479518 },
    { name: 'go-car/sample-rootless-v42.car', code: 'CARV2_BAD_VERSION', offset: 0 },
    { name: 'go-car/sample-corrupt-pragma.car', code: 'CARV2_TRUNCATED', offset: 16 },
    { name: 'go-car/sample-v2-corrupt-data-and-index.car', code: 'CARV2_BAD_HEADER', offset: 27 },
  ])('refuses $name', async ({ name, code, offset }) => {
    await expect(buildIndex(createBytesSource(file(name)))).rejects.toMatchObject({ code, offset })
  })

  it('refuses the index of the specification, which has no codec', async () => {
    const bytes = file('ipld-spec/carv2-basic.car')
    const window = createWindow(createBytesSource(bytes), 499, 216)
    await expect(openIndex(window)).rejects.toMatchObject({ code: 'CARV2_UNKNOWN_INDEX', offset: 0 })
  })

  it('finds every block of a file in an index that go-car wrote', async () => {
    const source = createBytesSource(file('go-car/sample-v1.car'))
    const { sections } = await scanAll(scanSections(source, await readLayout(source)))
    const index = await openIndex(createBytesSource(file('go-car/sample-index.carindex')))
    expect(index.facts).toMatchObject({ codec: INDEX_SORTED, entryCount: 1049, identityCids: 'unknown', roots: undefined })
    for (const { cid, sectionOffset } of sections) {
      const found = await index.find(cid.subarray(2))
      expect(found.map((entry) => entry.sectionOffset)).toContain(sectionOffset)
    }
  })
})
