import { carV1, carV2, entriesOf, indexBytes, makeBlocks, placedBlocks } from '@dagstore-tooling/fixtures'
import { type IndexView, openIndex } from '@dagstore/carv2'
import { type ByteProgress, createBytesSource, type SourceIdentity } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { type IndexTrust, openIndexMount } from '../src/index.ts'
import { absent, broken, cidOf, indexOf, mixed, mixedV1, roots, testSource } from './cars.ts'

const blocks = makeBlocks(11, 300, { min: 10, max: 300 })
const bytes = carV1([blocks[0]!.cid], blocks)
const sizeBytes = bytes.byteLength
const file = (mtimeNs: bigint, size = sizeBytes): SourceIdentity => ({ kind: 'file', sizeBytes: size, mtimeNs, inode: 5n })
const content = (cid: string): SourceIdentity => ({ kind: 'content', cid, sizeBytes })

/** Mount `bytes` with an index that was built from bytes of the `known` identity. */
const mounted = async (known: SourceIdentity, found: SourceIdentity, indexTrust?: IndexTrust, index = bytes): Promise<{ origin: string, notices: number, samples: number }> => {
  let notices = 0
  const data = testSource(bytes, { identity: found })
  const mount = await openIndexMount({ data, index: createBytesSource(await indexOf(index, known)) }, { indexTrust, onNotice: () => { notices++ } })
  const samples = data.reads.length - 1
  for (const block of blocks) expect(Buffer.compare(await mount.blockstore.bytes(cidOf(block)), block.data)).toBe(0)
  return { origin: mount.indexOrigin, notices, samples }
}

describe('onProgress', () => {
  it('is told how far the CAR is read for an index, on opening and when one is found wanting, and of nothing else', async () => {
    const told: ByteProgress[] = []
    const onProgress = (progress: ByteProgress): void => { told.push(progress) }
    await openIndexMount({ data: testSource(bytes), index: createBytesSource(await indexOf(bytes, content('a'))) }, { indexTrust: 'use', onProgress })
    expect(told).toEqual([])
    await openIndexMount({ data: testSource(bytes) }, { onProgress })
    expect(told.splice(0)).toContainEqual({ doneBytes: sizeBytes, totalBytes: sizeBytes })
    const standard = indexBytes(0x0401, entriesOf(placedBlocks([blocks[0]!.cid], blocks)))
    const mount = await openIndexMount({ data: testSource(bytes), index: createBytesSource(standard) }, { onProgress })
    expect(told).toEqual([])
    expect(await mount.blockstore.has(absent)).toBe(false)
    expect(told).toContainEqual({ doneBytes: sizeBytes, totalBytes: sizeBytes })
  })
})

describe('an index that is believed for its hits alone', () => {
  const half = { bytes: carV1([blocks[0]!.cid], blocks.slice(0, 150)) }

  it('is not sampled, and serves what it has without being replaced', async () => {
    const data = testSource(bytes)
    const mount = await openIndexMount({ data, index: createBytesSource(await indexOf(half.bytes, content('a'))) }, { indexTrust: 'hits' })
    expect(data.reads.length).toBe(1)
    for (const block of blocks.slice(0, 150)) expect(Buffer.compare(await mount.blockstore.bytes(cidOf(block)), block.data)).toBe(0)
    expect(mount.indexOrigin).toBe('given')
    await mount.close()
  })

  it('is replaced by what the caller brings, once, before anything is called absent; that is closed with the mount', async () => {
    let brought = 0
    let closed = 0
    const replaceIndex = async (): Promise<IndexView> => {
      brought++
      const view = await openIndex(createBytesSource(await indexOf(bytes, content('a'))))
      return {
        facts: view.facts, find: (...call) => view.find(...call), entries: (options) => view.entries(options), digests: (options) => view.digests(options),
        close: async () => { closed++ }, [Symbol.asyncDispose]: async () => {},
      }
    }
    const mount = await openIndexMount({ data: testSource(bytes), index: createBytesSource(await indexOf(half.bytes, content('a'))) }, { indexTrust: 'hits', replaceIndex })
    const found = await Promise.all([...blocks.slice(150, 170).map((block) => mount.blockstore.has(cidOf(block))), mount.blockstore.has(absent)])
    expect(found).toEqual([...Array.from({ length: 20 }, () => true), false])
    expect([brought, closed]).toEqual([1, 0])
    await mount.close()
    expect(closed).toBe(1)
  })

  it('whose trailer is of a shorter payload cuts nothing off', async () => {
    const mount = await openIndexMount({ data: testSource(bytes), index: createBytesSource(await indexOf(half.bytes, content('a'))) }, { indexTrust: 'hits' })
    const chunks: Uint8Array[] = []
    for await (const chunk of mount.blockstore.getAll()) chunks.push(chunk.cid.bytes)
    expect(chunks.length).toBe(300)
    let length = 0
    for await (const chunk of mount.carStream()) length += chunk.byteLength
    expect(length).toBe(sizeBytes)
    await mount.close()
  })
})

