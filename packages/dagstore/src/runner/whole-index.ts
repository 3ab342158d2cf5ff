/** What takes the place of a foreign index: one build for all who miss something in that, and an open index of what it made. */
import type { IndexView } from '@dagstore/carv2'
import { type ByteSource, type CallOptions, compareIdentity } from '@dagstore/io'
import { BlockstoreError } from '@dagstore/read-blockstore'
import { isForeign } from '../lease.ts'
import { type CallTarget, callShard, infoCall, leaseCall } from './calls.ts'

/** Resolves when the shard has an index that was built here. @throws {DagstoreError} */
export const replaceIndex = async (target: CallTarget, options: CallOptions): Promise<void> => {
  await callShard(target, infoCall(), (waiter) => ({ type: 'initialize', waiter }), options)
}

/**
 * The index that was built, pinned until it is closed.
 *
 * @param source - what it has to be of
 * @throws {BlockstoreError} `BLOCKSTORE_UNREADABLE`: there is none, or one of other bytes
 */
export const wholeIndex = async (target: CallTarget, source: ByteSource, options: CallOptions): Promise<IndexView> => {
  try {
    await replaceIndex(target, options)
    const lease = await callShard(target, leaseCall(), (waiter) => ({ type: 'acquire', waiter, registerAs: undefined, urgent: true }), options)
    if (isForeign(lease) || compareIdentity(lease.source.identity, source.identity) === 'different') {
      await lease.close()
      throw new BlockstoreError('BLOCKSTORE_UNREADABLE', 'the mount has other bytes now than those that are being read')
    }
    const close = (): Promise<void> => lease.close()
    return { ...lease.index, close, [Symbol.asyncDispose]: close }
  } catch (cause) {
    options.signal?.throwIfAborted()
    if (cause instanceof BlockstoreError) throw cause
    throw new BlockstoreError('BLOCKSTORE_UNREADABLE', 'the index that there is does not list every block, and no other one can be built', { cause })
  }
}
