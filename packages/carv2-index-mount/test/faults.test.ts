import { runInNewContext } from 'node:vm'
import { carV1, carV2, makeBlocks, mixedBlocks } from '@dagstore-tooling/fixtures'
import type { ByteSource } from '@dagstore/io'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openIndexMount } from '../src/index.ts'
import { absent, all, broken, cidOf, indexOf, mixed, mixedV1, testSource, type TestSource } from './cars.ts'

/** Fails the reads of a number that `fails` says, counted over all sources made here. */
const failing = (fails: (read: number) => boolean): { readonly wrap: (source: TestSource) => TestSource, reads: number } => {
  const counter = {
    reads: 0,
    wrap: (source: TestSource): TestSource => {
      const { read } = source
      source.read = (...args) => fails(counter.reads++) ? Promise.reject(broken) : read(...args)
      return source
    },
  }
  return counter
}
const small = makeBlocks(41, 12, { min: 30, max: 90 })
const files: { readonly [name: string]: () => Promise<{ data: TestSource, index?: ByteSource }> } = {
  'CARv1': async () => ({ data: testSource(carV1([], small)) }),
  'CARv1 with our index': async () => ({ data: testSource(carV1([], small)), index: testSource(await indexOf(carV1([], small))) }),
  'CARv2 with the index of another tool': async () => ({ data: testSource(carV2({ roots: [], blocks: small })) }),
}

describe.each(Object.keys(files))('a read that fails, of a %s', (name) => {
  it.each([false, true])('is unreadable, never absent, whichever read it is; all later ones too: %s', async (forEver) => {
    for (let n = 0, ended = false; !ended; n++) {
      const faults = failing((read) => forEver ? read >= n : read === n)
      const { data, index } = await files[name]!()
      const parts = { data: faults.wrap(data), index: index === undefined ? undefined : faults.wrap(index as TestSource) }
      const mount = await openIndexMount(parts, { indexTrust: 'verify' }).catch((error: unknown) => {
        expect(error).toBe(broken)
        return undefined
      })
      if (mount === undefined) {
        expect([data.closes, parts.index?.closes ?? 0]).toEqual([0, 0])
        continue
      }
      for (const block of small) {
        const asked = [mount.blockstore.bytes(cidOf(block)), mount.blockstore.size(cidOf(block)), mount.blockstore.has(cidOf(block)), all(mount.blockstore.get(cidOf(block)))]
        const [bytes, size, has, got] = await Promise.allSettled(asked)
        for (const result of [bytes, size, has, got]) {
          if (result?.status === 'rejected') expect(result.reason).toMatchObject({ code: 'BLOCKSTORE_UNREADABLE', cause: broken })
        }
        if (bytes?.status === 'fulfilled') expect(bytes.value).toEqual(new Uint8Array(block.data))
        if (has?.status === 'fulfilled') expect(has.value).toBe(true)
        if (size?.status === 'fulfilled') expect(size.value).toBe(block.data.byteLength)
      }
      await Promise.resolve(mount.blockstore.has(absent)).then((has) => { expect(has).toBe(false) }, (error: unknown) => { expect(error).toMatchObject({ code: 'BLOCKSTORE_UNREADABLE' }) })
      await all(mount.blockstore.getAll()).then((pairs) => { expect(pairs).toHaveLength(small.length) }, (error: unknown) => { expect(error).toMatchObject({ code: 'BLOCKSTORE_UNREADABLE' }) })
      ended = faults.reads <= n
      await mount.close()
    }
  })
})

describe('generators that are left alone', () => {
  it('hold nothing: the mount closes, and no failure goes unheard', async () => {
    const unhandled: unknown[] = []
    const note = (error: unknown): void => { unhandled.push(error) }
    process.on('unhandledRejection', note)
    const data = testSource(mixedV1)
    const mount = await openIndexMount({ data })
    const { blockstore } = mount
    const cids = Array.from({ length: 60 }, (_, i) => cidOf(mixed[i % mixed.length]!))
    await blockstore.getMany(cids).next()
    await blockstore.getAll().next()
    blockstore.get(cids[0]!)
    await mount.carStream()[Symbol.asyncIterator]().next()
    const [abandoned] = await Promise.all([blockstore.getMany(cids).next(), blockstore.getMany(cids).return(undefined)])
    data.failure = broken
    const late = blockstore.getMany(cids)
    await late.next()
    await mount.close()
    await expect(all(abandoned.value!.bytes)).resolves.toHaveLength(1)
    await new Promise((resolve) => { setTimeout(resolve, 5) })
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
    expect(data.closes).toBe(1)
  })

  it('a source of CIDs is let go of, however the reader stops', async () => {
    const mount = await openIndexMount({ data: testSource(mixedV1) })
    let ends = 0
    const source = function * (): Generator<ReturnType<typeof cidOf>> {
      try {
        for (;;) yield cidOf(mixed[0]!)
      } finally {
        ends++
      }
    }
    for await (const { cid } of mount.blockstore.getMany(source())) {
      expect(cid.equals(cidOf(mixed[0]!))).toBe(true)
      break
    }
    const controller = new AbortController()
    await expect((async () => {
      for await (const { cid } of mount.blockstore.getMany(source(), { signal: controller.signal })) controller.abort(cid)
    })()).rejects.toMatchObject({ code: cidOf(mixed[0]!).code })
    expect(ends).toBe(2)
  })
})

