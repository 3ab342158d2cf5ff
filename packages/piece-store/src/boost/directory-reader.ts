/** Reads the deals of Boost from its local index directory, boostd-data, over JSON-RPC. */
import type { CallOptions } from '@dagstore/io'
import { type AnyPieceCid, type PieceCidFacts, pieceCidV1 } from '@dagstore/piece'
import type { CID } from 'multiformats/cid'
import { base64pad } from 'multiformats/bases/base64'
import { factsOf, multihashOf } from '../cid-facts.ts'
import { badRow, type DealFields, readDeal, readPieceCid } from '../deal-fields.ts'
import { PieceStoreError } from '../errors.ts'
import { itemsOf, linkText, memberOf } from '../json-fields.ts'
import { sortedPieceCids } from '../piece-cids.ts'
import type { PieceDeal, PieceDealReader, PieceDeals, ReadDealsOptions } from '../piece-deals.ts'
import type { PayloadCid } from '../piece-store.ts'
import { type Report, reportTo } from '../report.ts'
import { askEach, rpcCalls, type RpcCallFunction } from '../rpc-calls.ts'
import { isBoostDealWithSealing } from './deal-states.ts'

export interface BoostDirectoryOptions {
  /** Of boostd-data: a WebSocket, port 8042 when nobody says otherwise. */
  readonly call: RpcCallFunction
  /** Called when the reader is closed. @default nothing */
  readonly onClose?: (() => Promise<void>) | undefined
}

/**
 * Deals by piece, without states: Boost puts a deal into the directory when its piece is in a sector. The answer that names all
 * pieces is one message, which the caller must let in.
 *
 * Source: boost extern/boostd-data/model/model.go `DealInfo`, svc/types/types.go `Service`.
 */
export const createBoostDirectoryReader = ({ call, onClose }: BoostDirectoryOptions): PieceDealReader => {
  const { ask, find } = rpcCalls('boostd-data', call)
  let closed: Promise<void> | undefined
  const check = (): void => { if (closed !== undefined) throw new PieceStoreError('PIECE_STORE_FAILED', 'reader is closed') }
  const answerOf = (piece: CID, options: CallOptions): Promise<unknown> => find('boostddata.GetPieceDeals', [{ '/': String(piece) }], options)

  const dealsOf = (piece: PieceCidFacts, answer: unknown, report: Report): PieceDeals | undefined => {
    const pieceCid = pieceCidV1(piece.commitment)
    const place = `GetPieceDeals ${pieceCid}`
    const deals: PieceDeal[] = []
    const attempt = (at: string, read: () => void): void => {
      try {
        read()
      } catch (error) {
        report(at, error)
      }
    }
    attempt(place, () => {
      for (const [at, deal] of itemsOf(answer, 'GetPieceDeals').entries()) {
        attempt(`${place}[${at}]`, () => { deals.push(readDeal(piece, fieldsOf(deal))) })
      }
    })
    return deals.length === 0 ? undefined : { pieceCid, deals }
  }

  return {
    name: 'boostd-data',
    list: async function * (options: ReadDealsOptions = {}) {
      check()
      const report = reportTo(options)
      const names = itemsOf(await ask('boostddata.ListPieces', [], options), 'ListPieces')
      for await (const [piece, answer] of askEach(sortedPieceCids(readPieces(names, report)), answerOf, options)) {
        options.signal?.throwIfAborted()
        if (answer === undefined) {
          report(`GetPieceDeals ${piece}`, badRow('piece is listed, and then not found'))
          continue
        }
        const found = dealsOf(factsOf(piece), answer, report)
        if (found !== undefined) yield found
      }
    },
    get: async (piece: AnyPieceCid, options: ReadDealsOptions = {}) => {
      check()
      const facts = factsOf(piece)
      return dealsOf(facts, await answerOf(pieceCidV1(facts.commitment), options), reportTo(options))
    },
    isWithSealing: isBoostDealWithSealing,
    piecesWith: async (payload: PayloadCid, options: CallOptions = {}) => {
      check()
      // a multihash is plain bytes to Go: base64 in JSON
      const hash = base64pad.encode(multihashOf(payload)).slice(1)
      const pieces = itemsOf(await find('boostddata.PiecesContainingMultihash', [hash], options), 'PiecesContainingMultihash')
      return pieces.map((piece) => pieceCidV1(readPieceCid(linkText(piece)).commitment))
    },
    close: () => closed ??= onClose?.() ?? Promise.resolve(),
  }
}

const fieldsOf = (deal: unknown): DealFields => ({
  dealId: memberOf(deal, 'u'), miner: memberOf(deal, 'm'), sector: memberOf(deal, 's'), offsetPadded: memberOf(deal, 'o'), lengthPadded: memberOf(deal, 'l'), rawSize: memberOf(deal, 'c'),
})

function * readPieces (names: readonly unknown[], report: Report): Generator<PieceCidFacts, void, undefined> {
  for (const [at, name] of names.entries()) {
    let facts: PieceCidFacts
    try {
      facts = readPieceCid(linkText(name))
    } catch (error) {
      report(`ListPieces[${at}]`, error)
      continue
    }
    yield facts
  }
}
