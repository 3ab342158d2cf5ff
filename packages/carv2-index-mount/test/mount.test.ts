import { carV1, carV2, damaged, makeBlock, makeBlocks, placedBlocks } from '@dagstore-tooling/fixtures'
import { buildIndex, openIndex } from '@dagstore/carv2'
import { createBytesSource, createWindow } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { openIndexMount } from '../src/index.ts'
import { absent, all, broken, cidOf, indexOf, joinBytes, mixed, mixedV1, mountBytes, roots, testSource } from './cars.ts'

const code = (value: string): unknown => expect.objectContaining({ code: value })

describe('blockstore', () => {
  it('has every block of a CAR, whatever its hash and CID version, and none that it has not', async () => {
    const { blockstore } = await mountBytes(mixedV1)
    for (const block of mixed) {
      expect(await blockstore.bytes(cidOf(block))).toEqual(new Uint8Array(block.data))
      expect(await blockstore.size(cidOf(block))).toBe(block.data.byteLength)
    }
    expect(await blockstore.has(absent)).toBe(false)
    await expect(blockstore.bytes(absent)).rejects.toEqual(code('BLOCKSTORE_NOT_FOUND'))
  })

  it('compares by whole CID when asked to: one multihash under two codecs is two blocks', async () => {
    const [a, b] = makeBlocks(3, 2, { min: 10, max: 20 })
    const asPb = makeBlock(a!.data, { codec: 0x70 })
    const asV0 = makeBlock(b!.data, { version: 0 })
    const bytes = carV2({ roots: [], blocks: [a!, asPb, asV0, a!] })
    for (const indexTrust of ['use', 'regenerate'] as const) {
      const { blockstore } = await mountBytes(bytes, { wholeCid: true, indexTrust })
      for (const cid of [a!, asPb, asV0].map(cidOf)) {
        expect(await blockstore.has(cid)).toBe(true)
        expect(await blockstore.bytes(cid)).toBeDefined()
        expect(await blockstore.size(cid)).toBeGreaterThan(0)
      }
      for (const cid of [CID.createV1(0x71, cidOf(a!).multihash), cidOf(b!)]) {
        expect(await blockstore.has(cid)).toBe(false)
        await expect(blockstore.bytes(cid)).rejects.toEqual(code('BLOCKSTORE_NOT_FOUND'))
        await expect(blockstore.size(cid)).rejects.toEqual(code('BLOCKSTORE_NOT_FOUND'))
      }
      expect((await all(blockstore.getAll())).map(({ cid }) => cid.toString())).toEqual([a!, asPb, asV0].map((block) => cidOf(block).toString()))
    }
  })

  it('serves a block from another section of it when the first one is damaged', async () => {
    const [a, b] = makeBlocks(4, 2, { min: 100, max: 200 })
    const bytes = carV1([], [a!, b!, a!])
    const { sectionOffset, headBytes } = placedBlocks([], [a!, b!, a!])[0]!
    bytes[sectionOffset + headBytes]! ^= 1
    const { blockstore } = await mountBytes(bytes)
    expect(await blockstore.bytes(cidOf(a!))).toEqual(new Uint8Array(a!.data))
    bytes[bytes.byteLength - 1]! ^= 1
    await expect((await mountBytes(bytes)).blockstore.bytes(cidOf(a!))).rejects.toEqual(code('BLOCKSTORE_HASH_MISMATCH'))
  })

  it('finds the one whole section of a block that stands there a hundred times', async () => {
    const [a] = makeBlocks(4, 1, { min: 100, max: 200 })
    const copies = Array.from({ length: 100 }, () => a!)
    const bytes = carV1([], copies)
    for (const { sectionOffset, headBytes } of placedBlocks([], copies).slice(0, 99)) bytes[sectionOffset + headBytes]! ^= 1
    const { blockstore } = await mountBytes(bytes)
    expect(await blockstore.bytes(cidOf(a!))).toEqual(new Uint8Array(a!.data))
    expect(await all(blockstore.getAll())).toHaveLength(1)
  })

  it('gives blocks as they are when it shall not verify, and reads no more of them than asked for', async () => {
    const [a] = makeBlocks(4, 1, { min: 300_000, max: 300_000 })
    const bytes = carV1([], [a!])
    bytes[bytes.byteLength - 1]! ^= 1
    const source = testSource(bytes)
    const { blockstore } = await openIndexMount({ data: source }, { verify: 'never' })
    expect((await blockstore.bytes(cidOf(a!))).at(-1)).toBe(a!.data.at(-1)! ^ 1)
    source.reads.length = 0
    expect(await blockstore.bytesAt(cidOf(a!), 1000, 10)).toEqual(new Uint8Array(a!.data.subarray(1000, 1010)))
    expect(source.reads.map((read) => Number(read.split('+')[1]))).toEqual([expect.any(Number), 10])
    await expect(blockstore.bytesAt(cidOf(a!), 299_999, 2)).rejects.toBeInstanceOf(RangeError)
  })

  it('refuses a hash without a hasher', async () => {
    const foreign = { cid: Uint8Array.of(1, 0x55, 0x99, 0x01, 4, 1, 2, 3, 4), multihash: Uint8Array.of(0x99, 0x01, 4, 1, 2, 3, 4), data: new Uint8Array(5) }
    const bytes = carV1([], [foreign])
    await expect((await mountBytes(bytes)).blockstore.bytes(cidOf(foreign))).rejects.toEqual(code('BLOCKSTORE_UNKNOWN_HASH'))
    expect(await (await mountBytes(bytes, { verify: 'never' })).blockstore.bytes(cidOf(foreign))).toEqual(new Uint8Array(5))
  })

  it('answers identity CIDs from themselves when they are not stored', async () => {
    const inline = makeBlock(new TextEncoder().encode('nowhere stored'), { hash: 'identity' })
    const { blockstore } = await mountBytes(mixedV1)
    expect(await blockstore.has(cidOf(inline))).toBe(true)
    expect(await blockstore.size(cidOf(inline))).toBe(14)
    expect(await blockstore.bytes(cidOf(inline))).toEqual(new Uint8Array(inline.data))
    expect(await blockstore.bytesAt(cidOf(inline), 8, 6)).toEqual(new Uint8Array(inline.data.subarray(8)))
    expect(await (await mountBytes(mixedV1, { verify: 'never' })).blockstore.bytesAt(cidOf(inline), 8, 6)).toEqual(new Uint8Array(inline.data.subarray(8)))
  })

  it('serves many readers at once', async () => {
    const source = testSource(mixedV1)
    const { blockstore } = await openIndexMount({ data: source })
    await Promise.all(Array.from({ length: 64 }, async (_, reader) => {
      for (let i = 0; i < mixed.length; i++) {
        const block = mixed[(i * 7 + reader) % mixed.length]!
        expect(Buffer.compare(await blockstore.bytes(cidOf(block)), block.data)).toBe(0)
      }
    }))
  })

  it('gives a small block without the large window it was read with', async () => {
    const { blockstore } = await openIndexMount({ data: testSource(carV2({ roots, blocks: mixed })) }, { indexTrust: 'use' })
    expect((await blockstore.bytes(cidOf(mixed[0]!))).buffer.byteLength).toBe(mixed[0]!.data.byteLength)
  })

  it('refuses a section above the limit, whether an index or the section says so', async () => {
    const blocks = makeBlocks(5, 3, { min: 2000, max: 3000 })
    const bytes = carV1([], blocks)
    for (const index of [createBytesSource(await indexOf(bytes)), undefined]) {
      const opened = openIndexMount({ data: createBytesSource(bytes), index }, { maxSectionBytes: 1000, indexTrust: 'use' })
      if (index === undefined) await expect(opened).rejects.toEqual(code('CARV2_TOO_LARGE'))
      else await expect((await opened).blockstore.bytes(cidOf(blocks[0]!))).rejects.toEqual(code('BLOCKSTORE_TOO_LARGE'))
    }
    const foreign = await mountBytes(carV2({ roots: [], blocks }), { maxSectionBytes: 1000, indexTrust: 'use' })
    await expect(foreign.blockstore.bytes(cidOf(blocks[0]!))).rejects.toEqual(code('BLOCKSTORE_TOO_LARGE'))
  })
})

