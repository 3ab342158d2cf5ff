/** What is asked for when data are retrieved: of whom, and whether an earlier retrieval has all of them already. One that is not whole is gone on with where the order arrives. */
import type { RetrievalOrder } from '@dagstore/lotus-api'
import type { CID } from 'multiformats/cid'
import { CommandError } from '../failure.ts'
import { showFil } from '../fil.ts'
import type { Terminal } from '../terminal.ts'
import { isHere } from './data-here.ts'
import { isWholeRetrieval } from './deal-states.ts'
import { askOffers, offerName, usable } from './offers.ts'
import type { AskedClient } from './with-client.ts'

export interface OrderQuery {
  readonly root: CID
  readonly selector: string | undefined
  /** `null`: any. */
  readonly piece: CID | null
  /** Those that were named. */
  readonly providers: readonly string[]
  /** Whether data that are here may be taken. */
  readonly local: boolean
  /** attoFIL, for all of it. */
  readonly maxPrice: bigint
  readonly into: RetrievalOrder['Into']
}

export type DataPlace =
  | { readonly type: 'import' }
  | { readonly type: 'retrieval', readonly id: bigint, readonly bytes: number }
  | { readonly type: 'elsewhere' }

/** In an import, in the newest retrieval of the same data, or not here. */
export const placeOf = async ({ root, selector, piece, local, into }: OrderQuery, client: AskedClient, terminal: Terminal): Promise<DataPlace> => {
  const { calls } = client
  const { signal } = terminal
  const mayBeHere = local && into === undefined
  if (mayBeHere && await isHere(root, client, terminal)) return { type: 'import' }
  if (!mayBeHere || piece !== null) return { type: 'elsewhere' }
  const same = (await calls.ClientListRetrievals({ signal })).filter(({ PayloadCID, DataSelector }) => PayloadCID.toString() === root.toString() && DataSelector === selector)
  const whole = same.findLast(({ Status, FileName }) => isWholeRetrieval(Status) && FileName !== undefined)
  return whole === undefined ? { type: 'elsewhere' } : { type: 'retrieval', id: whole.ID, bytes: whole.BytesReceived }
}

/** @throws {CommandError} `COMMAND_REFUSED`: nobody is known to have it, or not for that price */
export const orderOf = async (query: OrderQuery, client: AskedClient, signal: AbortSignal): Promise<RetrievalOrder> => {
  const { root, selector, piece, local, maxPrice, into } = query
  return {
    Root: root, Piece: piece, Size: 0, FromLocalCAR: '', Total: String(maxPrice), UnsealPrice: '0', PaymentInterval: 0, PaymentIntervalIncrease: 0, Client: '', Miner: '', MinerPeer: null,
    Providers: await providersOf(query, client, signal), LocalFirst: local,
    ...(selector === undefined ? {} : { DataSelector: selector }), ...(into === undefined ? {} : { Into: into }),
  }
}

const providersOf = async ({ root, piece, providers, maxPrice, local, into }: OrderQuery, client: AskedClient, signal: AbortSignal): Promise<readonly string[]> => {
  if (providers.length > 0) return providers
  // from here to somewhere else
  if (local && into !== undefined && await client.calls.ClientHasLocal(root, { signal })) return []
  const offers = await askOffers(client, root, piece, [], { signal })
  const found = usable(offers)
  const paid = found.filter(({ MinPrice }) => BigInt(MinPrice) <= maxPrice)
  if (paid.length > 0) return paid.map(({ MinerPeer: { ID, URL = ID } }) => URL)
  const [cheapest] = found
  if (cheapest !== undefined) {
    const price = showFil(BigInt(cheapest.MinPrice))
    throw new CommandError('COMMAND_REFUSED', `${offerName(cheapest)} asks for ${price}; to agree to that: --max-price ${price.replace(' FIL', '')}`)
  }
  throw new CommandError('COMMAND_REFUSED', offers.length === 0
    ? 'no import has it, and no provider is known: --provider URL'
    : `no import has it, and nobody who was asked: ${offers.map((offer) => `${offerName(offer)}: ${offer.Err}`).join('; ')}`)
}
