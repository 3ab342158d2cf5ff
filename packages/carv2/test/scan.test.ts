import { carV1, carV1Header, carV2, makeBlock, makeBlocks, mixedBlocks, placedBlocks, varint } from '@dagstore-tooling/fixtures'
import { CarBlockIterator } from '@ipld/car'
import { type BlockingSource, type ByteProgress, createBytesSource } from '@dagstore/io'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildIndex, inspectCar, readLayout, scanSections } from '../src/index.ts'
import { collect, concat, plainBlocks, scanAll, slowSource } from './support.ts'

const blocks = mixedBlocks(21)
const roots = [blocks[0]!.cid, blocks[3]!.cid]
const car = carV1(roots, blocks)
const placed = placedBlocks(roots, blocks)

const withData = async (bytes: Uint8Array, slow = false): ReturnType<typeof scanAll> => {
  const source = slow ? slowSource(bytes) : createBytesSource(bytes)
  return scanAll(scanSections(source, await readLayout(source), { data: true }))
}

describe('scanSections', () => {
  it('gives what @ipld/car gives, with offsets', async () => {
    const { sections, end } = await withData(car)
    const expected = await collect(await CarBlockIterator.fromBytes(car))
    expect(sections.map(({ cid, data }) => [Buffer.from(cid).toString('hex'), Buffer.from(data!).toString('hex')]))
      .toEqual(expected.map(({ cid, bytes }) => [Buffer.from(cid.bytes).toString('hex'), Buffer.from(bytes).toString('hex')]))
    expect(sections.map(({ sectionOffset, headBytes, dataBytes }) => ({ sectionOffset, headBytes, dataBytes })))
      .toEqual(placed.map(({ sectionOffset, headBytes, data }) => ({ sectionOffset, headBytes, dataBytes: data.byteLength })))
    expect(end).toEqual({ payloadEnd: car.byteLength, paddingBytes: 0 })
  })

  it('gives the same from memory and from a source that has nothing at hand, for blocks of every length', async () => {
    const long = [...plainBlocks(10, 250_000), makeBlock(new Uint8Array(3_000_000)), ...makeBlocks(32, 300, { min: 1, max: 900 })]
    const bytes = carV1([], long, { paddingBytes: 1000 })
    const memory = await withData(bytes)
    expect(memory.sections).toHaveLength(311)
    expect(Buffer.compare(concat(memory.sections.map(({ data }) => data!)), concat(long.map(({ data }) => data)))).toBe(0)
    for (const kind of ['local', 'remote'] as const) {
      const source = slowSource(bytes, { kind, seekBytes: 100_000 })
      const { sections, end } = await scanAll(scanSections(source, await readLayout(source), { data: true }))
      expect(end).toEqual(memory.end)
      expect(sections.map(({ data, ...section }) => [section, data!.byteLength])).toEqual(memory.sections.map(({ data, ...section }) => [section, data!.byteLength]))
      expect(Buffer.compare(concat(sections.map(({ data }) => data!)), concat(long.map(({ data }) => data)))).toBe(0)
    }
  })

  it('gives the same by blocking reads, which wait for nothing', async () => {
    const long = [...plainBlocks(8, 250_000), makeBlock(new Uint8Array(3_000_000)), ...mixedBlocks(33)]
    const bytes = carV1([], long)
    const source: BlockingSource = { ...slowSource(bytes), readSync: (at, into) => { into.set(bytes.subarray(at, at + into.byteLength)); return into.byteLength } }
    const layout = await readLayout(source)
    const { sections } = await scanAll(scanSections({ ...source, read: () => Promise.reject(new Error('not blocking')) }, layout, { data: true, blocking: true }))
    expect(Buffer.compare(concat(sections.map(({ data }) => data!)), concat(long.map(({ data }) => data)))).toBe(0)
    expect(Buffer.compare(concat((await buildIndex(source, { blocking: true })).encode()), concat((await buildIndex(source)).encode()))).toBe(0)
    expect(await inspectCar(source, { blocking: true })).toEqual(await inspectCar(source))
  })

  it('gives copies: a consumer that writes into them changes nothing', async () => {
    const source = createBytesSource(car.slice())
    const layout = await readLayout(source)
    for await (const { cid, data } of scanSections(source, layout, { data: true })) {
      cid.fill(0)
      data!.fill(0)
    }
    expect((await scanAll(scanSections(source, layout))).sections.map(({ cid }) => cid)).toEqual(blocks.map(({ cid }) => cid))
  })

  it('reads little of a file of large blocks when seeking is cheap', async () => {
    const source = slowSource(carV1([], plainBlocks(40, 500_000)))
    await buildIndex(source)
    expect(source.reads.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(source.sizeBytes / 20)
  })

  it('takes windows of a MiB for a file of small blocks', async () => {
    const source = slowSource(carV1([], plainBlocks(2000, 2500)))
    await buildIndex(source)
    expect(source.reads.length).toBeLessThan(20)
    expect(source.reads.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(source.sizeBytes * 1.1)
  })

  it.each([0, 1, 127, 5000])('ends at %d zeros behind the last section', async (paddingBytes) => {
    const { end, sections } = await withData(carV1(roots, blocks, { paddingBytes }))
    expect(sections).toHaveLength(blocks.length)
    expect(end).toEqual({ payloadEnd: car.byteLength, paddingBytes })
  })

  it('refuses zeros behind the last section when told to', async () => {
    const source = createBytesSource(carV1(roots, blocks, { paddingBytes: 9 }))
    await expect(scanAll(scanSections(source, await readLayout(source), { zeroPadding: 'refuse' })))
      .rejects.toMatchObject({ code: 'CARV2_ZERO_PADDING', offset: car.byteLength })
  })

  it('reads a CAR without sections, and one without roots or with null for them', async () => {
    for (const bytes of [carV1([], []), carV1([], [], { nullRoots: true }), carV1([], [], { paddingBytes: 3 })]) {
      expect((await withData(bytes)).sections).toEqual([])
      expect((await readLayout(createBytesSource(bytes))).roots).toEqual([])
    }
  })

  it('stops at the end of the payload of a CARv2, not at the end of the file', async () => {
    const bytes = carV2({ roots, blocks, dataPadding: 77, indexPadding: 5, payloadPadding: 12 })
    const { sections, end } = await withData(bytes)
    expect(sections.map(({ sectionOffset }) => sectionOffset)).toEqual(placed.map(({ sectionOffset }) => sectionOffset))
    expect(end).toEqual({ payloadEnd: car.byteLength, paddingBytes: 12 })
  })

  it('takes a cut at any byte for what it is: whole sections, or torn with the end of the last whole one (go-car defect 1: LoadIndex seeks past the end)', async () => {
    const starts = [...placed.map(({ sectionOffset }) => sectionOffset), car.byteLength]
    for (let end = 0; end < car.byteLength; end++) {
      const cut = car.slice(0, end)
      const headerBytes = starts[0]!
      for (const source of [createBytesSource(cut), slowSource(cut)]) {
        const scan = buildIndex(source)
        if (end < headerBytes) {
          await expect(scan).rejects.toMatchObject({ code: 'CARV2_TRUNCATED', offset: end })
        } else if (starts.includes(end)) {
          expect((await scan).facts.payloadEnd).toBe(end)
        } else {
          await expect(scan).rejects.toMatchObject({ code: 'CARV2_TRUNCATED', offset: starts.findLast((start) => start <= end) })
        }
      }
    }
  })

  it('takes a cut at any byte of a CARv2 for a torn file or a bad header, never for a shorter payload', async () => {
    const bytes = carV2({ roots, blocks: blocks.slice(0, 5), dataPadding: 3 })
    for (let end = 0; end < bytes.byteLength; end++) {
      const scan = buildIndex(createBytesSource(bytes.slice(0, end)))
      const indexOffset = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(43, true))
      if (end >= indexOffset) expect((await scan).entryCount).toBe(5)
      else await expect(scan).rejects.toMatchObject({ code: end < 54 && end > 50 ? 'CARV2_BAD_HEADER' : 'CARV2_TRUNCATED' })
    }
  })

  it('keeps to its limits before it reads what they are about', async () => {
    const source = slowSource(car)
    const layout = await readLayout(source)
    await expect(scanAll(scanSections(source, layout, { maxSectionBytes: 50 }))).rejects.toMatchObject({ code: 'CARV2_TOO_LARGE' })
    await expect(scanAll(scanSections(source, layout, { maxCidBytes: 30 }))).rejects.toMatchObject({ code: 'CARV2_TOO_LARGE', offset: placed[0]!.sectionOffset })
    await expect(readLayout(source, { maxHeaderBytes: 90 })).rejects.toMatchObject({ code: 'CARV2_TOO_LARGE', offset: 0 })
    await expect(readLayout(source, { maxHeaderBytes: 0 })).rejects.toThrow(RangeError)
    await expect(readLayout(source, { maxSectionBytes: 2 ** 32 })).rejects.toThrow(RangeError)
  })

  it('takes a CID that is longer than a window for one, up to the limit', async () => {
    const long = makeBlock(new Uint8Array(60_000), { hash: 'identity' })
    const bytes = concat([carV1Header([]), varint(long.cid.byteLength), long.cid, carV1([], blocks).subarray(18)])
    for (const source of [createBytesSource(bytes), slowSource(bytes)]) {
      const layout = await readLayout(source)
      expect((await scanAll(scanSections(source, layout, { maxCidBytes: 100_000 }))).sections).toHaveLength(blocks.length + 1)
      await expect(scanAll(scanSections(source, layout))).rejects.toMatchObject({ code: 'CARV2_TOO_LARGE', offset: 18 })
    }
  })

  it('names a CID that is longer than its section the same, whether all of it is at hand or not', async () => {
    const liar = concat([varint(5000), Uint8Array.of(1, 0x55, 0x12), varint(10_000), new Uint8Array(5000 - 5)])
    for (const before of [10, 127_000, 128_000]) {
      const bytes = concat([carV1([], [makeBlock(new Uint8Array(before))]), liar, new Uint8Array(100)])
      const offset = bytes.byteLength - 100 - liar.byteLength
      for (const source of [createBytesSource(bytes), slowSource(bytes)]) {
        await expect(buildIndex(source)).rejects.toMatchObject({ code: 'CARV2_BAD_SECTION', offset })
      }
    }
  })

  it('gives its sections whatever the lengths of the blocks (property)', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.nat(200_000), { maxLength: 12 }), fc.nat(3000), async (lengths, seek) => {
      const some = lengths.map((length) => makeBlock(new Uint8Array(length).fill(length & 0xff)))
      const source = slowSource(carV1([], some), { kind: 'local', seekBytes: seek })
      const layout = await readLayout(source)
      const { sections } = await scanAll(scanSections(source, layout))
      expect(sections.map(({ sectionOffset }) => sectionOffset)).toEqual(placedBlocks([], some).map(({ sectionOffset }) => sectionOffset))
      expect((await buildIndex(source)).entryCount).toBe(some.length)
    }), { seed: 7, numRuns: 60 })
  })

  it('reads whole bytes whatever a source says that seeking costs', async () => {
    const some = plainBlocks(4, 3_000_000)
    const source = slowSource(carV1([], [...plainBlocks(9, 300_000), ...some]), { kind: 'remote', seekBytes: 300_001 })
    expect((await buildIndex(source)).entryCount).toBe(13)
    expect(source.reads.filter(({ length }) => !Number.isInteger(length))).toEqual([])
  })

  it('rejects with the reason of its signal, before it begins and in the middle', async () => {
    const source = slowSource(carV1([], plainBlocks(3000, 950)))
    const layout = await readLayout(source)
    const reason = new Error('enough')
    await expect(scanAll(scanSections(source, layout, { signal: AbortSignal.abort(reason) }))).rejects.toBe(reason)
    await expect(readLayout(source, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const stop = new AbortController()
    const scan = buildIndex(source, { signal: stop.signal, onProgress: ({ doneBytes }) => { if (doneBytes > 500_000) stop.abort(reason) } })
    await expect(scan).rejects.toBe(reason)
  })

  it('reports progress that never goes back and ends at the end', async () => {
    const source = slowSource(carV1([], plainBlocks(3000, 950), { paddingBytes: 50 }))
    const seen: ByteProgress[] = []
    await buildIndex(source, { onProgress: (progress) => { seen.push(progress) } })
    expect(seen.map(({ doneBytes }) => doneBytes)).toEqual(seen.map(({ doneBytes }) => doneBytes).sort((a, b) => a - b))
    expect(seen.at(-1)).toEqual({ doneBytes: source.sizeBytes, totalBytes: source.sizeBytes })
  })
})
