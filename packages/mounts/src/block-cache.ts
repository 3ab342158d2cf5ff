/// <reference lib="esnext.disposable" preserve="true" />
/** Parts of remote sources that were read, kept under a budget: reading near what was read asks for nothing. */
import { type ByteSource, checkRange, IoError, type SourceIdentity, withdrawable } from '@dagstore/io'

export interface BlockCacheOptions {
  /** Memory for all sources together. */
  readonly budgetBytes: number
  /** What is read at least, at a multiple of itself. @default 256 KiB */
  readonly blockBytes?: number | undefined
}

export interface BlockCacheUsage {
  readonly bytes: number
  readonly blocks: number
  /** Blocks that were there when they were asked for, and that were not. */
  readonly hits: number
  readonly misses: number
  /** Bytes read from sources, and given to readers. */
  readonly fetchedBytes: number
  readonly usedBytes: number
}

export interface BlockCache {
  /**
   * The same bytes, read by blocks; closing it closes `source`. Sources of one identity share what was read: of kind `content`
   * wherever they are, others in one `scope`, such as a URL, since two servers may give two things one tag.
   */
  over (source: ByteSource, scope?: string): ByteSource
  usage (): BlockCacheUsage
  clear (): void
}

export const BLOCK_CACHE_DEFAULTS: { readonly blockBytes: number } = Object.freeze({ blockBytes: 256 << 10 })

/** Blocks beside each other are asked for by one read, up to this length. */
const MERGED_BYTES = 4 << 20

/** One read of a source, for whoever waits for a block of it. */
interface Read { readonly source: ByteSource, readonly ending: AbortController, users: number, over: boolean }
interface UnderWay { readonly read: Read, readonly block: Promise<Uint8Array> }

