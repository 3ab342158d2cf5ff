import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { carV1, carV2, damaged, mixedBlocks, sharedFixtures } from '@dagstore-tooling/fixtures'
import { createCrashFs, everyCrash } from '@dagstore-tooling/testkit'
import { createHashes } from '@dagstore/hashes'
import { type ByteProgress, createBytesSource, createMemoryDirectory, createWindow } from '@dagstore/io'
import { CarReader } from '@ipld/car'
import { describe, expect, it } from 'vitest'
import { buildIndex, encodeVarint, extractPayload, openIndex, readLayout, verifyCar, wrapCar, wrapChunks, type WrapOptions } from '../src/index.ts'
import { collect, concat, slowSource } from './support.ts'

const hashes = createHashes()
const blocks = mixedBlocks(111)
const roots = [blocks[0]!.cid]
const v1 = carV1(roots, blocks)
const wrap = async (bytes: Uint8Array, options?: WrapOptions): Promise<Uint8Array> => concat(await collect(wrapChunks(slowSource(bytes), options)))

describe('wrapChunks', () => {
  it('gives a CARv2 that verifies, with an index that knows lengths', async () => {
    const v2 = await wrap(v1)
    const source = createBytesSource(v2)
    await verifyCar(source, hashes)
    const layout = await readLayout(source)
    expect(layout).toMatchObject({ version: 2, payloadStart: 51, payloadBytes: v1.byteLength, fullyIndexed: true })
    const index = await openIndex(createWindow(source, layout.indexOffset!, v2.byteLength - layout.indexOffset!))
    expect(index.facts).toMatchObject({ payloadStart: 51, payloadEnd: v1.byteLength, source: undefined, entryCount: blocks.length })
    expect((await index.find(blocks[0]!.multihash))[0]).toMatchObject({ dataBytes: blocks[0]!.data.byteLength })
  })

  it('gives what @ipld/car reads', async () => {
    const reader = await CarReader.fromBytes(await wrap(v1))
    expect(await collect(reader.blocks())).toHaveLength(blocks.length)
  })

  it.each<{ what: string, options: WrapOptions, expected: Uint8Array }>([
    { what: 'with a bare index', options: { index: 'standard' }, expected: carV2({ roots, blocks, fullyIndexed: true }) },
    { what: 'with go-car\'s identity policy', options: { index: 'standard', identity: 'go-car-default' }, expected: carV2({ roots, blocks, identityCids: 'excluded' }) },
    { what: 'with the policy of 2021', options: { codec: 0x0400, identity: 'lotus-2021' }, expected: carV2({ roots, blocks, index: 0x0400 }) },
    { what: 'with padding before the payload and before the index', options: { index: 'standard', dataPadding: 1413, indexPadding: 70_000 }, expected: carV2({ roots, blocks, dataPadding: 1413, indexPadding: 70_000, fullyIndexed: true }) },
    { what: 'with padding, but no index to put any before', options: { index: 'none', dataPadding: 9, indexPadding: 9 }, expected: carV2({ roots, blocks, dataPadding: 9, index: 'none' }) },
    { what: 'without an index', options: { index: 'none' }, expected: carV2({ roots, blocks, index: 'none' }) },
  ])('gives the bytes of a plain writer $what', async ({ options, expected }) => {
    expect(Buffer.compare(await wrap(v1, options), expected)).toBe(0)
    const file = await createMemoryDirectory().openWritable('a.car', 'new')
    expect((await wrapCar(createBytesSource(v1), file, options)).sizeBytes).toBe(expected.byteLength)
    expect(Buffer.compare(await file.read(0, file.sizeBytes), expected)).toBe(0)
  })

  it.each<WrapOptions>([{}, { index: 'standard' }, { identity: 'go-car-default', dataPadding: 9, indexPadding: 9 }, { index: 'none' }])('gives the same bytes with its index on a scratch file: %o', async (options) => {
    let opened = 0
    const scratch: NonNullable<WrapOptions['scratch']> = () => createMemoryDirectory().openWritable(`scratch ${opened++}`, 'new')
    expect(Buffer.compare(await wrap(v1, { ...options, scratch, memoryBytes: 0 }), await wrap(v1, options))).toBe(0)
    expect(opened > 0).toBe(options.index !== 'none')
  })

  it('refuses options that contradict each other', async () => {
    await expect(wrap(v1, { codec: 0x0400, scratch: () => createMemoryDirectory().openWritable('scratch', 'new') })).rejects.toThrow(TypeError)
    await expect(wrap(v1, { index: 'trailer', codec: 0x0400 })).rejects.toThrow(TypeError)
    await expect(wrap(v1, { codec: 0x0402 } as unknown as WrapOptions)).rejects.toThrow(TypeError)
    await expect(wrap(v1, { identity: 'none' } as unknown as WrapOptions)).rejects.toThrow(TypeError)
    for (const padding of [-1, 0.5, NaN]) {
      await expect(wrap(v1, { dataPadding: padding })).rejects.toThrow(RangeError)
      await expect(wrap(v1, { indexPadding: padding })).rejects.toThrow(RangeError)
    }
  })

  it.each(['v2-index-offset-past-end', 'v2-index-offset-inside-data'])('builds the index of %s anew', async (name) => {
    expect((await verifyCar(createBytesSource(await wrap(damaged[name]!)), hashes)).index).toBe('checked')
    expect((await buildIndex(createBytesSource(damaged[name]!))).entryCount).toBeGreaterThan(0)
  })

  it('makes no index in memory when none is wanted: kinds of hash that no index has room for are wrapped', async () => {
    const kinds = carV1([], Array.from({ length: 65_537 }, (_, i) => {
      const multihash = Uint8Array.of(...encodeVarint(i), 0)
      return { cid: Uint8Array.of(1, 0x55, ...multihash), multihash, data: new Uint8Array(0) }
    }))
    expect((await wrap(kinds, { index: 'none' })).byteLength).toBe(51 + kinds.byteLength)
    await expect(wrap(kinds)).rejects.toMatchObject({ code: 'CARV2_TOO_LARGE' })
  })

  it('drops zeros behind the last section, or keeps them', async () => {
    const padded = carV1(roots, blocks, { paddingBytes: 100 })
    expect(Buffer.compare(await wrap(padded), await wrap(v1))).toBe(0)
    expect(Buffer.compare(await wrap(padded, { index: 'none', padding: 'keep' }), carV2({ roots, blocks, index: 'none', payloadPadding: 100 }))).toBe(0)
  })

  it('drops nothing but zeros', async () => {
    const bytes = carV1(roots, blocks, { paddingBytes: 3_000_000 })
    bytes[bytes.byteLength - 1] = 1
    const hidden = { code: 'CARV2_BAD_SECTION', offset: bytes.byteLength - 1 }
    await expect(wrap(bytes)).rejects.toMatchObject(hidden)
    await expect(collect(extractPayload(slowSource(bytes), { padding: 'drop' }))).rejects.toMatchObject(hidden)
    expect((await wrap(bytes, { padding: 'keep' })).byteLength).toBeGreaterThan(bytes.byteLength)
  })

  it('takes the payload out of a CARv2 and wraps it again', async () => {
    expect(Buffer.compare(await wrap(carV2({ roots, blocks, dataPadding: 99, indexPadding: 9 })), await wrap(v1))).toBe(0)
  })

  it.skipIf(sharedFixtures() === undefined)('gives of sample-v1.car what go-car gives (where it lies beside the checkout)', async () => {
    const read = (name: string): Uint8Array => readFileSync(join(sharedFixtures()!, 'go-car', name))
    expect(Buffer.compare(await wrap(read('sample-v1.car'), { index: 'standard', identity: 'go-car-default' }), read('sample-wrapped-v2.car'))).toBe(0)
  })
})