describe('reads', () => {
  const blocks = makeBlocks(6, 2000, { min: 500, max: 1500 })
  const bytes = carV1([], blocks)

  it('one for a block when the index tells lengths', async () => {
    const source = testSource(bytes, { kind: 'remote' })
    const { blockstore } = await openIndexMount({ data: source, index: createBytesSource(await indexOf(bytes, source.identity)) })
    await blockstore.bytes(cidOf(blocks[1000]!))
    expect(source.reads).toHaveLength(2) // the header, the block
    await blockstore.size(cidOf(blocks[3]!))
    await blockstore.has(cidOf(blocks[4]!))
    expect(source.reads).toHaveLength(2)
  })

  it('three for the first block of a remote CARv2 with a short index in it: header, index, block', async () => {
    const built = await buildIndex(createBytesSource(carV2({ roots: [], blocks, index: 'none' })))
    const source = testSource(carV2({ roots: [], blocks, index: joinBytes(built.encode()) }), { kind: 'remote' })
    const mount = await openIndexMount({ data: source })
    await mount.blockstore.bytes(cidOf(blocks[1000]!))
    expect(mount.indexOrigin).toBe('attached')
    expect(source.reads).toHaveLength(3)
  })

  it('at most two for a block without lengths', async () => {
    const source = testSource(carV2({ roots: [], blocks: [...blocks, ...makeBlocks(8, 1, { min: 100_000, max: 100_000 })] }))
    const { blockstore } = await openIndexMount({ data: source }, { indexTrust: 'use' })
    await blockstore.bytes(cidOf(makeBlocks(8, 1, { min: 100_000, max: 100_000 })[0]!)) // brings the pages of the index
    source.reads.length = 0
    await blockstore.bytes(cidOf(makeBlocks(8, 1, { min: 100_000, max: 100_000 })[0]!))
    expect(source.reads).toHaveLength(2)
  })

  it('several at once for getMany, in order, and no more than the window when nobody takes them', async () => {
    const source = testSource(bytes)
    const { blockstore } = await openIndexMount({ data: source })
    source.reads.length = 0
    const pairs = blockstore.getMany(blocks.map(cidOf))
    expect((await pairs.next()).value?.cid).toEqual(cidOf(blocks[0]!))
    await new Promise((resolve) => { setImmediate(resolve) })
    // blocks are taken for 1 MiB until longer ones are met; these follow each other
    const placed = placedBlocks([], blocks)
    expect(source.reads).toEqual([`${placed[0]!.sectionOffset}+${placed[16]!.sectionOffset - placed[0]!.sectionOffset}`])
    await pairs.return(undefined)
  })
})

