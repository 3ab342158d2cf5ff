/** Blocks in the cache of the data centre, under their multihashes: what is denied, ranges and conditions are the gateway's work. */
import type { Hashes } from '@dagstore/hashes'
import { type AnyCid, toCid, verifyBlock } from '@dagstore/read-blockstore'
import type { BlockCache } from './bindings.ts'
import type { Budget } from './budget.ts'
import type { KeptBlocks } from './store.ts'

export interface KeptBlocksParts {
  readonly cache: BlockCache
  /** Of the gateway: the cache keeps only what could be an address of its own site. */
  readonly origin: string
  readonly hashes: Hashes
  readonly budget: Budget
  /** Runs on when the answer is sent. */
  readonly later: (work: Promise<unknown>) => void
}

export const createKeptBlocks = ({ cache, origin, hashes, budget, later }: KeptBlocksParts): KeptBlocks => {
  const urlOf = (cid: AnyCid): string => `${origin}/.kept/${[...toCid(cid).multihash.bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
  return {
    get: async (cid) => {
      try {
        budget.spend()
        const found = await cache.match(urlOf(cid))
        if (found === undefined) return undefined
        const bytes = new Uint8Array(await found.arrayBuffer())
        verifyBlock(hashes, toCid(cid), bytes)
        return bytes
      } catch {
        return undefined // the storage has it
      }
    },
    put: (cid, bytes) => {
      // not at the cost of reads that the answer may take
      if (!budget.allows(1)) return
      budget.spend()
      const answer = new Response(bytes.slice(), { headers: { 'cache-control': 'public, max-age=29030400, immutable', 'content-length': `${bytes.byteLength}` } })
      later(cache.put(urlOf(cid), answer).catch(() => {})) // it is asked for again then
    },
  }
}
