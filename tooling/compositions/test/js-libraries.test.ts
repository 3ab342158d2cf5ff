/** What users of other JavaScript libraries do with a CAR, done by ours, beside theirs where it is here: docs/js-libraries-map.md. */
import { carV1, entriesOf, indexBytes, mixedBlocks, placedBlocks } from '@dagstore-tooling/fixtures'
import { createIndexBuilder, encodeCarV1Header, encodeMultiIndex, INDEX_SORTED, MULTIHASH_INDEX_SORTED, openIndex, openMultiIndex, readLayout, readLayoutSync, replaceRoots, scanSections, scanSectionsSync, scanStream } from '@dagstore/carv2'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { payloadForm } from '@dagstore/dag'
import { createBytesSource, createMemoryDirectory } from '@dagstore/io'
import { createWritableCar, resumeWritableCar } from '@dagstore/writable-carv2'
import { CarBlockIterator, CarBufferReader, CarBufferWriter, CarCIDIterator, CarIndexer, CarReader, CarWriter } from '@ipld/car'
import { IndexSortedReader, MultihashIndexSortedReader, MultihashIndexSortedWriter } from 'cardex'
import { MultiIndexReader, MultiIndexWriter } from 'cardex/multi-index'
import { CID } from 'multiformats/cid'
import { create as createMultihash } from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'

