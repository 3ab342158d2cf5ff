/// <reference lib="esnext.disposable" preserve="true" />
/** Mounts whose bytes are checked before anybody uses them. */
import { type Awaitable, type ByteSource, compareIdentity, IoError, readChunks, type SourceIdentity } from '@dagstore/io'
import { assertMatches, checkFor, type ContentCheck, type ContentChecker, contentOf, pieceNamedBy } from './content-check.ts'
import { MountError } from './errors.ts'
import { explanationOf } from './explanation.ts'
import type { Mount, MountBytes, RandomBytes, SequentialBytes } from './mount.ts'

/** Knows whether one block of the bytes is right, such as by the leaves of a piece's tree. */
export interface BlockChecker {
  /** Every block has this length, but for the last one. */
  readonly blockBytes: number
  /** @param index - from 0. @param bytes - the whole block; keeps no reference */
  check (index: number, bytes: Uint8Array): Awaitable<boolean>
}

export interface VerifyingOptions {
  /** Checks the whole, while it comes in order. */
  readonly checker?: ContentChecker | undefined
  /** Checks blocks, so that reads at any place are; `undefined` where it knows nothing of these bytes. */
  readonly blocks?: ((identity: SourceIdentity) => BlockChecker | undefined) | undefined
}

/**
 * The same mount, checked. In order, the whole is: the stream rejects at its end with `MOUNT_HASH_MISMATCH` where it is wrong.
 * Random access is checked block by block where there is a checker for that, each read by its blocks; where only the whole can
 * be checked it becomes sequential, to be copied and checked once. Where nothing can be checked, as without an identity of kind
 * `content` or a piece CID at the end of the URL, opening is refused.
 *
 * The mount given back rejects with {@link MountError} `MOUNT_HASH_MISMATCH`, also when it cannot be checked (`retry` is `never`).
 */
export const verifying = (mount: Mount, options: VerifyingOptions): Mount => ({
  ...explanationOf(mount),
  url: mount.url,
  stat: async (call) => {
    const stat = await mount.stat(call)
    return stat.access === 'random' && options.blocks === undefined ? { ...stat, access: 'sequential' } : stat
  },
  open: async (call) => {
    const opened = await mount.open(call)
    if (opened.access === 'sequential') return inOrder(opened, mount.url, options)
    const { source } = opened
    const blocks = options.blocks?.(source.identity)
    if (blocks !== undefined) return { access: 'random', source: byBlocks(source, blocks) }
    await source.close()
    return inOrder(ofRandom(mount, source.identity), mount.url, options)
  },
})

/** A mount with random access as one that is read in order, and so copied to where reading is fast. */
export const sequential = (mount: Mount): Mount => ({
  ...explanationOf(mount),
  url: mount.url,
  stat: async (call) => ({ ...await mount.stat(call), access: 'sequential' }),
  open: async (call) => {
    const opened = await mount.open(call)
    if (opened.access === 'sequential') return opened
    await opened.source.close()
    return ofRandom(mount, opened.source.identity)
  },
})

const ofRandom = (mount: Mount, identity: SourceIdentity): SequentialBytes => ({
  access: 'sequential',
  identity,
  resumable: true,
  stream: async function * (from, call = {}) {
    const opened: MountBytes = await mount.open(call)
    if (opened.access === 'sequential') return yield * opened.stream(from, call)
    const { source } = opened
    try {
      const verdict = compareIdentity(identity, source.identity)
      // what goes on, or will be called by a tag, has to be the same for sure; of other bytes their size and the checks tell
      if (verdict === 'different' || (verdict === 'unknown' && (from > 0 || identity.kind === 'version'))) {
        throw new IoError('IO_SOURCE_CHANGED', 'the source changed since it was opened', { retry: 'later' })
      }
      yield * readChunks(source, from, source.sizeBytes, call)
    } finally {
      await source.close()
    }
  },
})

const inOrder = (opened: SequentialBytes, url: string, { checker }: VerifyingOptions): SequentialBytes => {
  const checkOf = (): ContentCheck | undefined => checkFor(checker, [contentOf(opened.identity), pieceNamedBy(url)])
  if (checkOf() === undefined) throw new MountError('MOUNT_HASH_MISMATCH', 'there is nothing to check the bytes by')
  return {
    ...opened,
    stream: async function * (from, call = {}) {
      const check = checkOf()
      // what lies before has to be read for the check, and is nobody's
      let skip = from
      for await (const chunk of opened.stream(0, call)) {
        await check?.update(chunk)
        if (skip >= chunk.byteLength) skip -= chunk.byteLength
        else {
          yield skip === 0 ? chunk : chunk.slice(skip)
          skip = 0
        }
      }
      await assertMatches(check)
    },
  }
}

const byBlocks = (source: ByteSource, { blockBytes, check }: BlockChecker): RandomBytes['source'] => {
  const { sizeBytes } = source
  return {
    sizeBytes,
    identity: source.identity,
    get cost () { return source.cost },
    read: async (at, length, call) => {
      // lets the source refuse what is out of range
      if (!(at >= 0 && length > 0 && at + length <= sizeBytes)) return source.read(at, length, call)
      const first = Math.floor(at / blockBytes)
      const start = first * blockBytes
      const bytes = await source.read(start, Math.min(sizeBytes, Math.ceil((at + length) / blockBytes) * blockBytes) - start, call)
      for (let from = 0; from < bytes.byteLength; from += blockBytes) {
        const index = first + from / blockBytes
        if (!await check(index, bytes.subarray(from, from + blockBytes))) {
          throw new MountError('MOUNT_HASH_MISMATCH', `a block is not what it should be; at=${index * blockBytes} length=${blockBytes}`, { retry: 'later' })
        }
      }
      return new Uint8Array(bytes.subarray(at - start, at - start + length))
    },
    // what is at hand has not been checked
    peek: (at, length) => {
      source.peek(at, length) // refuses what is out of range
      return undefined
    },
    close: () => source.close(),
    [Symbol.asyncDispose]: () => source.close(),
  }
}
