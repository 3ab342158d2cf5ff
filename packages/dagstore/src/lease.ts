/// <reference lib="esnext.disposable" preserve="true" />
/** What a caller holds of an available shard. */
import type { IndexView } from '@dagstore/carv2'
import type { ByteSource, CallOptions } from '@dagstore/io'
import type { BlockStretches, ShardBlockstore } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import { Gate } from './gate.ts'
import { gatedBlockstore, gatedIndex, gatedSource } from './gated.ts'
import { measuredBlockstore, measuredSource, measuredStream } from './metrics/measured.ts'
import { type Metrics, NO_METRICS } from './metrics/metrics.ts'
import type { ShardSession } from './runner/session.ts'
import { type HeldSession, rereading } from './rereading.ts'
import { verifiedStream } from './verified-stream.ts'

/** Pins one data and one index generation until closed: nothing it refers to is deleted, replaced or closed. */
export interface ShardLease extends AsyncDisposable {
  readonly key: string
  readonly dataGeneration: number
  readonly indexGeneration: number
  readonly roots: readonly CID[]
  /** One object for the life of the lease. A read of one block that meets a damaged index waits for the one that is built in its place. */
  readonly blockstore: ShardBlockstore & BlockStretches
  readonly index: IndexView
  /** Raw bytes of the mount, zero padding included, unverified. Closing it ends nothing but itself. */
  readonly source: ByteSource
  /**
   * The CARv1 payload without padding: one header, then the sections in their order.
   *
   * @param options.verify - hash each block before its section is yielded. @default false
   * @throws {BlockstoreError} with `verify`: `BLOCKSTORE_HASH_MISMATCH`, `BLOCKSTORE_UNKNOWN_HASH`
   */
  carStream(options?: CallOptions & { readonly verify?: boolean }): AsyncIterable<Uint8Array>
  /** Idempotent, legal in every state; calls under way finish, later ones reject with `BLOCKSTORE_CLOSED`. */
  close(): Promise<void>
}

export interface ManagedLease {
  readonly id: number
  readonly session: ShardSession
  readonly lease: ShardLease
  /** Refuse calls from now on, with `reason` as the cause. */
  revoke(reason: Error): void
}

const sessions = new WeakMap<ShardLease, ShardSession>()

const held = (lease: ShardLease): HeldSession => {
  const session = sessions.get(lease)
  if (session === undefined) throw new TypeError('a lease that was not made here')
  return { session, close: () => lease.close() }
}

/** Reading has shown that the lease's bytes or its index are no longer good; a new lease gets others. */
export const isSpoiled = (lease: ShardLease): boolean => sessions.get(lease)?.spoiled !== undefined

/** Its index was not made here, and lists perhaps not every block. */
export const isForeign = (lease: ShardLease): boolean => sessions.get(lease)?.foreign === true

/** The index says what is not so: it is built anew, and a new lease gets that one. */
export const spoilIndex = (lease: ShardLease): void => { sessions.get(lease)?.spoil('index') }

/**
 * @param release - called once, when the lease is closed and its last call has ended
 * @param renew - another lease of the shard
 * @param metrics - told what is read, under the scheme of the mount
 */
export const createLease = (
  id: number, key: string, session: ShardSession, release: () => void, renew: (options: CallOptions) => Promise<ShardLease>,
  metrics: Metrics, scheme: string
): ManagedLease => {
  const gate = new Gate()
  const { mount } = session
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= gate.close().then(release)
    return closing
  }
  const streamed = metrics === NO_METRICS ? undefined : (bytes: number): void => { metrics.count('stream.served.bytes', bytes, { scheme }) }
  const lease: ShardLease = {
    key,
    dataGeneration: session.dataGeneration,
    indexGeneration: session.indexGeneration,
    roots: mount.roots,
    blockstore: gatedBlockstore(measuredBlockstore(rereading(session, async (options) => held(await renew(options))), metrics, scheme), gate),
    index: gatedIndex(mount.index, gate),
    source: gatedSource(measuredSource(mount.source, streamed), gate),
    carStream: ({ verify = false, signal } = {}) =>
      gate.iterate(() => measuredStream(verify ? verifiedStream(session, { signal }) : mount.carStream({ signal }), streamed)),
    close,
    [Symbol.asyncDispose]: close,
  }
  sessions.set(lease, session)
  return { id, session, lease, revoke: (reason) => { gate.revoke(reason) } }
}
