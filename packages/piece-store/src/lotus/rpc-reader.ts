/** Reads the deals of a running Lotus miner or markets node over JSON-RPC. */
import { type CallOptions, withdrawable } from '@dagstore/io'
import { type AnyPieceCid, type PieceCidFacts, pieceCidV1 } from '@dagstore/piece'
import type { CID } from 'multiformats/cid'
import { equalBytes } from '../bytes.ts'
import { factsOf } from '../cid-facts.ts'
import { badRow, readMiner, readPieceCid } from '../deal-fields.ts'
import { PieceStoreError } from '../errors.ts'
import { itemsOf, linkText, memberOf } from '../json-fields.ts'
import { sortedPieceCids } from '../piece-cids.ts'
import type { PieceDealReader, PieceDeals, ReadDealsOptions } from '../piece-deals.ts'
import type { PayloadCid } from '../piece-store.ts'
import { type Report, reportTo } from '../report.ts'
import { askEach, rpcCalls, type RpcCallFunction } from '../rpc-calls.ts'
import { checkProviderDeal } from './metadata-records.ts'
import { payloadNames } from './payload-cids.ts'
import { isLotusDealWithSealing, joinDeals } from './piece-store-deals.ts'
import { ProviderDeals, type RowSet } from './provider-deals.ts'

export interface LotusReaderOptions {
  /** Of the miner or the markets node, `/rpc/v0`; a token with the permission `read` is enough. */
  readonly call: RpcCallFunction
  /** Actor id of the miner. @default what `ActorAddress` says */
  readonly miner?: bigint | undefined
  /** Called when the reader is closed. @default nothing */
  readonly onClose?: (() => Promise<void>) | undefined
}

/**
 * Deals in the piece store by their pieces, then those that only the provider knows, by piece. `get` asks for places only, its
 * deals have no states. The answers that name all pieces and all deals are each one message, which the caller must let in: for
 * more than some 100,000 deals, read a copy of the database instead.
 */
export const createLotusReader = ({ call, miner: givenMiner, onClose }: LotusReaderOptions): PieceDealReader => {
  const { ask, find } = rpcCalls('lotus', call)
  let asked: Promise<bigint> | undefined
  let closed: Promise<void> | undefined
  const check = (): void => { if (closed !== undefined) throw new PieceStoreError('PIECE_STORE_FAILED', 'reader is closed') }
  // no signal: others wait for the same answer
  const minerOf = (): Promise<bigint> => givenMiner !== undefined ? Promise.resolve(givenMiner) : asked ??= ask('Filecoin.ActorAddress', [], {}).then(readMiner).catch((error: unknown) => {
    asked = undefined
    throw error
  })

  const readPieces = async (report: Report, options: CallOptions): Promise<Iterable<CID>> => {
    const pieces = itemsOf(await ask('Filecoin.PiecesListPieces', [], options), 'PiecesListPieces')
    return sortedPieceCids(attemptEach(pieces, 'PiecesListPieces', report, (piece) => readPieceCid(linkText(piece))))
  }
  const readKnown = async (report: Report, options: CallOptions): Promise<ProviderDeals> => {
    const deals = new ProviderDeals()
    const answer = itemsOf(await ask('Filecoin.MarketListIncompleteDeals', [], options), 'MarketListIncompleteDeals')
    for (const row of attemptEach(answer, 'MarketListIncompleteDeals', report, (deal) => {
      const proposal = memberOf(deal, 'Proposal')
      return checkProviderDeal({
        piece: readPieceCid(linkText(memberOf(proposal, 'PieceCID')), 'PieceCID'), proposal: linkText(memberOf(deal, 'ProposalCid')),
        miner: readMiner(memberOf(proposal, 'Provider')), chainId: memberOf(deal, 'DealID'), size: memberOf(proposal, 'PieceSize'), state: memberOf(deal, 'State'),
      })
    })) deals.add(row)
    return deals
  }
  const dealsOf = (piece: PieceCidFacts, info: unknown, miner: bigint, deals: ProviderDeals | undefined, report: Report, seen?: RowSet): PieceDeals | undefined => {
    const pieceCid = pieceCidV1(piece.commitment)
    const place = `PiecesGetPieceInfo ${pieceCid}`
    try {
      if (!equalBytes(readPieceCid(linkText(memberOf(info, 'PieceCID')), 'PieceCID').commitment, piece.commitment)) throw badRow('record of another piece')
      const rows = itemsOf(memberOf(info, 'Deals'), 'Deals').map((deal) =>
        ({ dealId: memberOf(deal, 'DealID'), sector: memberOf(deal, 'SectorID'), offsetPadded: memberOf(deal, 'Offset'), lengthPadded: memberOf(deal, 'Length') }))
      const joined = joinDeals(piece, rows, miner, deals, place, report, seen)
      return joined.length === 0 ? undefined : { pieceCid, deals: joined }
    } catch (error) {
      report(place, error)
      return undefined
    }
  }
  const infoOf = (piece: CID, options: CallOptions): Promise<unknown> => find('Filecoin.PiecesGetPieceInfo', [{ '/': String(piece) }], options)

  return {
    name: 'lotus',
    list: async function * (options: ReadDealsOptions = {}) {
      check()
      const report = reportTo(options)
      const miner = await withdrawable(minerOf(), options.signal)
      const pieces = await readPieces(report, options)
      const deals = await readKnown(report, options)
      const seen = deals.rowSet()
      for await (const [piece, info] of askEach(pieces, infoOf, options)) {
        options.signal?.throwIfAborted()
        // no version of Lotus forgets a piece: its deals are not known to be none
        if (info === undefined) {
          report(`PiecesGetPieceInfo ${piece}`, badRow('piece is listed, and then not found'))
          continue
        }
        const found = dealsOf(factsOf(piece), info, miner, deals, report, seen)
        if (found !== undefined) yield found
      }
      for (const others of deals.others(seen)) {
        options.signal?.throwIfAborted()
        yield others
      }
    },
    get: async (piece: AnyPieceCid, options: ReadDealsOptions = {}) => {
      check()
      const facts = factsOf(piece)
      const info = await infoOf(pieceCidV1(facts.commitment), options)
      return info === undefined ? undefined : dealsOf(facts, info, await withdrawable(minerOf(), options.signal), undefined, reportTo(options))
    },
    isWithSealing: isLotusDealWithSealing,
    piecesWith: async (payload: PayloadCid, options: CallOptions = {}) => {
      check()
      const found = new Map<string, CID>()
      for (const name of payloadNames(payload)) {
        const info = await find('Filecoin.PiecesGetCIDInfo', [{ '/': name }], options)
        if (info === undefined) continue
        for (const location of itemsOf(memberOf(info, 'PieceBlockLocations'), 'PieceBlockLocations')) {
          const piece = pieceCidV1(readPieceCid(linkText(memberOf(location, 'PieceCID'))).commitment)
          found.set(String(piece), piece)
        }
      }
      return [...found.values()]
    },
    close: () => closed ??= onClose?.() ?? Promise.resolve(),
  }
}

function * attemptEach<T> (items: readonly unknown[], name: string, report: Report, read: (item: unknown) => T): Generator<T, void, undefined> {
  for (const [at, item] of items.entries()) {
    let row: T
    try {
      row = read(item)
    } catch (error) {
      report(`${name}[${at}]`, error)
      continue
    }
    yield row
  }
}
