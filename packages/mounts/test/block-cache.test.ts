import { type ByteSource, createBytesSource, IoError, type SourceIdentity } from '@dagstore/io'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createBlockCache, httpMounts } from '../src/index.ts'
import { mountSuite } from '../src/suite.ts'
import { bytesOf, gate } from './tape.ts'
import { openWebServer } from './web-server.ts'

const content = (cid: string, sizeBytes: number): SourceIdentity => ({ kind: 'content', cid, sizeBytes })

interface Watched { readonly source: ByteSource, readonly reads: string[], fails: unknown, before: () => Promise<void> }
const watched = (bytes: Uint8Array, identity: SourceIdentity = content('x', bytes.byteLength)): Watched => {
  const inner = createBytesSource(bytes, { identity })
  const state: Watched = {
    reads: [], fails: undefined, before: async () => {},
    source: {
      ...inner,
      cost: { kind: 'remote', seekBytes: 1000 },
      peek: () => undefined,
      read: async (at, length, options) => {
        state.reads.push(`${at}+${length}`)
        await state.before()
        if (state.fails !== undefined) throw state.fails
        return inner.read(at, length, options)
      },
    },
  }
  return state
}

mountSuite('HTTP with a cache', { describe, it, expect }, {
  open: async () => {
    const web = await openWebServer()
    return {
      factory: httpMounts({ cache: createBlockCache({ budgetBytes: 10_000, blockBytes: 1000 }) })[0]!,
      put: async (bytes) => {
        const path = `/${web.files.size}.car`
        // the same tag for all: it means something for one URL only
        web.files.set(path, { bytes, etag: '"1"' })
        return web.origin + path
      },
      missing: `${web.origin}/none`,
      dispose: () => web.close(),
    }
  },
  badUrls: ['http://user@host/x'],
})

