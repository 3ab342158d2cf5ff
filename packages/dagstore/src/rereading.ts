/** Reads of a lease whose index turns out to be damaged: once more, through the one that is built in its place. */
import type { Awaitable, CallOptions } from '@dagstore/io'
import type { BlockStretches, ShardBlockstore } from '@dagstore/read-blockstore'
import type { ShardSession } from './runner/session.ts'

type Store = ShardBlockstore & BlockStretches

/** A session, open until it is closed. */
export interface HeldSession {
  readonly session: ShardSession
  close(): Promise<void>
}

/**
 * The blockstore of a session; a read of one block that fails waits for the new index when damage of the session's was the
 * reason. Only when the bytes are the same: a lease pins these. Otherwise, and when no new index comes, the first error stands.
 *
 * @param renew - the session that a new lease of the shard gets
 */
export const rereading = (session: ShardSession, renew: (options: CallOptions) => Promise<HeldSession>): Store => {
  const store = session.mount.blockstore

  const again = async <T>(read: (store: Store) => Awaitable<T>, signal: AbortSignal | undefined, error: unknown): Promise<T> => {
    if (session.spoiled !== 'index' || signal?.aborted === true) throw error
    const held = await renew({ signal }).catch(() => {
      signal?.throwIfAborted()
      throw error
    })
    try {
      if (held.session.dataGeneration !== session.dataGeneration) throw error
      return await read(held.session.mount.blockstore)
    } finally {
      await held.close()
    }
  }
  const twice = <T>(read: (store: Store) => Awaitable<T>, signal: AbortSignal | undefined): Awaitable<T> => {
    let result: Awaitable<T>
    try {
      result = read(store)
    } catch (error) {
      return again(read, signal, error)
    }
    return result instanceof Promise ? result.catch((error: unknown) => again(read, signal, error)) : result
  }

  return {
    has: (cid, options) => twice((from) => from.has(cid, options), options?.signal),
    get: async function * (cid, options) { yield await twice((from) => from.bytes(cid, options), options?.signal) },
    bytes: async (cid, options) => twice((from) => from.bytes(cid, options), options?.signal),
    size: (cid, options) => twice((from) => from.size(cid, options), options?.signal),
    bytesAt: async (cid, from, length, options) => twice((other) => other.bytesAt(cid, from, length, options), options?.signal),
    stretch: async (cid, maxBytes, options) => twice((from) => from.stretch(cid, maxBytes, options), options?.signal),
    getMany: (cids, options) => store.getMany(cids, options),
    getAll: (options) => store.getAll(options),
  }
}
