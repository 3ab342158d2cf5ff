/** Who has a payload, and what they ask for it. */
import type { QueryOffer } from '@dagstore/lotus-api'
import type { CID } from 'multiformats/cid'
import { explain } from '../failure.ts'
import { shownPeer } from './shown-peer.ts'
import type { AskedClient } from './with-client.ts'

/** @param providers - URLs or addresses to ask; none: those that are known */
export const askOffers = async ({ calls }: Pick<AskedClient, 'calls'>, root: CID, piece: CID | null, providers: readonly string[], options: { readonly signal: AbortSignal }): Promise<readonly QueryOffer[]> => {
  if (providers.length === 0) return calls.ClientFindData(root, piece, options)
  return Promise.all(providers.map(async (provider): Promise<QueryOffer> => {
    try {
      return await calls.ClientMinerQueryOffer(provider, root, piece, options)
    } catch (error) {
      options.signal.throwIfAborted()
      return { Err: explain(error), Root: root, Piece: piece, Size: 0, MinPrice: '0', UnsealPrice: '0', PaymentInterval: 0, PaymentIntervalIncrease: 0, Miner: '', MinerPeer: { Address: '', ID: '', PieceCID: piece, URL: provider } }
    }
  }))
}

/** Those that have it, the cheapest first. */
export const usable = (offers: readonly QueryOffer[]): readonly QueryOffer[] =>
  offers.filter(({ Err }) => Err === '').sort((a, b) => BigInt(a.MinPrice) < BigInt(b.MinPrice) ? -1 : BigInt(a.MinPrice) > BigInt(b.MinPrice) ? 1 : 0)

/** `f01000@http://127.0.0.1:2350`. */
export const offerName = ({ Miner, MinerPeer: { ID, URL = ID } }: Pick<QueryOffer, 'Miner' | 'MinerPeer'>): string => [Miner, URL].map(shownPeer).filter((part) => part !== '').join('@')