describe('getMany', () => {
  it('asks a slow source for one CID at a time, and gives blocks as they come', async () => {
    const { blockstore } = await mountBytes(mixedV1)
    let release = (): void => {}
    const more = new Promise<void>((resolve) => { release = resolve })
    const source = async function * (): AsyncGenerator<CID> { yield cidOf(mixed[0]!); await more; yield cidOf(mixed[6]!) }
    const pairs = blockstore.getMany(source())
    const first = await pairs.next()
    expect((await all(first.value!.bytes))[0]).toEqual(new Uint8Array(mixed[0]!.data))
    release()
    expect((await pairs.next()).value?.cid).toEqual(cidOf(mixed[6]!))
    expect((await pairs.next()).done).toBe(true)
  })

  it('lets go of a source that gives what is no CID, after the blocks before it', async () => {
    const { blockstore } = await mountBytes(mixedV1)
    const ends: string[] = []
    const given = (): unknown[] => [cidOf(mixed[0]!), 'no CID', cidOf(mixed[6]!)]
    const plain = function * (): Generator<CID> { try { yield * given() as CID[] } finally { ends.push('plain') } }
    const awaited = async function * (): AsyncGenerator<CID> { try { yield * given() as CID[] } finally { ends.push('awaited') } }
    for (const source of [plain(), awaited()]) {
      const pairs = blockstore.getMany(source)
      expect((await pairs.next()).value?.cid).toEqual(cidOf(mixed[0]!))
      await expect(pairs.next()).rejects.toThrow(TypeError)
    }
    expect(ends).toEqual(['plain', 'awaited'])
  })

  it('rejects with the reason of its signal although its source gives nothing', async () => {
    const { blockstore } = await mountBytes(mixedV1)
    const controller = new AbortController()
    const reason = new Error('enough')
    const never = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }
    const next = blockstore.getMany(never, { signal: controller.signal }).next()
    controller.abort(reason)
    await expect(next).rejects.toBe(reason)
  })
})