describe('wrapCar', () => {
  it('writes the bytes of wrapChunks and reports on them', async () => {
    const directory = createMemoryDirectory()
    const file = await directory.openWritable('a.car', 'new')
    const seen: ByteProgress[] = []
    const report = await wrapCar(createBytesSource(v1), file, { onProgress: (progress) => { seen.push(progress) } })
    const bytes = await file.read(0, file.sizeBytes)
    expect(Buffer.compare(bytes, await wrap(v1))).toBe(0)
    expect(report).toEqual({ payloadBytes: v1.byteLength, entryCount: blocks.length, sizeBytes: bytes.byteLength })
    expect(seen.map(({ doneBytes }) => doneBytes)).toEqual(seen.map(({ doneBytes }) => doneBytes).sort((a, b) => a - b))
    expect(seen.at(-1)!.doneBytes).toBe(seen.at(-1)!.totalBytes)
  })

  it('rejects with the reason of its signal, and names nothing', async () => {
    const directory = createMemoryDirectory()
    const reason = new Error('enough')
    for (const share of [0, 0.4, 0.9, 1]) {
      const stop = new AbortController()
      const file = await directory.openWritable(`${share}.car`, 'new')
      const onProgress = ({ doneBytes, totalBytes }: ByteProgress): void => { if (doneBytes >= share * totalBytes!) stop.abort(reason) }
      await expect(wrapCar(createBytesSource(v1), file, { signal: stop.signal, onProgress }), `at ${share}`).rejects.toBe(reason)
      if (file.sizeBytes > 51) expect(await file.read(0, 51)).toEqual(new Uint8Array(51))
    }
  })

  it('wants an empty file', async () => {
    const file = await createCrashFs({ seed: 1 }).writableFile('a.car')
    await file.write(0, Uint8Array.of(1))
    await expect(wrapCar(createBytesSource(v1), file)).rejects.toThrow(RangeError)
  })

  it.each<WrapOptions>([{}, { dataPadding: 1000, indexPadding: 2000 }])('leaves, wherever it is cut, a whole CARv2 or none: %o', async (options) => {
    const outcomes = new Set<boolean>()
    const cuts = await everyCrash({
      seed: 112,
      run: async ({ fs }) => { await wrapCar(createBytesSource(v1), await fs.writableFile('a.car'), options) },
      check: async ({ fs }) => {
        const bytes = fs.content('a.car') ?? new Uint8Array(0)
        const source = createBytesSource(bytes)
        const layout = await readLayout(source).catch(() => undefined)
        if (layout !== undefined) await verifyCar(source, hashes)
        outcomes.add(layout !== undefined)
      },
    })
    expect(cuts).toBeGreaterThan(4)
    expect(outcomes).toEqual(new Set([true, false]))
  })
})

describe('extractPayload', () => {
  it.each([
    { what: 'a CARv1', bytes: v1 },
    { what: 'a CARv2', bytes: carV2({ roots, blocks, dataPadding: 5, indexPadding: 5 }) },
  ])('gives the payload of $what', async ({ bytes }) => {
    expect(Buffer.compare(concat(await collect(extractPayload(slowSource(bytes)))), v1)).toBe(0)
  })

  it('keeps zeros behind the last section unless told to drop them', async () => {
    const padded = carV2({ roots, blocks, payloadPadding: 77 })
    expect(concat(await collect(extractPayload(slowSource(padded)))).byteLength).toBe(v1.byteLength + 77)
    expect(Buffer.compare(concat(await collect(extractPayload(slowSource(padded), { padding: 'drop' }))), v1)).toBe(0)
  })
})
