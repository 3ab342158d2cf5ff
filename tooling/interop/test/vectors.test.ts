/** The committed CAR files and indices of go-car, read by our packages. */
import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { seededBytes } from '@dagstore-tooling/fixtures'
import { buildIndex, type CarLayout, INDEX_SORTED, inspectCar, MULTIHASH_INDEX_SORTED, type IndexView, openIndex, readLayout, scanSections, verifyCar } from '@dagstore/carv2'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import type { Hasher } from '@dagstore/hashes'
import { openHashes } from '@dagstore/hashes/node'
import { type ByteSource, createBytesSource, createWindow } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { inputBytes } from './inputs.ts'
import { type CarFacts, type IndexEntryFacts, manifest, readVector, type SectionFacts, VECTORS } from './manifest.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const concat = (parts: Iterable<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat([...parts]))
/** One that the vectors use and that has to be given to ours. */
const sha1: Hasher = { code: 0x11, name: 'sha1', digest: (bytes) => new Uint8Array(createHash('sha1').update(bytes).digest()) }
const hashes = await openHashes({ hashers: [sha1] })

/** Sections of a payload in the manifest's terms, and what lies behind them. */
const scan = async (source: ByteSource, layout: CarLayout): Promise<{ blocks: SectionFacts[], padding: number }> => {
  const blocks: SectionFacts[] = []
  const sections = scanSections(source, layout)
  for (;;) {
    const next = await sections.next()
    if (next.done === true) return { blocks, padding: next.value.paddingBytes }
    const { cid, sectionOffset, dataBytes } = next.value
    blocks.push({ cid: CID.decode(cid).toString(), offset: sectionOffset, fileOffset: layout.payloadStart + sectionOffset, size: dataBytes })
  }
}

const entriesOf = async (index: IndexView): Promise<IndexEntryFacts[]> => {
  const entries: IndexEntryFacts[] = []
  for await (const { code, digest, sectionOffset } of index.entries()) {
    const key = code === undefined ? digest : multihash(code, digest)
    entries.push({ key: hex(key), offset: sectionOffset })
  }
  return entries.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.offset - b.offset))
}

const multihash = (code: number, digest: Uint8Array): Uint8Array => new Uint8Array([...varint(code), ...varint(digest.byteLength), ...digest])

const varint = (n: number): number[] => (n < 0x80 ? [n] : [(n & 0x7f) | 0x80, ...varint(n >>> 7)])

describe('the vector set', () => {
  it.each(manifest.generator.checks)('is made from bytes that our generators repeat: seed $seed, $size bytes', ({ seed, size, sha256: want }) => {
    expect(sha256(seededBytes(seed, size))).toBe(want)
    expect(sha256(inputBytes(seed, size))).toBe(want)
  })

  it('holds the files that the manifest lists, and no others', () => {
    const found = readdirSync(VECTORS).filter((name) => name !== 'manifest.json').sort().map((name) => {
      const bytes = readVector(name)
      return { name, size: bytes.byteLength, sha256: sha256(bytes) }
    })
    expect(found).toEqual(manifest.files)
  })
})

describe.each(manifest.cars)('$file: $about', (facts: CarFacts) => {
  const open = (): ByteSource => createBytesSource(readVector(facts.file))
  const { header } = facts

  it('has the layout that go-car sees', async () => {
    const layout = await readLayout(open())
    expect(layout.version).toBe(facts.version)
    expect(layout.roots.map(String)).toEqual(facts.roots ?? [])
    expect(layout.payloadStart).toBe(header?.dataOffset ?? 0)
    expect(layout.fullyIndexed).toBe(header?.fullyIndexed ?? false)
    expect(layout.indexOffset ?? 0).toBe(header?.indexOffset ?? 0)
    if (header !== undefined) expect(layout.payloadBytes).toBe(header.dataSize)
  })

  it('has the sections that go-car sees', async () => {
    const source = open()
    expect(await scan(source, await readLayout(source))).toEqual({ blocks: facts.blocks, padding: facts.zeroPaddingBytes })
  })

  it('passes verification, unless it lacks roots or their blocks', async () => {
    const verdict = await verifyCar(open(), hashes).then(() => 'whole', (error: { code: string }) => error.code)
    const missing = facts.roots?.some((root) => !facts.blocks.some(({ cid }) => cid === root)) === true
    expect(verdict).toBe(facts.roots === null ? 'CARV2_NO_ROOTS' : missing ? 'CARV2_ROOT_MISSING' : 'whole')
  })

  it('has the numbers that go-car inspects', async () => {
    const report = await inspectCar(open(), { hashes })
    const { inspect } = facts
    expect(report.blockCount).toBe(facts.blocks.length)
    expect(report.rootsPresent).toBe(inspect.rootsPresent)
    expect(Object.fromEntries(report.codecCounts)).toEqual(inspect.codecs)
    expect(Object.fromEntries(report.hashCounts)).toEqual(inspect.hashes)
    if (inspect.cidBytes !== null) expect(report.cidBytes).toEqual(inspect.cidBytes)
    if (inspect.blockBytes !== null) expect(report.blockBytes).toEqual(inspect.blockBytes)
    expect(report.indexCodec).toBe(facts.index === undefined ? undefined : Number(facts.index.codec))
  })

  it('serves every block', async () => {
    const bytes = readVector(facts.file)
    const mount = await openIndexMount({ data: createBytesSource(bytes) }, { hashes })
    expect(mount.roots.map(String)).toEqual(facts.roots ?? [])
    for (const { cid, fileOffset, size } of facts.blocks) {
      const block = await mount.blockstore.bytes(CID.parse(cid))
      const head = CID.parse(cid).byteLength
      const start = fileOffset + varint(head + size).length + head
      expect(hex(block)).toBe(hex(bytes.subarray(start, start + size)))
    }
    await mount.close()
  })
})