/** @throws {RangeError} an option out of range */
export const createBlockCache = ({ budgetBytes, blockBytes = BLOCK_CACHE_DEFAULTS.blockBytes }: BlockCacheOptions): BlockCache => {
  if (!(Number.isSafeInteger(blockBytes) && blockBytes >= 1)) throw new RangeError(`blockBytes; want=a whole number from 1 got=${blockBytes}`)
  if (!(Number.isSafeInteger(budgetBytes) && budgetBytes >= blockBytes)) throw new RangeError(`budgetBytes; want=at least one block got=${budgetBytes}`)
  /** Used longest ago first. */
  const blocks = new Map<string, Uint8Array>()
  const underWay = new Map<string, UnderWay>()
  let bytes = 0
  let [hits, misses, fetchedBytes, usedBytes] = [0, 0, 0, 0]

  const found = (name: string): Uint8Array | undefined => {
    const block = blocks.get(name)
    if (block === undefined) return undefined
    blocks.delete(name)
    blocks.set(name, block)
    return block
  }
  const keep = (name: string, block: Uint8Array): void => {
    bytes += block.byteLength - (blocks.get(name)?.byteLength ?? 0)
    blocks.delete(name)
    blocks.set(name, block)
    for (const [oldest, { byteLength }] of blocks) {
      if (bytes <= budgetBytes) return
      blocks.delete(oldest)
      bytes -= byteLength
    }
  }

  /** One read for the blocks [from, to), for all who wait for one of them; it ends when the last of these leaves. */
  const fetch = (source: ByteSource, prefix: string, from: number, to: number): void => {
    const start = from * blockBytes
    const length = Math.min(to * blockBytes, source.sizeBytes) - start
    const read: Read = { source, users: 0, over: false, ending: new AbortController() }
    const names = Array.from({ length: to - from }, (_, index) => prefix + (from + index))
    const forget = (): void => {
      read.over = true
      for (const name of names) if (underWay.get(name)?.read === read) underWay.delete(name)
    }
    // one that does not listen is left all the same
    const whole = withdrawable(source.read(start, length, { signal: read.ending.signal }), read.ending.signal)
    const done = whole.then((found) => {
      if (found.byteLength === length) return found
      throw new IoError('IO_TRUNCATED', `the source gave another length; at=${start} want=${length} got=${found.byteLength}`, { offset: start })
    })
    read.ending.signal.addEventListener('abort', forget)
    for (const [index, name] of names.entries()) {
      const block = done.then((found) => {
        // memory of its own, so that one block does not keep the others
        const own = new Uint8Array(found.subarray(index * blockBytes, (index + 1) * blockBytes))
        fetchedBytes += own.byteLength
        keep(name, own)
        return own
      })
      block.then(forget, forget) // whoever waits for it has the error
      underWay.set(name, { read, block })
    }
  }

  let unscoped = 0
  const over = (source: ByteSource, scope?: string): ByteSource => {
    const { sizeBytes, identity } = source
    const prefix = `${identityText(identity)} ${identity.kind === 'content' ? '' : scope ?? unscoped++} `
    let closed = false
    const check = (at: number, length: number): void => {
      if (closed) throw new IoError('IO_CLOSED', 'source is closed')
      checkRange(at, length, sizeBytes)
    }
    const read: ByteSource['read'] = async (at, length, { signal } = {}) => {
      signal?.throwIfAborted()
      check(at, length)
      usedBytes += length
      if (length === 0) return new Uint8Array(0)
      // what would drive everything else out is not kept
      if (length > budgetBytes / 2) {
        fetchedBytes += length
        return source.read(at, length, { signal })
      }
      const [first, end] = [Math.floor(at / blockBytes), Math.ceil((at + length) / blockBytes)]
      const parts: (Uint8Array | UnderWay)[] = []
      for (let block = first; block < end;) {
        const name = prefix + block
        const here = found(name) ?? underWay.get(name)
        if (here !== undefined) {
          hits++
          parts.push(here)
          block++
          continue
        }
        let to = block + 1
        while (to < end && (to - block) * blockBytes < MERGED_BYTES && !blocks.has(prefix + to) && !underWay.has(prefix + to)) to++
        fetch(source, prefix, block, to)
        misses += to - block
        for (; block < to; block++) parts.push(underWay.get(prefix + block)!)
      }
      const reads = new Set(parts.flatMap((part) => part instanceof Uint8Array ? [] : [part.read]))
      for (const under of reads) under.users++
      try {
        const out = new Uint8Array(length)
        for (const [index, part] of parts.entries()) {
          const block = part instanceof Uint8Array ? part : await withdrawable(part.block, signal).catch((error: unknown) => retried(error, part.read, first + index, signal))
          const blockStart = (first + index) * blockBytes
          const from = Math.max(at, blockStart)
          out.set(block.subarray(from - blockStart, Math.min(at + length - blockStart, block.byteLength)), from - at)
        }
        return out
      } finally {
        for (const under of reads) if (--under.users === 0 && !under.over) under.ending.abort(new IoError('IO_CLOSED', 'nobody waits for it'))
      }
    }
    /** Another source's reading may have failed for a reason of that source alone. */
    const retried = async (error: unknown, failed: Read, block: number, signal: AbortSignal | undefined): Promise<Uint8Array> => {
      signal?.throwIfAborted()
      if (closed || failed.source === source) throw error
      const start = block * blockBytes
      const own = await source.read(start, Math.min(blockBytes, sizeBytes - start), { signal })
      fetchedBytes += own.byteLength
      keep(prefix + block, own)
      return own
    }
    const close = async (): Promise<void> => {
      closed = true
      await source.close()
    }
    return {
      sizeBytes,
      identity,
      get cost () { return source.cost },
      read,
      peek: (at, length) => {
        check(at, length)
        const block = Math.floor(at / blockBytes)
        const here = length > 0 && at + length <= (block + 1) * blockBytes ? found(prefix + block) : undefined
        return here?.subarray(at - block * blockBytes, at - block * blockBytes + length) ?? source.peek(at, length)
      },
      close,
      [Symbol.asyncDispose]: close,
    }
  }
  return {
    over,
    usage: () => ({ bytes, blocks: blocks.size, hits, misses, fetchedBytes, usedBytes }),
    clear: () => {
      blocks.clear()
      bytes = 0
    },
  }
}

const identityText = (identity: SourceIdentity): string => {
  switch (identity.kind) {
    case 'content': return `c ${identity.sizeBytes} ${identity.cid}`
    case 'version': return `v ${identity.sizeBytes} ${identity.tag}`
    case 'file': return `f ${identity.sizeBytes} ${identity.mtimeNs} ${identity.inode}`
  }
}
