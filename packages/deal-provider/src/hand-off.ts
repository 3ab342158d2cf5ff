/**
 * Giving a staged piece to sealing, and writing down where it went.
 *
 * Source: go-fil-markets storagemarket/impl/providerstates/provider_states.go `HandoffDeal`, `recordPiece`. Stricter: what is handed over is
 * compared with the proposal once more on its way.
 */
import type { PiecePlace, ProviderDeal } from '@dagstore/deal-protocol'
import { type ByteSource, readChunks } from '@dagstore/io'
import { codeOf, failureOf, messageOf, retryOf } from './failure.ts'
import type { DealEvent } from './machine/index.ts'
import type { Parts } from './parts.ts'
import { createPieceCheck } from './piece-window.ts'
import { portCall } from './port-call.ts'
import { openStaged } from './staging.ts'

/** The staged bytes are not there, or no longer those of the piece: others may be given. */
const LOST: ReadonlySet<string> = new Set(['IO_NOT_FOUND', 'IO_SOURCE_LOST', 'IO_SOURCE_CHANGED', 'IO_TRUNCATED', 'IO_OUT_OF_RANGE', 'DEAL_PIECE_MISMATCH'])

/** Hand the deal off; what came of it is written down before another deal with the same piece may. */
export const handOff = (parts: Parts, deal: ProviderDeal): Promise<ProviderDeal | undefined> =>
  parts.pieceLock(deal.proposal.pieceCid.toString(), async () => parts.deals.change(deal.proposalCid, await outcomeOf(parts, deal)), parts.ending)

/** @throws the reason of the provider's end */
const outcomeOf = async (parts: Parts, deal: ProviderDeal): Promise<DealEvent> => {
  const { clock, retry, ending } = parts
  /** Of the staged bytes: a subsystem may tell it in its own words. */
  let fault: unknown
  try {
    return { type: 'handed-off', place: await addPiece(parts, deal, (error) => { fault ??= error }) }
  } catch (thrown) {
    ending.throwIfAborted()
    const error = fault ?? thrown
    if (fault !== undefined && LOST.has(codeOf(fault) ?? '')) return { type: 'refused', message: `staged data are lost: ${messageOf(fault)}` }
    if (isRefusal(error)) return { type: 'failed', message: `handing off the piece: ${messageOf(error)}` }
    return { type: 'postponed', failure: failureOf(error, deal.failure, clock.now(), retry, { retry: 'later' }) }
  }
}

/** Said by a subsystem that knows; a disk that fails may be mended. */
const isRefusal = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'retry' in error && error.retry === 'never' && retryOf(error) === 'never' && codeOf(error)?.startsWith('IO_') !== true

const addPiece = async (parts: Parts, deal: ProviderDeal, onFault: (error: unknown) => void): Promise<PiecePlace> => {
  const { sealing, pieces, ending } = parts
  const { proposalCid, proposal: { pieceCid, pieceSize }, staged, payloadBytes, payloadCid } = deal
  if (staged?.window === undefined || payloadBytes === undefined) throw new TypeError('a deal without staged data')
  let source: ByteSource
  try {
    source = await openStaged(parts, proposalCid, staged, ending)
  } catch (error) {
    onFault(error)
    throw error
  }
  try {
    const { start, length } = staged.window
    const { miner, sector, offsetPadded, lengthPadded } = await portCall(parts, sealing.addPiece({
      pieceCid, pieceBytes: pieceSize, payloadBytes, deal, signal: ending, payload: () => checked(parts, deal, source, start, length, onFault),
    }))
    const place: PiecePlace = { miner, sector, offsetPadded, lengthPadded }
    await pieces.add(pieceCid, { ...place, payloadBytes })
    if (payloadCid !== undefined) await pieces.addPayload(payloadCid, pieceCid)
    return place
  } finally {
    await source.close()
  }
}

/** The payload from its start; ends with an error unless it was that of the piece. */
async function * checked ({ openCommP, ending }: Parts, { proposal }: ProviderDeal, source: ByteSource, start: number, length: number, onFault: (error: unknown) => void): AsyncGenerator<Uint8Array, void, undefined> {
  const check = createPieceCheck(proposal, openCommP, { signal: ending })
  try {
    for await (const chunk of readChunks(source, start, start + length, { signal: ending })) {
      await check.write(chunk)
      yield chunk
    }
    await check.finish()
  } catch (error) {
    onFault(error)
    throw error
  } finally {
    await check.close()
  }
}