describe('an index with our trailer', () => {
  it('of the same bytes is used as it is', async () => {
    expect(await mounted(content('a'), content('a'))).toEqual({ origin: 'given', notices: 0, samples: 0 })
    expect(await mounted(file(1n), file(1n))).toEqual({ origin: 'given', notices: 0, samples: 0 })
  })

  it('of other bytes is not used, and that is said', async () => {
    expect(await mounted(content('a'), content('b'))).toMatchObject({ origin: 'built', notices: 1 })
    expect(await mounted(content('a'), content('b'), 'use')).toMatchObject({ origin: 'built', notices: 1 })
    expect(await mounted(file(1n, 7), file(1n))).toMatchObject({ origin: 'built', notices: 1 })
  })

  it('of bytes that may be the same is used after 64 sections were compared', async () => {
    expect(await mounted(file(1n), file(2n))).toEqual({ origin: 'given', notices: 0, samples: 64 })
    expect(await mounted(content('a'), file(2n))).toEqual({ origin: 'given', notices: 0, samples: 64 })
    expect(await mounted(file(1n), file(2n), 'use')).toEqual({ origin: 'given', notices: 0, samples: 0 })
    expect(await mounted(file(1n), file(1n), 'verify')).toEqual({ origin: 'given', notices: 0, samples: 64 })
  })

  it('of bytes that may be the same, and are not, is not used', async () => {
    const others = makeBlocks(12, 300, { min: 10, max: 300 })
    const other = carV1([blocks[0]!.cid], others)
    expect(await mounted(file(1n), file(2n), undefined, other)).toMatchObject({ origin: 'built', notices: 1 })
  })

  it('of a CAR with other roots, or whose payload lies elsewhere, is not used', async () => {
    expect(await mounted(content('a'), content('a'), undefined, carV1([blocks[1]!.cid], blocks))).toMatchObject({ origin: 'built', notices: 1 })
    expect(await mounted(content('a'), content('a'), 'use', carV2({ roots: [blocks[0]!.cid], blocks }))).toMatchObject({ origin: 'built', notices: 1 })
  })

  it('is built anew when it is to be regenerated', async () => {
    expect(await mounted(content('a'), content('a'), 'regenerate')).toMatchObject({ origin: 'built', notices: 0 })
  })
})

