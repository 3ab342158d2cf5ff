/// <reference lib="esnext.disposable" preserve="true" />
/** Parts of a store that count what goes through them; each gives back what it was given where nobody measures. */
import type { PageCache, PageSpace } from '@dagstore/carv2'
import { type ByteSource, canFill, type Clock, hasCallbacks } from '@dagstore/io'
import type { Mount, MountBytes, MountRegistry } from '@dagstore/mounts'
import type { BlockStretches, ShardBlockstore } from '@dagstore/read-blockstore'
import type { Limiter } from '../limiter.ts'
import { withPowers } from '../runner/watched-source.ts'
import { type Metrics, NO_METRICS } from './metrics.ts'

export const schemeOf = (url: string): string => url.slice(0, Math.max(0, url.indexOf(':')))

export const measuredMounts = (mounts: MountRegistry, metrics: Metrics): MountRegistry => metrics === NO_METRICS ? mounts : {
  ...mounts,
  resolve: (...asked) => {
    const mount = mounts.resolve(...asked)
    const scheme = schemeOf(mount.url)
    // whatever else a mount can do, it does as itself
    return new Proxy(mount, {
      get: (target, name) => {
        if (name === 'open') return async (...call: Parameters<Mount['open']>) => measuredBytes(await mount.open(...call), scheme, metrics)
        if (name === 'openStat' && mount.openStat !== undefined) {
          return async (...call: Parameters<Mount['open']>) => {
            const { stat, bytes } = await mount.openStat!(...call)
            return { stat, bytes: bytes === undefined ? undefined : measuredBytes(bytes, scheme, metrics) }
          }
        }
        const member: unknown = Reflect.get(target, name, target)
        return typeof member === 'function' ? member.bind(target) : member
      },
    })
  },
}

const measuredBytes = (bytes: MountBytes, scheme: string, metrics: Metrics): MountBytes => {
  const labels = { scheme }
  if (bytes.access === 'random') {
    return {
      ...bytes,
      source: measuredSource(bytes.source, (length) => {
        metrics.count('source.reads', 1, labels)
        metrics.count('source.read.bytes', length, labels)
      }),
    }
  }
  return {
    access: bytes.access,
    identity: bytes.identity,
    resumable: bytes.resumable,
    stream: async function * (from, options) {
      for await (const chunk of bytes.stream(from, options)) {
        metrics.count('source.fetch.bytes', chunk.byteLength, labels)
        yield chunk
      }
    },
  }
}

/** It reads in every way its source does, but for blocking. @param asked - called with the length of each read that is answered */
export const measuredSource = (source: ByteSource, asked: ((length: number) => void) | undefined): ByteSource => {
  if (asked === undefined) return source
  const close = (): Promise<void> => source.close()
  return withPowers({
    sizeBytes: source.sizeBytes,
    identity: source.identity,
    cost: source.cost,
    read: async (at, length, options) => {
      const bytes = await source.read(at, length, options)
      asked(length)
      return bytes
    },
    peek: (at, length) => {
      const bytes = source.peek(at, length)
      if (bytes !== undefined) asked(length)
      return bytes
    },
    close,
    [Symbol.asyncDispose]: close,
  }, {
    readInto: !canFill(source) ? undefined : async (at, into, options) => {
      const length = await source.readInto(at, into, options)
      asked(length)
      return length
    },
    readThen: !hasCallbacks(source) ? undefined : (at, length, done) => {
      source.readThen(at, length, (error, bytes) => {
        if (bytes !== undefined) asked(length)
        done(error, bytes)
      })
    },
  })
}

export const measuredPages = (pages: PageCache, metrics: Metrics): PageCache => metrics === NO_METRICS ? pages : {
  maxBytes: pages.maxBytes,
  get usedBytes () { return pages.usedBytes },
  space: () => {
    const space = pages.space()
    const measured: PageSpace = {
      get: (page) => {
        const bytes = space.get(page)
        // one that is not there is asked about more than once, and not always read
        if (bytes !== undefined) metrics.count('index.page.hits')
        return bytes
      },
      set: (page, bytes) => {
        metrics.count('index.page.misses')
        space.set(page, bytes)
      },
      clear: () => { space.clear() },
    }
    return measured
  },
}

export const measuredLimiter = (limiter: Limiter, metrics: Metrics, clock: Clock): Limiter => metrics === NO_METRICS ? limiter : {
  get waiting () { return limiter.waiting },
  run: (work, options) => {
    const since = clock.monotonic()
    metrics.observe('build.waiting', limiter.waiting)
    return limiter.run(async (slot) => {
      const from = clock.monotonic()
      metrics.observe('build.wait.ms', from - since)
      try {
        return await work(slot)
      } finally {
        metrics.observe('build.ms', clock.monotonic() - from)
      }
    }, options)
  },
}

export const measuredBlockstore = (store: ShardBlockstore & BlockStretches, metrics: Metrics, scheme: string): ShardBlockstore & BlockStretches => {
  if (metrics === NO_METRICS) return store
  const labels = { scheme }
  const served = (bytes: Uint8Array): Uint8Array => {
    metrics.count('block.served', 1, labels)
    metrics.count('block.served.bytes', bytes.byteLength, labels)
    return bytes
  }
  const each = async function * (chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of chunks) yield served(chunk)
  }
  return {
    has: (cid, options) => store.has(cid, options),
    size: (cid, options) => store.size(cid, options),
    get: async function * (cid, options) { yield * each(store.get(cid, options)) },
    bytes: async (cid, options) => served(await store.bytes(cid, options)),
    bytesAt: async (cid, from, length, options) => served(await store.bytesAt(cid, from, length, options)),
    stretch: async (cid, maxBytes, options) => {
      const stretch = await store.stretch(cid, maxBytes, options)
      return {
        bytes: served(stretch.bytes),
        get isSpent () { return stretch.isSpent },
        take: (other) => {
          const bytes = stretch.take(other)
          return bytes === undefined ? undefined : served(bytes)
        },
      }
    },
    getMany: async function * (cids, options) {
      for await (const { cid, bytes } of store.getMany(cids, options)) yield { cid, bytes: each(bytes) }
    },
    getAll: async function * (options) {
      for await (const { cid, bytes } of store.getAll(options)) yield { cid, bytes: each(bytes) }
    },
  }
}

/** @param served - called with the length of each chunk */
export const measuredStream = (chunks: AsyncIterable<Uint8Array>, served: ((length: number) => void) | undefined): AsyncIterable<Uint8Array> =>
  served === undefined ? chunks : told(chunks, served)

async function * told (chunks: AsyncIterable<Uint8Array>, served: (length: number) => void): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    served(chunk.byteLength)
    yield chunk
  }
}
