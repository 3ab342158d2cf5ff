import { carV1, carV2, damaged, entriesOf, indexBytes, mixedBlocks, placedBlocks } from '@dagstore-tooling/fixtures'
import { createCrashFs, everyCrash } from '@dagstore-tooling/testkit'
import { createHashes } from '@dagstore/hashes'
import { createBytesSource, createWindow } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { attachIndex, type AttachOptions, type AttachReport, buildIndex, detachIndex, inspectCar, openIndex, readLayout, verifyCar, wrapChunks } from '../src/index.ts'
import { collect, concat } from './support.ts'

const hashes = createHashes()
const blocks = mixedBlocks(201)
const roots = [blocks[0]!.cid]
const bare = carV2({ roots, blocks, index: 'none' })
const rows = entriesOf(placedBlocks(roots, blocks))

const attach = async (bytes: Uint8Array, options?: AttachOptions): Promise<{ report: AttachReport, bytes: Uint8Array }> => {
  const fs = createCrashFs({ seed: 1 })
  fs.plant('a.car', bytes)
  const file = await fs.directory.openWritable('a.car', 'open')
  const report = await attachIndex(file, options)
  await file.close()
  return { report, bytes: new Uint8Array(fs.content('a.car')!) }
}

describe('attachIndex', () => {
  it('makes of a CARv2 without an index what wrapping its payload gives', async () => {
    const { report, bytes } = await attach(bare)
    expect(Buffer.compare(bytes, concat(await collect(wrapChunks(createBytesSource(bare)))))).toBe(0)
    expect(report).toEqual({ indexOffset: bare.byteLength, entryCount: blocks.length, sizeBytes: bytes.byteLength })
  })

  it.each<{ what: string, options: AttachOptions, expected: Uint8Array }>([
    { what: 'a bare index', options: { index: 'standard' }, expected: carV2({ roots, blocks, fullyIndexed: true }) },
    { what: 'the older codec', options: { codec: 0x0400 }, expected: carV2({ roots, blocks, index: 0x0400, fullyIndexed: true }) },
    { what: 'padding before it', options: { index: 'standard', indexPadding: 70_000 }, expected: carV2({ roots, blocks, indexPadding: 70_000, fullyIndexed: true }) },
    { what: 'the identity policy of go-car', options: { index: 'standard', identity: 'go-car-default' }, expected: carV2({ roots, blocks, identityCids: 'excluded' }) },
    { what: 'the identity policy of 2021', options: { codec: 0x0400, identity: 'lotus-2021' }, expected: carV2({ roots, blocks, index: 0x0400 }) },
    { what: 'no index any more', options: { index: 'none' }, expected: bare },
  ])('gives the bytes of a plain writer with $what, whatever index was there', async ({ options, expected }) => {
    for (const before of [bare, carV2({ roots, blocks }), carV2({ roots, blocks, index: 0x0400, indexPadding: 99, fullyIndexed: true }), carV2({ roots, blocks, index: Uint8Array.of(7, 7, 7) })]) {
      expect(Buffer.compare((await attach(before, options)).bytes, expected)).toBe(0)
    }
  })

  it('makes the same of it with its index on a scratch file', async () => {
    const fs = createCrashFs({ seed: 2 })
    const { bytes } = await attach(bare, { scratch: () => fs.writableFile('scratch'), memoryBytes: 0 })
    expect(Buffer.compare(bytes, (await attach(bare)).bytes)).toBe(0)
    expect(fs.content('scratch')!.byteLength).toBeGreaterThan(0)
  })

  it('names the index that it wrote in the header (go-car defect 3: AttachIndex writes in append mode and leaves the header)', async () => {
    const { bytes } = await attach(bare)
    const { index } = await inspectCar(createBytesSource(bytes), { index: 'entries' })
    expect(index).toMatchObject({ offset: bare.byteLength, codec: 0x0401, entryCount: blocks.length, trailer: true, fault: undefined })
  })

  it('keeps data padding, zeros behind the payload, and characteristics that nobody has named', async () => {
    const before = carV2({ roots, blocks, dataPadding: 33, payloadPadding: 20, index: 'none' })
    before.set([0x01, 0x80], 12)
    const { bytes } = await attach(before)
    expect(Buffer.compare(bytes.subarray(51, before.byteLength), before.subarray(51))).toBe(0)
    expect([...bytes.subarray(11, 15)]).toEqual([0x80, 0x01, 0x80, 0])
    expect((await verifyCar(createBytesSource(bytes), hashes)).index).toBe('checked')
  })

  it.each(['v2-unknown-index-codec', 'v2-index-without-codec', 'v2-index-empty', 'v2-index-cut', 'v2-index-wrong-offset', 'v2-index-offset-past-end', 'v2-index-offset-inside-data'])('repairs %s', async (name) => {
    const { bytes } = await attach(damaged[name]!)
    expect((await verifyCar(createBytesSource(bytes), hashes)).index).toBe('checked')
  })

  it.each([0, 1, 10, 5000])('attaches the very index that stands at the end of the file, behind a padding of %i bytes', async (indexPadding) => {
    const fs = createCrashFs({ seed: 1 })
    const before = carV2({ roots, blocks, indexPadding: 10 })
    fs.plant('a.car', before)
    const source = await fs.directory.openSource('a.car')
    const { indexOffset } = await readLayout(source)
    const file = await fs.directory.openWritable('a.car', 'open')
    const report = await attachIndex(file, { detached: createWindow(source, indexOffset!, before.byteLength - indexOffset!), indexPadding })
    await file.close()
    expect(report.indexOffset).toBe(indexOffset! - 10 + indexPadding)
    expect(Buffer.compare(fs.content('a.car')!, carV2({ roots, blocks, indexPadding, fullyIndexed: true }))).toBe(0)
  })

  it('leaves the file as it was when the detached index cannot be read to its end', async () => {
    const source = createBytesSource(indexBytes(0x0401, rows))
    let reads = 0
    let failAt = Infinity
    const failing = { ...source, peek: () => undefined, read: async (at: number, length: number) => {
      if (++reads === failAt) throw new Error('gone')
      return source.read(at, length)
    } }
    const before = carV2({ roots, blocks })
    await attach(before, { detached: failing })
    failAt = reads
    reads = 0
    const fs = createCrashFs({ seed: 1 })
    fs.plant('a.car', before)
    const file = await fs.directory.openWritable('a.car', 'open')
    await expect(attachIndex(file, { detached: failing })).rejects.toThrow('gone')
    expect(Buffer.compare(fs.content('a.car')!, before)).toBe(0)
  })

  it('attaches a detached index that fits, its standard bytes alone', async () => {
    const built = await buildIndex(createBytesSource(bare))
    const { bytes, report } = await attach(bare, { detached: createBytesSource(concat(built.encode())) })
    expect(Buffer.compare(bytes, carV2({ roots, blocks, fullyIndexed: true }))).toBe(0)
    expect(report.entryCount).toBe(blocks.length)
    const without = createBytesSource(indexBytes(0x0401, entriesOf(placedBlocks(roots, blocks), { identityCids: 'excluded' })))
    expect(Buffer.compare((await attach(bare, { detached: without })).bytes, carV2({ roots, blocks, identityCids: 'excluded' }))).toBe(0)
  })

  it.each([
    { why: 'that is of another file', index: indexBytes(0x0401, rows.map((row) => ({ ...row, offset: row.offset + 1 }))), code: 'CARV2_BAD_INDEX' },
    { why: 'that lacks a block', index: indexBytes(0x0401, rows.slice(1)), code: 'CARV2_INDEX_INCOMPLETE' },
    { why: 'that lists too much', index: indexBytes(0x0401, [...rows, { code: 0x12, digest: new Uint8Array(32), offset: 1 }]), code: 'CARV2_BAD_INDEX' },
    { why: 'of a codec that nobody knows', index: Uint8Array.of(0x82, 0x08, 0), code: 'CARV2_UNKNOWN_INDEX' },
  ])('refuses a detached index $why, and changes nothing', async ({ index, code }) => {
    const fs = createCrashFs({ seed: 1 })
    fs.plant('a.car', bare)
    const file = await fs.writableFile('a.car')
    const before = fs.faults.changes
    await expect(attachIndex(file, { detached: createBytesSource(index) })).rejects.toMatchObject({ code })
    expect(fs.faults.changes).toBe(before)
  })

  it('refuses a CARv1, a payload that is damaged, and options that contradict each other, and changes nothing', async () => {
    await expect(attach(carV1(roots, blocks))).rejects.toMatchObject({ code: 'CARV2_NOT_V2', offset: 0 })
    await expect(attach(damaged['v2-cut-in-payload']!)).rejects.toMatchObject({ code: 'CARV2_TRUNCATED' })
    await expect(attach(damaged['v2-payload-cut-by-size']!)).rejects.toMatchObject({ code: 'CARV2_TRUNCATED' })
    await expect(attach(bare, { index: 'trailer', codec: 0x0400 })).rejects.toThrow(TypeError)
    await expect(attach(bare, { detached: createBytesSource(new Uint8Array(0)), identity: 'full' })).rejects.toThrow(TypeError)
    await expect(attach(bare, { detached: createBytesSource(new Uint8Array(0)), scratch: () => createCrashFs({ seed: 3 }).writableFile('scratch') })).rejects.toThrow(TypeError)
    await expect(attach(bare, { indexPadding: -1 })).rejects.toThrow(RangeError)
  })

  it('leaves, wherever it is cut, a file with the old index, without one, or with the new one', async () => {
    const before = carV2({ roots, blocks, index: 0x0400, dataPadding: 700 })
    const outcomes = new Set<string>()
    const cuts = await everyCrash({
      seed: 202,
      prepare: async ({ fs }) => { fs.plant('a.car', before) },
      run: async ({ fs }) => { await attachIndex(await fs.writableFile('a.car')) },
      check: async ({ fs }) => {
        const source = createBytesSource(new Uint8Array(fs.content('a.car')!))
        const { index, blockCount } = await verifyCar(source, hashes)
        expect(blockCount).toBe(blocks.length)
        outcomes.add(index === 'none' ? 'none' : (await inspectCar(source)).index!.trailer ? 'new' : 'old')
      },
    })
    expect(cuts).toBeGreaterThan(5)
    expect(outcomes).toEqual(new Set(['old', 'none', 'new']))
  })
})