describe('damage', () => {
  const five = makeBlocks(7, 5, { min: 40, max: 90 })

  it.each(Object.keys(damaged).filter((name) => /^v[12]-(?!index|unknown-index)/.test(name)))('%s is refused with a code when the CAR is mounted', async (name) => {
    await expect(mountBytes(damaged[name]!)).rejects.toEqual(expect.objectContaining({ name: 'CarV2Error', code: expect.stringMatching(/^CARV2_/) }))
  })

  it.each(Object.keys(damaged).filter((name) => /^v2-(index|unknown-index)-/.test(name)))('%s: every block is found, and the index was replaced', async (name) => {
    const notices: string[] = []
    const mount = await mountBytes(damaged[name]!, { onNotice: (text) => notices.push(text) })
    for (const block of five) expect(await mount.blockstore.bytes(cidOf(block))).toEqual(new Uint8Array(block.data))
    expect(await mount.blockstore.has(absent)).toBe(false)
    expect(mount.indexOrigin).toBe('built')
    expect(notices).toHaveLength(1)
  })

  it.each(Object.keys(damaged).filter((name) => name.startsWith('index-')))('%s: every block is found although this is the index given', async (name) => {
    const notices: string[] = []
    const data = createBytesSource(carV1([five[0]!.cid], five))
    const mount = await openIndexMount({ data, index: createBytesSource(damaged[name]!) }, { onNotice: (text) => notices.push(text) })
    for (const block of five) expect(await mount.blockstore.bytes(cidOf(block))).toEqual(new Uint8Array(block.data))
    expect(await mount.blockstore.has(absent)).toBe(false)
    expect(mount.indexOrigin).toBe('built')
    expect(notices).toHaveLength(1)
  })

  it('block-bit-flip: that block is refused, the others are served', async () => {
    const { blockstore } = await mountBytes(damaged['block-bit-flip']!)
    for (const [i, block] of five.entries()) {
      if (i === 2) await expect(blockstore.bytes(cidOf(block))).rejects.toEqual(code('BLOCKSTORE_HASH_MISMATCH'))
      else expect(await blockstore.bytes(cidOf(block))).toEqual(new Uint8Array(block.data))
    }
  })

  it('of a page of our index is an error, never an absence', async () => {
    const blocks = makeBlocks(9, 500, { min: 1, max: 20 })
    const bytes = carV1([], blocks)
    const index = await indexOf(bytes)
    index[6000]! ^= 1
    const { blockstore } = await openIndexMount({ data: createBytesSource(bytes), index: createBytesSource(index) }, { indexTrust: 'use' })
    const outcomes = await Promise.all(blocks.map(async (block) => blockstore.bytes(cidOf(block)).then(() => 'true', (error: { code: string, cause: { code: string } }) => `${error.code} ${error.cause.code}`)))
    expect(new Set(outcomes)).toEqual(new Set(['true', 'BLOCKSTORE_UNREADABLE CARV2_INDEX_DAMAGED']))
  })

  it('of the bytes under a true index is unreadable, never absent: any one byte of the CAR', async () => {
    const whole = carV1([five[0]!.cid], five)
    const index = await indexOf(whole, { kind: 'content', cid: 'x', sizeBytes: whole.byteLength })
    const first = placedBlocks([five[0]!.cid], five)[0]!.sectionOffset
    for (let at = first; at < whole.byteLength; at++) {
      const bytes = whole.slice()
      bytes[at]! ^= 0x41
      const data = createBytesSource(bytes, { identity: { kind: 'content', cid: 'x', sizeBytes: bytes.byteLength } })
      const { blockstore } = await openIndexMount({ data, index: createBytesSource(index) })
      const outcomes = await Promise.all(five.map((block) => blockstore.bytes(cidOf(block)).then((got) => Buffer.compare(got, block.data) === 0 ? 'right' : 'wrong', (error: { code: string }) => error.code)))
      const bad = outcomes.filter((outcome) => outcome !== 'right')
      // the codec in a CID plays no part in finding a block by its multihash
      expect(bad.length, `byte ${at}`).toBeLessThanOrEqual(1)
      for (const outcome of bad) expect(['BLOCKSTORE_UNREADABLE', 'BLOCKSTORE_HASH_MISMATCH', 'BLOCKSTORE_TOO_LARGE']).toContain(outcome)
    }
  })
})

describe('carStream', () => {
  it('gives the CARv1 without padding, from CARv1 and CARv2, whether the index tells the end or not', async () => {
    for (const bytes of [carV1(roots, mixed, { paddingBytes: 300 }), carV2({ roots, blocks: mixed, payloadPadding: 70, dataPadding: 9 })]) {
      for (const indexTrust of ['use', 'regenerate'] as const) {
        const mount = await mountBytes(bytes, { indexTrust })
        expect(Buffer.compare(joinBytes(await all(mount.carStream())), mixedV1)).toBe(0)
      }
    }
  })

  it('stops with the reason of its signal, and when the mount is closed', async () => {
    const mount = await mountBytes(carV1([], makeBlocks(1, 3, { min: 2 << 20, max: 2 << 20 })))
    const reason = new Error('enough')
    await expect(all(mount.carStream({ signal: AbortSignal.abort(reason) }))).rejects.toBe(reason)
    const chunks = mount.carStream()[Symbol.asyncIterator]()
    await chunks.next()
    await mount.close()
    await expect(chunks.next()).rejects.toEqual(code('BLOCKSTORE_CLOSED'))
    await expect(all(mount.carStream())).rejects.toEqual(code('BLOCKSTORE_CLOSED'))
  })

  it('says that the mount was closed, too, when that breaks off a read', async () => {
    const data = testSource(mixedV1)
    const mount = await openIndexMount({ data })
    let release = (): void => {}
    data.pause = new Promise<void>((resolve) => { release = resolve })
    const streamed = all(mount.carStream()).then(() => 'the stream', (error: unknown) => error)
    await mount.close()
    release()
    expect(await streamed).toEqual(code('BLOCKSTORE_CLOSED'))
  })
})