describe.each(manifest.cars.flatMap(({ file, blocks, header, index }) => (header && index ? [{ file, blocks, header, index }] : [])))(
  'the index in $file', ({ file, blocks, header, index }) => {
    it('leads to every section that it counts', async () => {
      const source = createBytesSource(readVector(file))
      const view = await openIndex(createWindow(source, header.indexOffset, source.sizeBytes - header.indexOffset))
      expect(view.facts).toMatchObject({ codec: Number(index.codec), entryCount: index.count })
      expect(await entriesOf(view)).toEqual(index.entries)
      const indexed = new Set(index.entries.map(({ offset }) => offset))
      for (const { cid, offset } of blocks.filter((block) => indexed.has(block.offset))) {
        const found = await view.find(CID.parse(cid).multihash.bytes)
        expect(found.map(({ sectionOffset }) => sectionOffset)).toContain(offset)
      }
      await view.close()
    })
  })

describe.each(manifest.indices)('$file', (facts) => {
  it('is what we build from the CAR, byte for byte', async () => {
    const built = await buildIndex(createBytesSource(readVector(facts.car)), { identity: facts.storeIdentity ? 'full' : 'go-car-default' })
    const codec = facts.codec === '0x0400' ? INDEX_SORTED : MULTIHASH_INDEX_SORTED
    const ours = concat(built.encodeStandard(codec))
    // with no identity CID in the CAR, both policies give these bytes
    expect(hex(ours)).toBe(hex(readVector(facts.file)))
  })

  it('opens, and lists the entries that go-car lists', async () => {
    const view = await openIndex(createBytesSource(readVector(facts.file)))
    expect(view.facts.entryCount).toBe(facts.count)
    expect(await entriesOf(view)).toEqual(facts.entries)
    await view.close()
  })

  it('serves the CAR in place of an index of ours', async () => {
    const mount = await openIndexMount(
      { data: createBytesSource(readVector(facts.car)), index: createBytesSource(readVector(facts.file)) },
      { hashes },
    )
    const car = manifest.cars.find(({ file }) => file === facts.car)!
    for (const { cid, size } of car.blocks) expect((await mount.blockstore.bytes(CID.parse(cid))).byteLength).toBe(size)
    await mount.close()
  })
})

describe.each(manifest.torn.filter(({ finalized }) => finalized))('$file: $about', (facts) => {
  const open = (): ByteSource => createBytesSource(readVector(facts.file))

  it('has the sections that go-car sees', async () => {
    const source = open()
    expect((await scan(source, await readLayout(source))).blocks).toEqual(facts.blocks)
  })

  it('passes verification unless go-car resumed over a tear', async () => {
    const damaged = facts.goCarResume.damaged.length > 0
    const verdict = await verifyCar(open(), hashes).then(() => 'whole', (error: { code: string }) => error.code)
    expect(verdict).toBe(damaged ? 'CARV2_HASH_MISMATCH' : 'whole')
  })
})

describe.each(manifest.torn.filter(({ finalized }) => !finalized))('$file: $about', (facts) => {
  it('is refused as not finalised', async () => {
    await expect(readLayout(createBytesSource(readVector(facts.file)))).rejects.toMatchObject({ code: 'CARV2_NOT_FINALIZED' })
  })
})

describe.each(manifest.torn.filter(({ finalized, blocks }) => !finalized && blocks.length > 0))('the payload of $file', (facts) => {
  it('is readable as a CARv1 up to the tear, and says where that is', async () => {
    const file = createBytesSource(readVector(facts.file))
    const payload = createWindow(file, facts.dataOffset, file.sizeBytes - facts.dataOffset)
    const layout = await readLayout(payload)
    const found: SectionFacts[] = []
    const end = await (async () => {
      for await (const { cid, sectionOffset, dataBytes } of scanSections(payload, layout)) {
        found.push({ cid: CID.decode(cid).toString(), offset: sectionOffset, fileOffset: facts.dataOffset + sectionOffset, size: dataBytes })
      }
    })().then(() => undefined, (error: { code: string, offset: number | undefined }) => ({ code: error.code, offset: error.offset }))
    expect(found).toEqual(facts.blocks)
    expect(end).toEqual(facts.payloadEnd === facts.size ? undefined : { code: 'CARV2_TRUNCATED', offset: facts.payloadEnd - facts.dataOffset })
  })
})