const made = mixedBlocks(5)
const blocks = made.map(({ cid, data }) => ({ cid: CID.decode(cid), bytes: new Uint8Array(data) }))
const roots = [blocks[0]!.cid]
const bytes = carV1([made[0]!.cid], made)
const all = async <T>(values: AsyncIterable<T> | Iterable<T>): Promise<T[]> => {
  const found: T[] = []
  for await (const value of values) found.push(value)
  return found
}
const joined = async (chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Uint8Array> => new Uint8Array(Buffer.concat(await all(chunks)))
const hex = (of: Uint8Array): string => Buffer.from(of).toString('hex')
const chunks = async function * (): AsyncGenerator<Uint8Array> { for (let at = 0; at < bytes.byteLength; at += 70) yield bytes.slice(at, at + 70) }
/** A file in memory, and what is in it. */
const inMemory = async (content?: Uint8Array) => {
  const directory = createMemoryDirectory()
  const file = await directory.openWritable('a.car', 'any')
  if (content !== undefined) await file.write(0, content)
  return { file, content: async () => {
    const source = await directory.openSource('a.car')
    return source.read(0, source.sizeBytes)
  } }
}

describe('a user of @ipld/car', () => {
  it('CarReader: gets roots and blocks by CID', async () => {
    const reader = await CarReader.fromBytes(bytes)
    const mount = await openIndexMount({ data: createBytesSource(bytes) }, { wholeCid: true })
    expect(mount.roots.map(String)).toEqual((await reader.getRoots()).map(String))
    for (const { cid } of blocks) {
      expect(await mount.blockstore.has(cid)).toBe(await reader.has(cid))
      expect(hex(await mount.blockstore.bytes(cid))).toBe(hex((await reader.get(cid))!.bytes))
    }
    await mount.close()
  })

  it('CarBlockIterator, CarCIDIterator: takes a stream apart', async () => {
    const stream = await scanStream(chunks(), { data: true })
    expect(stream.layout.roots.map(String)).toEqual(roots.map(String))
    const theirs = await all(await CarBlockIterator.fromIterable(chunks()))
    expect((await all(stream.sections)).map(({ cid, data }) => [CID.decode(cid).toString(), hex(data!)])).toEqual(theirs.map(({ cid, bytes }) => [cid.toString(), hex(bytes)]))
    const cids = await all((await scanStream(chunks())).sections)
    expect(cids.map(({ cid }) => CID.decode(cid).toString())).toEqual((await all(await CarCIDIterator.fromIterable(chunks()))).map(String))
  })

  it('CarIndexer, CarBufferReader: lists places, with promises or without', async () => {
    const source = createBytesSource(bytes)
    const layout = await readLayout(source)
    const theirs = (await all(await CarIndexer.fromBytes(bytes))).map(({ cid, length, blockLength, offset, blockOffset }) => [cid.toString(), length, blockLength, offset, blockOffset])
    const placed = ({ cid, sourceOffset, headBytes, dataBytes }: { cid: Uint8Array, sourceOffset: number, headBytes: number, dataBytes: number }): unknown[] =>
      [CID.decode(cid).toString(), headBytes + dataBytes, dataBytes, sourceOffset, sourceOffset + headBytes]
    expect((await all(scanSections(source, layout))).map(placed)).toEqual(theirs)
    const whole = [...scanSectionsSync(source, readLayoutSync(source), { data: true })]
    expect(whole.map(placed)).toEqual(theirs)
    expect(whole.map(({ data }) => hex(data!))).toEqual(CarBufferReader.fromBytes(bytes).blocks().map((block) => hex(block.bytes)))
  })

  it('CarWriter, CarBufferWriter, createAppender: writes a CARv1, and goes on with it', async () => {
    const { writer, out } = CarWriter.create(roots)
    const theirs = joined(out)
    for (const block of blocks) await writer.put(block)
    await writer.close()
    const buffered = CarBufferWriter.createWriter(new Uint8Array(bytes.byteLength).buffer, { roots })
    for (const block of blocks) buffered.write(block)
    const { file, content } = await inMemory()
    const options = { layout: 'carv1', duplicates: 'allow', wholeCid: true } as const
    const car = await createWritableCar(file, { ...options, roots, owns: false })
    for (const { cid, bytes } of blocks.slice(0, 4)) await car.put(cid, bytes)
    await car.close()
    const again = await resumeWritableCar(file, options)
    for (const { cid, bytes } of blocks.slice(4)) await again.put(cid, bytes)
    await again.finalize()
    await again.close()
    const ours = hex(await content())
    expect(ours).toBe(hex(await theirs))
    expect(ours).toBe(hex(buffered.close()))
    expect(ours).toBe(hex(bytes))
  })

  it('CarWriter for a DAG: streams it from its root', async () => {
    const leaf = blocks.find(({ cid }) => cid.code === 0x55 && cid.multihash.code !== 0)!
    const { writer, out } = CarWriter.create([leaf.cid])
    const theirs = joined(out)
    await writer.put(leaf)
    await writer.close()
    expect(hex(await joined(payloadForm({ async * get () { yield leaf.bytes } }, leaf.cid)))).toBe(hex(await theirs))
  })

  it('updateRootsInBytes: replaces roots', async () => {
    const other = blocks.find(({ cid }) => cid.bytes.byteLength === roots[0]!.bytes.byteLength && !cid.equals(roots[0]))!
    const theirs = await CarWriter.updateRootsInBytes(bytes.slice(), [other.cid])
    const { file, content } = await inMemory(bytes)
    await replaceRoots(file, [other.cid])
    expect(hex(await content())).toBe(hex(theirs))
    expect(hex(theirs.subarray(0, encodeCarV1Header([other.cid]).byteLength))).toBe(hex(encodeCarV1Header([other.cid])))
  })
})

describe('a user of cardex', () => {
  it.each([INDEX_SORTED, MULTIHASH_INDEX_SORTED] as const)('writes index 0x%s of CIDs and offsets alone, and reads it entry by entry', async (codec) => {
    const builder = createIndexBuilder()
    const placed = placedBlocks([made[0]!.cid], made)
    for (const { cid, sectionOffset } of placed) builder.add({ cid, sectionOffset, headBytes: 0, dataBytes: 0 })
    const written = await joined(builder.finish({ payloadStart: 0, payloadEnd: bytes.byteLength, carV1Header: undefined, source: undefined }).encodeStandard(codec))
    expect(hex(written)).toBe(hex(indexBytes(codec, entriesOf(placed))))
    const view = await openIndex(createBytesSource(written))
    expect((await all(view.entries())).map(({ sectionOffset }) => sectionOffset).sort((a, b) => a - b)).toEqual(placed.map(({ sectionOffset }) => sectionOffset))
  })

  it('writes an index without entries', async () => {
    const written = await joined(createIndexBuilder().finish({ payloadStart: 0, payloadEnd: 18, carV1Header: undefined, source: undefined }).encodeStandard(MULTIHASH_INDEX_SORTED))
    expect(hex(written)).toBe('810800000000')
    expect((await openIndex(createBytesSource(written))).facts.entryCount).toBe(0)
  })
})

describe('a user of cardex/multi-index', () => {
  const cars = [3, 1, 2].map((first) => ({ car: CID.createV1(0x0202, createMultihash(0x12, new Uint8Array(32).fill(first))), placed: placedBlocks([], made.slice(first)) }))
  const theirs = async (): Promise<Uint8Array> => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const writer = MultiIndexWriter.createWriter({ writer: writable.getWriter() })
    for (const { car, placed } of cars) {
      writer.add(car as never, async ({ writer: inner }) => {
        const index = MultihashIndexSortedWriter.createWriter({ writer: inner })
        for (const { cid, sectionOffset } of placed) await index.add(CID.decode(cid), sectionOffset)
        await index.close()
      })
    }
    const [written] = await Promise.all([joined(readable), writer.close()])
    return written
  }
  const ours = async (): Promise<Uint8Array> => joined(encodeMultiIndex(cars.map(({ car, placed }) => ({ car: car.multihash.bytes, content: [indexBytes(MULTIHASH_INDEX_SORTED, entriesOf(placed))] }))))

  it('writes the indices of several CARs as cardex does', async () => {
    expect(hex(await ours())).toBe(hex(await theirs()))
  })

  it('reads them entry by entry, and looks blocks up in all of them', async () => {
    const written = await theirs()
    const reader = MultiIndexReader.createReader({ reader: new Blob([written.slice()]).stream().getReader() as never })
    reader.add(MultihashIndexSortedReader)
    reader.add(IndexSortedReader)
    const read: string[] = []
    for (let next = await reader.read(); next.done !== true; next = await reader.read()) {
      const { origin, multihash, offset } = next.value as unknown as { readonly origin: CID, readonly multihash: { readonly bytes: Uint8Array }, readonly offset: number }
      read.push(`${origin} ${hex(multihash.bytes)} ${offset}`)
    }
    const index = await openMultiIndex(createBytesSource(written))
    const listed = (await Promise.all(index.parts.map(async ({ car, index: view }) =>
      (await all(view.entries())).map(({ code, digest, sectionOffset }) => `${car} ${hex(createMultihash(code!, digest).bytes)} ${sectionOffset}`)))).flat()
    expect(listed).toEqual(read)
    const shared = CID.decode(made[3]!.cid).multihash.bytes
    expect((await index.find(shared)).map(({ car }) => String(car))).toEqual([...cars].sort((a, b) => a.car.multihash.digest[0]! - b.car.multihash.digest[0]!).map(({ car }) => String(car)))
    await index.close()
  })
})

describe('a user of carstream', () => {
  it('CARReaderStream: pipes a web stream through, roots first', async () => {
    const { layout, sections } = await scanStream(new Blob([bytes]).stream(), { data: true })
    expect(layout.roots.map(String)).toEqual(roots.map(String))
    const names: string[] = []
    for await (const { cid } of ReadableStream.from(sections)) names.push(CID.decode(cid).toString())
    expect(names).toEqual(blocks.map(({ cid }) => cid.toString()))
  })
})