describe('a block cache', () => {
  it('reads blocks once, those beside each other together, and counts', async () => {
    const bytes = bytesOf(10_500)
    const { source, reads } = watched(bytes)
    const cache = createBlockCache({ budgetBytes: 20_000, blockBytes: 1000 })
    const cached = cache.over(source)
    expect(await cached.read(1500, 10)).toEqual(bytes.slice(1500, 1510))
    expect(await cached.read(500, 4000)).toEqual(bytes.slice(500, 4500))
    expect(await cached.read(10_400, 100)).toEqual(bytes.slice(10_400))
    expect(reads).toEqual(['1000+1000', '0+1000', '2000+3000', '10000+500'])
    expect(cached.peek(2100, 50)).toEqual(bytes.slice(2100, 2150))
    expect(cached.peek(5000, 1)).toBeUndefined()
    expect(cache.usage()).toEqual({ bytes: 5500, blocks: 6, hits: 1, misses: 6, fetchedBytes: 5500, usedBytes: 4110 })
  })

  it('gives what the source has, for any reads, within its budget', async () => {
    const bytes = bytesOf(5000)
    await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.nat(5000), fc.nat(1500)), { maxLength: 20 }), fc.integer({ min: 1, max: 700 }), fc.integer({ min: 1, max: 4 }), async (reads, blockBytes, blocks) => {
      const cache = createBlockCache({ budgetBytes: blockBytes * blocks, blockBytes })
      const cached = cache.over(watched(bytes).source)
      await Promise.all(reads.map(async ([at, length]) => {
        const end = Math.min(5000, at + length)
        expect(await cached.read(at, end - at)).toEqual(bytes.slice(at, end))
        expect(cache.usage().bytes).toBeLessThanOrEqual(blockBytes * blocks)
      }))
    }), { seed: 6, numRuns: 200 })
  })

  it('shares one read between all who wait for it; who leaves leaves the others alone', async () => {
    const bytes = bytesOf(3000)
    const state = watched(bytes)
    const held = gate()
    state.before = () => held.passed
    const cached = createBlockCache({ budgetBytes: 10_000, blockBytes: 1000 }).over(state.source)
    const leaving = new AbortController()
    const left = cached.read(0, 10, { signal: leaving.signal })
    const others = [1, 2, 3].map((at) => cached.read(at, 10))
    leaving.abort('left')
    await expect(left).rejects.toBe('left')
    held.open()
    for (const [at, read] of others.entries()) expect(await read).toEqual(bytes.slice(at + 1, at + 11))
    expect(state.reads).toEqual(['0+1000'])
  })

  it('ends a read when the last who waits for it leaves, and asks anew for whoever comes then', async () => {
    const bytes = bytesOf(3000)
    const state = watched(bytes)
    let ended = 0
    const never = new Promise<never>(() => {})
    const hanging: ByteSource = { ...state.source, read: (at, length, options) => {
      options?.signal?.addEventListener('abort', () => { ended++ })
      return ended === 0 ? never : state.source.read(at, length, options)
    } }
    const cached = createBlockCache({ budgetBytes: 10_000, blockBytes: 1000 }).over(hanging)
    const leaving = [new AbortController(), new AbortController()]
    const reads = leaving.map(({ signal }) => cached.read(0, 1500, { signal }))
    leaving[0]!.abort('one')
    await expect(reads[0]).rejects.toBe('one')
    expect(ended).toBe(0)
    leaving[1]!.abort('two')
    await expect(reads[1]).rejects.toBe('two')
    expect(ended).toBe(1)
    expect(await cached.read(0, 1500)).toEqual(bytes.slice(0, 1500))
    expect(state.reads).toEqual(['0+2000'])
  })

  it('reads at its own source what another one has lost', async () => {
    const bytes = bytesOf(3000)
    const cache = createBlockCache({ budgetBytes: 10_000, blockBytes: 1000 })
    const [bad, good] = [watched(bytes), watched(bytes)]
    const held = gate()
    bad.before = () => held.passed
    bad.fails = new IoError('IO_SOURCE_LOST', 'test', { retry: 'later' })
    const [lost, read] = [cache.over(bad.source).read(0, 10), cache.over(good.source).read(5, 10)]
    held.open()
    await expect(lost).rejects.toBe(bad.fails)
    expect(await read).toEqual(bytes.slice(5, 15))
    expect(cache.usage()).toMatchObject({ bytes: 1000, blocks: 1 })
  })

  it('takes no answer of another length for a block', async () => {
    const state = watched(bytesOf(3000))
    const short: ByteSource = { ...state.source, read: async (at, length) => (await state.source.read(at, length)).subarray(1) }
    await expect(createBlockCache({ budgetBytes: 10_000, blockBytes: 1000 }).over(short).read(0, 10)).rejects.toMatchObject({ code: 'IO_TRUNCATED' })
  })

  it('forgets a failure at once', async () => {
    const state = watched(bytesOf(3000))
    state.fails = new IoError('IO_SOURCE_LOST', 'test', { retry: 'later' })
    const cached = createBlockCache({ budgetBytes: 10_000, blockBytes: 1000 }).over(state.source)
    await expect(cached.read(0, 10)).rejects.toBe(state.fails)
    state.fails = undefined
    expect(await cached.read(0, 10)).toEqual(bytesOf(10))
  })

  it('shares content between sources wherever they are, and tags within one scope', async () => {
    const [one, other] = [bytesOf(2000, 1), bytesOf(2000, 2)]
    const cache = createBlockCache({ budgetBytes: 10_000, blockBytes: 1000 })
    await cache.over(watched(one).source).read(0, 10)
    // the same content by its name: taken from the cache
    expect(await cache.over(watched(other, content('x', 2000)).source).read(0, 10)).toEqual(one.slice(0, 10))
    expect(await cache.over(watched(other, content('y', 2000)).source).read(0, 10)).toEqual(other.slice(0, 10))
    const tag: SourceIdentity = { kind: 'version', tag: '"1"', sizeBytes: 2000 }
    await cache.over(watched(one, tag).source, 'http://a/').read(0, 10)
    expect(await cache.over(watched(other, tag).source, 'http://b/').read(0, 10)).toEqual(other.slice(0, 10))
    expect(await cache.over(watched(other, tag).source).read(0, 10)).toEqual(other.slice(0, 10))
    expect(await cache.over(watched(other, tag).source, 'http://a/').read(0, 10)).toEqual(one.slice(0, 10))
    cache.clear()
    expect(cache.usage()).toMatchObject({ bytes: 0, blocks: 0 })
  })

  it('passes by what is too long to keep, and refuses what is out of range', async () => {
    const { source, reads } = watched(bytesOf(9000))
    const cached = createBlockCache({ budgetBytes: 4000, blockBytes: 1000 }).over(source)
    expect(await cached.read(100, 5000)).toEqual(bytesOf(9000).slice(100, 5100))
    expect(reads).toEqual(['100+5000'])
    await expect(cached.read(8999, 2)).rejects.toMatchObject({ code: 'IO_OUT_OF_RANGE' })
    await cached.close()
    await expect(cached.read(0, 1)).rejects.toMatchObject({ code: 'IO_CLOSED' })
    expect(() => createBlockCache({ budgetBytes: 10, blockBytes: 11 })).toThrow(RangeError)
    expect(() => createBlockCache({ budgetBytes: 10, blockBytes: 0 })).toThrow(RangeError)
  })
})
