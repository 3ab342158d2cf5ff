/**
 * Payloads that clients push: for each deal its staging file, opened when bytes come, and the state that says so. A deal is in the state
 * Transferring as long as its file is open here; what ends before all is there may be gone on with, in another process too.
 */
import { FINAL_STATES, type ProviderDeal } from '@dagstore/deal-protocol'
import type { CallOptions } from '@dagstore/io'
import { openPayloadReceiver, type PayloadReceiver, type ReceiveTarget, TransferError } from '@dagstore/transfer'
import type { CID } from 'multiformats/cid'
import { cutMessage } from '../failure.ts'
import type { DealEvent } from '../machine/index.ts'
import type { Parts } from '../parts.ts'
import { openStaging } from '../staging.ts'
import { awaitsData } from '../wants.ts'
import type { TransferRecord } from './transfer-record.ts'
import type { PushesUnderWay } from './under-way.ts'

const RECEIVE: DealEvent = { type: 'receive', staged: { mode: 'transfer', path: '', window: undefined } }

interface PushSession { readonly ended: AbortController, readonly closed: Promise<void> }

export class PushSessions implements PushesUnderWay {
  readonly #sessions = new Map<string, PushSession>()

  isOpen (proposalCid: CID): boolean { return this.#sessions.has(proposalCid.toString()) }

  async end (proposalCid: CID, message: string): Promise<void> {
    const session = this.#sessions.get(proposalCid.toString())
    session?.ended.abort(new TransferError('TRANSFER_REFUSED', message))
    await session?.closed
  }

  /** Where the payload of the deal goes; `undefined`: it is no deal whose data are pushed, or it has come to nothing. */
  target (parts: Parts, deal: ProviderDeal, { totalBytes }: Pick<TransferRecord, 'totalBytes'>): ReceiveTarget | undefined {
    const { proposalCid, payloadCid, state, transferType } = deal
    if (transferType !== 'http-push' || totalBytes === undefined || payloadCid === undefined) return undefined
    if (FINAL_STATES.has(state) || state === 'StorageDealFailing') return undefined
    if (!awaitsData(deal)) return { open: async () => received(payloadCid, totalBytes), completed: async () => {}, cancelled: async () => { throw over() } }
    return {
      open: (options) => this.#open(parts, deal, payloadCid, totalBytes, options),
      completed: async () => {
        if (await parts.deals.change(proposalCid, { type: 'received' }) !== undefined) return
        // whoever looks after what a process has left in the middle was faster
        if (await parts.deals.change(proposalCid, RECEIVE) !== undefined) await parts.deals.change(proposalCid, { type: 'received' })
      },
      cancelled: async () => {
        if (await parts.deals.change(proposalCid, { type: 'failed', message: 'the client has given the transfer up' }, awaitsData) === undefined) throw over()
      },
    }
  }

  async #open (parts: Parts, deal: ProviderDeal, root: CID, totalBytes: number, { signal }: CallOptions): Promise<PayloadReceiver> {
    const { deals, hashes, transfers } = parts
    const { proposalCid } = deal
    const name = proposalCid.toString()
    parts.ending.throwIfAborted()
    if (this.#sessions.has(name)) throw busy()
    const ended = new AbortController()
    let closed = (): void => {}
    const session: PushSession = { ended, closed: new Promise((resolve) => { closed = resolve }) }
    this.#sessions.set(name, session)
    const leave = (): void => {
      this.#sessions.delete(name)
      closed()
    }
    try {
      // an earlier process may have left it in the middle
      if ((await deals.get(proposalCid))?.state === 'StorageDealTransferring') await deals.change(proposalCid, { type: 'restart' })
      const begun = await deals.change(proposalCid, RECEIVE)
      if (begun === undefined) throw over()
      try {
        const file = await openStaging(parts, proposalCid)
        try {
          const receiver = await openPayloadReceiver(file, { root, totalBytes, hashes, signal })
          transfers.progress(begun, receiver.doneBytes, totalBytes)
          return watched(parts, begun, receiver, ended, leave)
        } catch (error) {
          await file.close()
          throw error
        }
      } catch (error) {
        await deals.change(proposalCid, { type: 'cut', message: cutMessage(error instanceof Error ? error.message : String(error)) })
        throw error
      }
    } catch (error) {
      leave()
      throw error
    }
  }
}

/** The receiver, and the deal's state with it. */
const watched = ({ deals, transfers }: Parts, deal: ProviderDeal, receiver: PayloadReceiver, { signal: ended }: AbortController, leave: () => void): PayloadReceiver => {
  let isWhole = false
  let why = 'the client has not sent all of the data'
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => closing ??= (async () => {
    try {
      await receiver.close()
    } finally {
      if (!isWhole) await deals.change(deal.proposalCid, { type: 'cut', message: why }).finally(leave)
      else leave()
    }
  })()
  if (ended.aborted) close().catch(() => {}) // as below
  ended.addEventListener('abort', () => { close().catch(() => {}) }, { once: true }) // who has the receiver is told by its next call
  return {
    root: receiver.root,
    totalBytes: receiver.totalBytes,
    get doneBytes () { return receiver.doneBytes },
    get complete () { return receiver.complete },
    write: async (chunks, options) => {
      ended.throwIfAborted()
      const signal = options.signal === undefined ? ended : AbortSignal.any([ended, options.signal])
      try {
        await receiver.write(chunks, {
          ...options, signal,
          onProgress: (progress) => {
            options.onProgress?.(progress)
            transfers.progress(deal, progress.doneBytes, receiver.totalBytes)
          },
        })
      } catch (error) {
        why = cutMessage(error instanceof Error ? error.message : String(error))
        throw error
      }
    },
    finish: async (options) => {
      ended.throwIfAborted()
      const facts = await receiver.finish(options)
      isWhole = true
      return facts
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Of a payload that is here already: whoever asks once more is told so, and what he sends is passed over. */
const received = (root: CID, totalBytes: number): PayloadReceiver => ({
  root, totalBytes, doneBytes: totalBytes, complete: true,
  write: async (chunks) => { for await (const _ of chunks) { /* it is here */ } },
  finish: async () => ({ roots: [root], payloadBytes: totalBytes, blockCount: 0, sizeBytes: totalBytes }),
  close: async () => {},
  [Symbol.asyncDispose]: async () => {},
})

const busy = (): TransferError => new TransferError('TRANSFER_BUSY', 'another transfer of this deal is under way', { retryAfterMs: 5000 })
const over = (): TransferError => new TransferError('TRANSFER_REFUSED', 'the deal does not wait for data any more')