describe('memory', () => {
  it('of a block belongs to the caller also where a source lets us look into a Buffer, whose slices are views', async () => {
    const content = Buffer.from(mixedV1)
    const inner = testSource(mixedV1)
    const looked = new Proxy(inner, { get: (target, key) => key === 'peek' ? (at: number, length: number) => content.subarray(at, at + length) : Reflect.get(target, key) as unknown })
    for (const index of [undefined, testSource(await indexOf(mixedV1, inner.identity))]) {
      const mount = await openIndexMount({ data: looked, index }, { owns: false })
      for (const block of mixed) {
        for (let i = 0; i < 2; i++) (await mount.blockstore.bytes(cidOf(block))).fill(0)
        for await (const chunk of mount.blockstore.get(cidOf(block))) chunk.fill(0)
      }
      expect(Buffer.compare(content, mixedV1)).toBe(0)
    }
  })
})

describe('getMany', () => {
  it('takes CIDs from an iterator whose promises are not of this realm', async () => {
    const mount = await openIndexMount({ data: testSource(mixedV1) })
    const ForeignPromise = runInNewContext('Promise') as PromiseConstructor
    const cids = mixed.slice(0, 3).map(cidOf)
    const source: AsyncIterable<ReturnType<typeof cidOf>> = {
      [Symbol.asyncIterator]: () => {
        const inner = cids[Symbol.iterator]()
        return { next: () => new ForeignPromise((resolve) => { setImmediate(resolve, inner.next()) }) }
      },
    }
    expect((await all(mount.blockstore.getMany(source))).map(({ cid }) => cid.toString())).toEqual(cids.map(String))
  })
})

describe('a mount answers as a look at each section does (property)', () => {
  it('whatever the blocks, the index and the way blocks compare', async () => {
    const pool = [...mixedBlocks(9), ...makeBlocks(42, 30, { min: 0, max: 300 })]
    await fc.assert(fc.asyncProperty(
      fc.array(fc.nat(pool.length - 1), { maxLength: 60 }), fc.constantFrom(...(['v1', 'ours', 0x0400, 0x0401] as const)), fc.boolean(), fc.constantFrom(undefined, 'verify', 'regenerate'), fc.boolean(),
      async (picks, form, wholeCid, indexTrust, local) => {
        const blocks = picks.map((pick) => pool[pick]!)
        const bytes = form === 'v1' || form === 'ours' ? carV1([], blocks) : carV2({ roots: [], blocks, index: form })
        const data = testSource(bytes, { kind: local ? 'local' : 'remote' })
        const index = form === 'ours' ? testSource(await indexOf(bytes, data.identity)) : undefined
        const mount = await openIndexMount({ data, index }, { wholeCid, ...(indexTrust === undefined ? {} : { indexTrust }) })
        const key = (block: { cid: Uint8Array, multihash: Uint8Array }): string => Buffer.from(wholeCid ? block.cid : block.multihash).toString('hex')
        const known = new Set(blocks.map(key))
        await Promise.all(pool.map(async (block) => {
          const cid = cidOf(block)
          const there = known.has(key(block)) || cid.multihash.code === 0
          expect(await mount.blockstore.has(cid)).toBe(there)
          const found = await mount.blockstore.bytes(cid).catch((error: { code: string }) => error.code)
          expect(found).toEqual(there ? new Uint8Array(block.data) : 'BLOCKSTORE_NOT_FOUND')
          expect(await Promise.resolve(mount.blockstore.size(cid)).catch((error: { code: string }) => error.code)).toEqual(there ? block.data.byteLength : 'BLOCKSTORE_NOT_FOUND')
        }))
        const listed = (await all(mount.blockstore.getAll())).map(({ cid }) => key({ cid: cid.bytes, multihash: cid.multihash.bytes }))
        expect(listed).toEqual([...known])
        await mount.close()
      },
    ), { seed: 20261122, numRuns: 60 })
  })
})
