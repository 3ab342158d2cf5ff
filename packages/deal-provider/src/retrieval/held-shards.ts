/** Shards that retrievals read: one lease and one gateway for all that read the same, as long as one of them does. */
import type { Dagstore, ShardLease } from '@dagstore/dagstore'
import { IDENTITY } from '@dagstore/hashes'
import { lotusUrl } from '@dagstore/lotus-mount/mount'
import { BlockNotFoundError, type ReadBlockstore, toCid } from '@dagstore/read-blockstore'
import type { Gateway } from '@dagstore/trustless-gateway'
import type { CID } from 'multiformats/cid'

/** Gives the blocks of one shard to whoever asks. */
export type GatewayOf = (blockstore: ReadBlockstore) => Gateway

/** A shard as it was held when it was taken. */
export interface TakenShard { readonly gateway: Gateway }

interface HeldShard {
  readonly lease: Promise<ShardLease> | undefined
  readonly taking: Promise<TakenShard>
  /** Of `taking`, once it is there. */
  taken: TakenShard | undefined
  readonly users: Set<bigint>
  /** Nobody waits for it any more. */
  readonly unwanted: AbortController
}

/** Blocks that their CIDs hold themselves, and no others. */
const identityStore: ReadBlockstore = {
  get: async function * (cid) {
    const { multihash } = toCid(cid)
    if (multihash.code !== IDENTITY) throw new BlockNotFoundError(toCid(cid))
    yield multihash.digest
  },
  has: async (cid) => toCid(cid).multihash.code === IDENTITY,
} as ReadBlockstore

export class HeldShards {
  readonly #dagstore: Pick<Dagstore, 'acquire'>
  readonly #isHere: (pieceCid: CID) => Promise<boolean>
  readonly #gatewayOf: GatewayOf
  readonly #held = new Map<string, HeldShard>()
  readonly #ending = new AbortController()

  /** @param isHere - whether there is a copy of a piece, so that it may be registered */
  constructor (dagstore: Pick<Dagstore, 'acquire'>, isHere: (pieceCid: CID) => Promise<boolean>, gatewayOf: GatewayOf) {
    this.#dagstore = dagstore
    this.#isHere = isHere
    this.#gatewayOf = gatewayOf
  }

  get size (): number { return this.#held.size }

  has (shard: string | undefined): boolean { return this.#held.has(shard ?? '') }

  /** Of the shard, from now on held for this user until he leaves. @throws what `acquire` does; everybody who waits for it is told */
  take (shard: string | undefined, pieceCid: CID | undefined, user: bigint): Promise<TakenShard> {
    const key = shard ?? ''
    const known = this.#held.get(key)
    if (known !== undefined) {
      known.users.add(user)
      return known.taking
    }
    this.#ending.signal.throwIfAborted()
    // not with the signal of one user: the others wait for it too
    const unwanted = new AbortController()
    const lease = shard === undefined ? undefined : this.#acquire(shard, pieceCid, AbortSignal.any([this.#ending.signal, unwanted.signal]))
    const taking = lease === undefined ? Promise.resolve({ gateway: this.#gatewayOf(identityStore) }) : lease.then((one) => ({ gateway: this.#gatewayOf(one.blockstore) }))
    const held: HeldShard = { lease, taking, taken: undefined, users: new Set([user]), unwanted }
    this.#held.set(key, held)
    // where it fails, the next one who asks tries again
    taking.then((taken) => { held.taken = taken }, () => { if (this.#held.get(key) === held) this.#held.delete(key) })
    return taking
  }

  async #acquire (shard: string, pieceCid: CID | undefined, signal: AbortSignal): Promise<ShardLease> {
    const registers = pieceCid !== undefined && await this.#isHere(pieceCid)
    return this.#dagstore.acquire(shard, { signal, ...registers ? { registerAs: lotusUrl(pieceCid) } : {} })
  }

  /** The lease goes with its last user; who takes the shard from now on gets another one. */
  async leave (shard: string | undefined, user: bigint): Promise<void> {
    const key = shard ?? ''
    const held = this.#held.get(key)
    if (held?.users.delete(user) !== true || held.users.size > 0) return
    this.#held.delete(key)
    await closeLease(held)
  }

  /** It was destroyed, or the store has closed it: whoever asks next gets another lease. Where somebody else has seen to that already, nothing happens. */
  async drop (shard: string | undefined, taken: TakenShard): Promise<void> {
    const key = shard ?? ''
    const held = this.#held.get(key)
    if (held?.taken !== taken) return
    this.#held.delete(key)
    await closeLease(held)
  }

  async close (): Promise<void> {
    this.#ending.abort(new Error('retrievals are closed'))
    const all = [...this.#held.values()]
    this.#held.clear()
    await Promise.all(all.map(closeLease))
  }
}

/** One that has not come yet is not waited for. */
const closeLease = async ({ lease, unwanted }: HeldShard): Promise<void> => {
  unwanted.abort(new Error('nobody reads it any more'))
  const opened = await lease?.catch(() => undefined) // it was never held
  await opened?.close()
}
