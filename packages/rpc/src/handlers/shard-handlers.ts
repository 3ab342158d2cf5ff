/**
 * Calls on single shards: Lotus's, and ours beside them.
 *
 * Source: lotus node/impl/storminer.go, `Dagstore…`. Stricter: what is waited for is withdrawn when its caller leaves, and no accessor is
 * ever held.
 */
import { type LotusState, toLotusState, type VerifyOptions } from '@dagstore/dagstore'
import type { CallOptions } from '@dagstore/io'
import type { DagstoreVerifyOptions, LotusApi } from '@dagstore/lotus-api'
import { lotusUrl } from '@dagstore/lotus-mount/mount'
import type { CID } from 'multiformats/cid'
import { badParams, refusal } from './failures.ts'
import { indexShard } from './index-shard.ts'
import type { MountUrls } from './mount-urls.ts'
import type { ShardParts } from './parts.ts'
import { parsePiece } from './piece-key.ts'
import { verifyReportOf } from './report-wire.ts'
import { detailsOf, isOpen, shardInfoOf, shardOf } from './shard-wire.ts'
import { verifyInSteps } from './verify-steps.ts'

type ShardMethods = Pick<LotusApi,
  | 'DagstoreListShards' | 'DagstoreInitializeShard' | 'DagstoreRecoverShard' | 'DagstoreRegisterShard' | 'DagstoreLookupPieces'
  | 'DagstoreShardInfo' | 'DagstoreEnsureShard' | 'DagstoreRefreshShard' | 'DagstoreDestroyShard' | 'DagstoreVerifyShard' | 'DagstoreVerifyShardProgress' | 'DagstoreReadIndex'
>

/** Bytes of an index that one call gives. */
const MOST_INDEX_BYTES = 1 << 20
export const shardHandlers = ({ dagstore, indices }: ShardParts, urls: MountUrls): ShardMethods => {
  /** The state is looked at once: of two who ask at the same time both get the shard. */
  const mustBe = async (state: LotusState, verb: string, key: string, options: CallOptions): Promise<void> => {
    const info = await dagstore.shard(key, options)
    if (info === undefined) throw refusal('failed to get shard info: shard not found', undefined, 'DAGSTORE_SHARD_UNKNOWN')
    const was = toLotusState(info)
    if (was !== state) throw refusal(`cannot ${verb} shard; expected state ${state}, was: ${was}`, undefined, state === 'ShardStateErrored' ? 'DAGSTORE_NOT_ERRORED' : 'DAGSTORE_NOT_NEW')
  }
  const isThere = async (key: string, options: CallOptions): Promise<boolean> => {
    const info = await dagstore.shard(key, options)
    return info !== undefined && !info.destroying
  }
  return {
    DagstoreListShards: async ({ signal } = {}) => {
      const all = []
      for await (const info of dagstore.shards({ signal })) all.push(shardInfoOf(info))
      return all
    },
    DagstoreInitializeShard: async (key, { signal } = {}) => {
      await mustBe('ShardStateNew', 'initialize', key, { signal })
      await attempt('failed to acquire shard', () => indexShard(dagstore, key, { signal }), signal)
    },
    DagstoreRecoverShard: async (key, { signal } = {}) => {
      await mustBe('ShardStateErrored', 'recover', key, { signal })
      await attempt('failed to recover shard', () => dagstore.recover(key, { signal }), signal)
    },
    DagstoreRegisterShard: async (key, { signal } = {}) => {
      if (await isThere(key, { signal })) return
      let piece: CID
      try {
        piece = parsePiece(key)
      } catch (cause) {
        throw refusal('parsing shard key as piece cid', cause, 'RPC_BAD_PARAMS')
      }
      // one piece is one shard, however its CID is written
      const name = piece.toString()
      if (name !== key && await isThere(name, { signal })) return
      await attempt('failed to register shard', () => dagstore.register(name, lotusUrl(piece), { indexing: 'eager', signal }), signal)
    },
    DagstoreLookupPieces: async (cid, { signal } = {}) => {
      const found = []
      for (const key of await dagstore.find(cid.multihash.bytes, { signal })) {
        const info = await dagstore.shard(key, { signal })
        if (info !== undefined) found.push(info)
      }
      return found.sort((a, b) => compareBytes(a.key, b.key)).map(shardInfoOf)
    },

    DagstoreShardInfo: async (key, options = {}) => {
      const details = await dagstore.shard(key, { signal: options.signal })
      return details === undefined ? null : detailsOf(details, isOpen(options))
    },
    DagstoreEnsureShard: async (key, options = {}) => shardOf(await indexShard(dagstore, key, { signal: options.signal }), isOpen(options)),
    DagstoreRefreshShard: async (key, mountUrl, options = {}) => {
      if (mountUrl !== undefined) urls.check(mountUrl)
      return shardOf(await dagstore.refresh(key, { mount: mountUrl, signal: options.signal }), isOpen(options))
    },
    DagstoreDestroyShard: async (key, force, { signal } = {}) => { await dagstore.destroy(key, { mode: force === true ? 'force' : 'drain', signal }) },
    DagstoreVerifyShard: async (key, how = {}, { signal } = {}) => verifyReportOf(await dagstore.verify(key, { ...verifyOptionsOf(how), signal })),
    DagstoreVerifyShardProgress: (key, how = {}, { signal } = {}) => {
      const options = verifyOptionsOf(how)
      return verifyInSteps((more) => dagstore.verify(key, { ...options, ...more }), signal)
    },
    DagstoreReadIndex: async (key, generation, from, to, { signal } = {}) => {
      if (generation < 1 || from < 0 || to < from || to - from > MOST_INDEX_BYTES) throw badParams(`part of an index; want=generation from 1, 0 <= from <= to, at most ${MOST_INDEX_BYTES} bytes`)
      if (indices === undefined) throw refusal('indices are not given out by this node', undefined, 'RPC_UNAVAILABLE')
      // the keys and generations of its files are those of the store: a name from outside reaches no other file
      const info = await dagstore.shard(key, { signal })
      if (info === undefined || info.indexGeneration !== generation) throw refusal('no such index', undefined, 'INDEX_MISSING')
      const source = await indices.open(key, generation)
      try {
        const end = Math.min(to, source.sizeBytes)
        return { SizeBytes: source.sizeBytes, Bytes: end > from ? await source.read(from, end - from, { signal }) : new Uint8Array(0) }
      } finally {
        await source.close()
      }
    },
  }
}

const verifyOptionsOf = ({ Mode, Seed }: DagstoreVerifyOptions): Pick<VerifyOptions, 'mode' | 'seed'> => {
  if (Seed !== undefined && Seed < 0) throw badParams('Seed; want=0 or more')
  return { mode: Mode, seed: Seed }
}

/** In Lotus's words; a caller who has left gets his own reason. */
const attempt = async (words: string, work: () => Promise<unknown>, signal: AbortSignal | undefined): Promise<void> => {
  try {
    await work()
  } catch (error) {
    signal?.throwIfAborted()
    throw refusal(words, error)
  }
}

/** As Go orders strings. */
const compareBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