describe('an index without trailer', () => {
  const rows = entriesOf(placedBlocks([blocks[0]!.cid], blocks))
  const lacking = indexBytes(0x0401, rows.slice(0, 200))

  it('answers where it has a block; before a block is called absent another one is built, once', async () => {
    const notices: string[] = []
    const data = testSource(bytes)
    const mount = await openIndexMount({ data, index: createBytesSource(lacking) }, { onNotice: (text) => notices.push(text) })
    for (const block of blocks.slice(0, 200)) expect(await mount.blockstore.has(cidOf(block))).toBe(true)
    expect(mount.indexOrigin).toBe('given')
    const found = await Promise.all(blocks.slice(200).map((block) => mount.blockstore.bytes(cidOf(block))))
    expect(found.map(({ byteLength }) => byteLength)).toEqual(blocks.slice(200).map(({ data }) => data.byteLength))
    expect(mount.indexOrigin).toBe('built')
    expect(await mount.blockstore.has(absent)).toBe(false)
    expect(notices).toHaveLength(1)
    await mount.close()
  })

  it('says of no block that it is absent because another one was built while it was asked', async () => {
    const data = testSource(bytes)
    const index = await openIndex(createBytesSource(lacking))
    const { find } = index
    let held: (() => void) | undefined
    // the first question is answered when all others are
    let first = true
    index.find = (...args) => {
      const found = find.apply(index, args)
      if (!first) return found
      first = false
      return new Promise((resolve) => { held = () => { resolve(found) } })
    }
    const mount = await openIndexMount({ data, index })
    const slow = mount.blockstore.bytes(cidOf(blocks[250]!))
    expect(await mount.blockstore.has(cidOf(blocks[251]!))).toBe(true)
    expect(mount.indexOrigin).toBe('built')
    held?.()
    expect(await slow).toEqual(new Uint8Array(blocks[250]!.data))
  })

  it('is the last word when it is to be used', async () => {
    const mount = await openIndexMount({ data: createBytesSource(bytes), index: createBytesSource(lacking) }, { indexTrust: 'use' })
    await expect(mount.blockstore.bytes(cidOf(blocks[250]!))).rejects.toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND' })
    expect(mount.indexOrigin).toBe('given')
  })

  it('that leads astray behind the samples is replaced when that is found', async () => {
    const astray = indexBytes(0x0401, rows.map((row) => Buffer.compare(row.digest, rows[123]!.digest) === 0 ? { ...row, offset: rows[5]!.offset } : row))
    const mount = await openIndexMount({ data: createBytesSource(bytes), index: createBytesSource(astray) }, { indexTrust: 'verify' })
    expect(await mount.blockstore.bytes(cidOf(blocks[123]!))).toEqual(new Uint8Array(blocks[123]!.data))
    expect(mount.indexOrigin).toBe('built')
    const trusting = await openIndexMount({ data: createBytesSource(bytes), index: createBytesSource(astray) }, { indexTrust: 'use' })
    await expect(trusting.blockstore.bytes(cidOf(blocks[123]!))).rejects.toMatchObject({ code: 'BLOCKSTORE_UNREADABLE' })
  })

  it('by digest alone finds blocks of equal digest and other hash, and calls others absent', async () => {
    const mount = await openIndexMount({ data: createBytesSource(carV2({ roots, blocks: mixed, index: 0x0400 })) }, { indexTrust: 'use' })
    for (const block of mixed) expect(await mount.blockstore.bytes(cidOf(block))).toEqual(new Uint8Array(block.data))
    expect(await mount.blockstore.has(absent)).toBe(false)
  })

  it('is tried again when building another one has failed', async () => {
    const data = testSource(bytes)
    const mount = await openIndexMount({ data, index: createBytesSource(lacking) })
    data.failure = broken
    await expect(mount.blockstore.has(cidOf(blocks[250]!))).rejects.toMatchObject({ code: 'BLOCKSTORE_UNREADABLE', cause: broken })
    data.failure = undefined
    expect(await mount.blockstore.has(cidOf(blocks[250]!))).toBe(true)
  })

  it('lets a caller withdraw from waiting for another one, and the others have it', async () => {
    const data = testSource(bytes)
    const mount = await openIndexMount({ data, index: createBytesSource(lacking) })
    let release = (): void => {}
    data.pause = new Promise<void>((resolve) => { release = resolve })
    const controller = new AbortController()
    const reason = new Error('enough')
    const withdrawn = mount.blockstore.has(cidOf(blocks[250]!), { signal: controller.signal }) as Promise<boolean>
    const staying = mount.blockstore.has(cidOf(blocks[251]!))
    await new Promise((resolve) => { setImmediate(resolve) })
    controller.abort(reason)
    await expect(withdrawn).rejects.toBe(reason)
    release()
    expect(await staying).toBe(true)
  })

  it('fails quietly when the only caller withdrew before another one was being built', async () => {
    const data = testSource(bytes)
    const controller = new AbortController()
    const reason = new Error('enough')
    const index = await openIndex(createBytesSource(lacking))
    index.find = () => { controller.abort(reason); return [] }
    const mount = await openIndexMount({ data, index })
    data.failure = broken
    const unhandled: unknown[] = []
    const note = (error: unknown): void => { unhandled.push(error) }
    process.on('unhandledRejection', note)
    await expect(mount.blockstore.has(absent, { signal: controller.signal })).rejects.toBe(reason)
    await new Promise((resolve) => { setTimeout(resolve, 5) })
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })

  it('breaks off building another one when the mount is closed', async () => {
    const data = testSource(carV1([], makeBlocks(13, 40, { min: 200_000, max: 200_000 })))
    const mount = await openIndexMount({ data, index: createBytesSource(indexBytes(0x0401, [])) })
    let release = (): void => {}
    data.pause = new Promise<void>((resolve) => { release = resolve })
    const waiting = (mount.blockstore.has(absent) as Promise<boolean>).then(() => 'an answer', (error: { code: string }) => error.code)
    await new Promise((resolve) => { setImmediate(resolve) })
    const closing = mount.close()
    release()
    expect(await waiting).toBe('BLOCKSTORE_CLOSED')
    await closing
  })
})

describe('where an index comes from', () => {
  it('the one given goes before the one in the file, that before a new one', async () => {
    const v2 = carV2({ roots, blocks: mixed })
    const given = createBytesSource(await indexOf(v2))
    const garbage = createBytesSource(new Uint8Array(40).fill(7))
    expect((await openIndexMount({ data: createBytesSource(v2), index: given })).indexOrigin).toBe('given')
    expect((await openIndexMount({ data: createBytesSource(v2), index: garbage })).indexOrigin).toBe('attached')
    expect((await openIndexMount({ data: createBytesSource(v2) })).indexOrigin).toBe('attached')
    expect((await openIndexMount({ data: createBytesSource(mixedV1), index: garbage })).indexOrigin).toBe('built')
  })
})