describe('close', () => {
  it('closes data and index once, or neither when they are not the mount\'s', async () => {
    const index = await indexOf(mixedV1)
    for (const owns of [true, false]) {
      const [data, given] = [testSource(mixedV1), testSource(index)]
      const mount = await openIndexMount({ data, index: given }, { owns, indexTrust: 'use' })
      await Promise.all([mount.close(), mount.close()])
      expect([data.closes, given.closes]).toEqual(owns ? [1, 1] : [0, 0])

      const [other, closes] = [testSource(mixedV1), { view: 0 }]
      const view = await openIndex(createBytesSource(index))
      const counted = Object.create(view, { close: { value: async () => { closes.view++ } } }) as typeof view
      await (await openIndexMount({ data: other, index: counted }, { owns, indexTrust: 'use' })).close()
      expect([other.closes, closes.view]).toEqual(owns ? [1, 1] : [0, 0])
    }
  })

  it('leaves data and index to the caller when mounting fails', async () => {
    const data = testSource(damaged['v1-cut-in-data']!)
    const index = testSource(new Uint8Array(3))
    await expect(openIndexMount({ data, index })).rejects.toEqual(code('CARV2_TRUNCATED'))
    expect([data.closes, index.closes]).toEqual([0, 0])
  })

  it('lets calls under way finish', async () => {
    const source = testSource(mixedV1)
    const mount = await openIndexMount({ data: source })
    let release = (): void => {}
    source.pause = new Promise<void>((resolve) => { release = resolve })
    const reading = mount.blockstore.bytes(cidOf(mixed[0]!))
    const closing = mount.close()
    await expect(mount.blockstore.bytes(cidOf(mixed[0]!))).rejects.toEqual(code('BLOCKSTORE_CLOSED'))
    expect(source.closes).toBe(0)
    release()
    expect(await reading).toEqual(new Uint8Array(mixed[0]!.data))
    await closing
    expect(source.closes).toBe(1)
  })

  it('closes the data although the index fails to', async () => {
    const data = testSource(mixedV1)
    const index = testSource(await indexOf(mixedV1))
    index.close = async () => { throw broken }
    await expect((await openIndexMount({ data, index })).close()).rejects.toBe(broken)
    expect(data.closes).toBe(1)
  })
})

describe('openIndexMount', () => {
  it('tells roots, layout, source and where the index came from', async () => {
    const data = createBytesSource(carV2({ roots, blocks: mixed, dataPadding: 13 }))
    const mount = await openIndexMount({ data })
    expect(mount.roots.map(String)).toEqual([cidOf(mixed[0]!).toString()])
    expect(mount.layout).toMatchObject({ version: 2, payloadStart: 64 })
    expect(mount.source).toBe(data)
    expect(mount.indexOrigin).toBe('attached')
    expect(mount.index.facts.entryCount).toBe(mixed.length)
  })

  it('works on a window of something larger', async () => {
    const around = new Uint8Array(mixedV1.byteLength + 500)
    around.set(mixedV1, 123)
    const mount = await openIndexMount({ data: createWindow(createBytesSource(around), 123, mixedV1.byteLength) })
    expect(await mount.blockstore.bytes(cidOf(mixed[0]!))).toEqual(new Uint8Array(mixed[0]!.data))
  })

  it('rejects with the reason of an aborted signal', async () => {
    const reason = new Error('enough')
    await expect(openIndexMount({ data: createBytesSource(mixedV1) }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  it('rejects when the bytes can not be read, and does not call an index broken for that', async () => {
    const bytes = carV2({ roots, blocks: mixed })
    const source = testSource(bytes)
    const { read } = source
    source.read = async (at, length, call) => at >= bytes.byteLength - 5000 && source.reads.length > 0 ? Promise.reject(broken) : read(at, length, call)
    await expect(openIndexMount({ data: source })).rejects.toBe(broken)
  })
})