describe('detachIndex', () => {
  it('gives the index as a file of its own, with its trailer or without', async () => {
    const car = createBytesSource(concat(await collect(wrapChunks(createBytesSource(bare)))))
    const whole = await openIndex(createBytesSource(concat(await collect(detachIndex(car)))))
    expect(whole.facts).toMatchObject({ entryCount: blocks.length, payloadStart: 51 })
    const standard = concat(await collect(detachIndex(car, { form: 'standard' })))
    expect(Buffer.compare(standard, indexBytes(0x0401, rows))).toBe(0)
  })

  it('leaves out what follows the standard bytes, and copies all of it otherwise, as go-car does', async () => {
    const car = concat([carV2({ roots, blocks, index: 0x0400 }), Uint8Array.of(1, 2, 3)])
    const { indexOffset } = await readLayout(createBytesSource(car))
    expect(Buffer.compare(concat(await collect(detachIndex(createBytesSource(car)))), car.subarray(indexOffset))).toBe(0)
    expect(Buffer.compare(concat(await collect(detachIndex(createBytesSource(car), { form: 'standard' }))), indexBytes(0x0400, rows))).toBe(0)
  })

  it('is what attachIndex takes', async () => {
    const index = concat(await collect(detachIndex(createBytesSource(carV2({ roots, blocks, fullyIndexed: true })))))
    expect(Buffer.compare((await attach(bare, { detached: createBytesSource(index) })).bytes, carV2({ roots, blocks, fullyIndexed: true }))).toBe(0)
  })

  it('says that there is none, or that it cannot be read, with its place in the file', async () => {
    for (const bytes of [bare, carV1(roots, blocks)]) {
      await expect(collect(detachIndex(createBytesSource(bytes)))).rejects.toMatchObject({ code: 'CARV2_NO_INDEX' })
    }
    await expect(collect(detachIndex(createBytesSource(damaged['v2-unknown-index-codec']!), { form: 'standard' }))).rejects.toMatchObject({ code: 'CARV2_UNKNOWN_INDEX', offset: 652 })
    expect(concat(await collect(detachIndex(createBytesSource(damaged['v2-unknown-index-codec']!)))).byteLength).toBeGreaterThan(0)
  })

  it('opens through a window without being copied', async () => {
    const car = createBytesSource(carV2({ roots, blocks }))
    const { indexOffset } = await readLayout(car)
    const view = await openIndex(createWindow(car, indexOffset!, car.sizeBytes - indexOffset!))
    expect(await collect(view.entries())).toHaveLength(blocks.length)
  })
})
