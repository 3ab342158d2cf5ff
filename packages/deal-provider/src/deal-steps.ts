/** What is done for a deal in each of its states. */
import { FINAL_STATES, type ProviderDeal, type StagedPiece } from '@dagstore/deal-protocol'
import { type ByteProgress, createKeyLock, IoError, type KeyLock, withdrawable } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import type { DealTable } from './deal-table.ts'
import { DealProviderError, notWaiting } from './errors.ts'
import { codeOf, failureOf, messageOf, retryOf } from './failure.ts'
import { follow } from './follow.ts'
import { handOff } from './hand-off.ts'
import type { Parts } from './parts.ts'
import { carFault, type PieceWindow } from './piece-window.ts'
import { registerShard } from './registration.ts'
import { portCall } from './port-call.ts'
import { retire } from './retirement.ts'
import { mayBeMended, pullInto } from './online/pull.ts'
import type { TransferRecord } from './online/transfer-record.ts'
import { openStaged, openStaging, stage, stagedName, unstage } from './staging.ts'
import { awaitsData, hasEnded, wantsData, wantsFollowing, wantsReceiving, wantsShard } from './wants.ts'

/** Something that concerns no caller: a record that cannot be read, a step that failed where nobody keeps it. */
export interface DealProblem {
  /** Text of the proposal CID; `undefined`: of no single deal. */
  readonly deal: string | undefined
  readonly error: unknown
}

export interface VerifyOptions {
  readonly signal: AbortSignal
  /** Another process has begun it. @default false */
  readonly resumed?: boolean | undefined
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

/** How long an end that waits for readers of its shard keeps others from their turn. */
const PATIENCE_MS = 5000
/** How often it is looked whether data that are under way are waited for; timers take no longer times than some weeks. */
const EXPIRY_MS = 3_600_000
const LATE = 'the data have not come in time'

export class DealSteps {
  readonly #parts: Parts
  readonly #table: DealTable
  readonly #onProblem: (problem: DealProblem) => void
  /** By deal: its bytes are brought in or given away. */
  readonly turn: KeyLock = createKeyLock()
  /** By deal: its bytes are being fetched. */
  readonly #pulls: Map<string, AbortController> = new Map()
  /** By deal: its shard is being destroyed, which takes as long as somebody reads it. */
  readonly #ends: Map<string, Promise<void>> = new Map()

  constructor (parts: Parts, table: DealTable, onProblem: (problem: DealProblem) => void) {
    this.#parts = parts
    this.#table = table
    this.#onProblem = onProblem
  }

  /** Check staged data; after anything but success the deal waits for others. */
  async verify (deal: ProviderDeal, staged: StagedPiece, options: VerifyOptions): Promise<ProviderDeal> {
    const { deals, clock, retry } = this.#parts
    const { proposalCid } = deal
    try {
      const window = await stage(this.#parts, deal, staged, options)
      const fault = await this.#carFault(proposalCid, staged, window)
      const verified = await deals.change(proposalCid, { type: 'verified', window, shard: fault === undefined ? undefined : failureOf(fault, undefined, clock.now(), retry) })
      if (verified === undefined) throw notWaiting(proposalCid, (await deals.get(proposalCid))?.state)
      return verified
    } catch (error) {
      // the next process goes on with it
      if (this.#parts.ending.aborted) throw error
      if (staged.mode === 'transfer') {
        const lost = codeOf(error) === 'DEAL_PIECE_MISMATCH' || codeOf(error) === 'IO_NOT_FOUND'
        await deals.change(proposalCid, lost ? { type: 'failed', message: `verifying the data: ${messageOf(error)}` } : { type: 'postponed', failure: failureOf(error, deal.failure, clock.now(), retry, { retry: 'later' }) })
      } else {
        const why = options.signal.aborted ? 'the import was cancelled' : `data not taken: ${messageOf(error)}`
        const refused = await deals.change(proposalCid, { type: 'refused', message: `${why}${await this.#whereMoved(proposalCid, staged)}` })
        // a copy that was whole before something else failed
        if (refused !== undefined) await unstage(this.#parts, { proposalCid, staged }, false).catch(() => {}) // the first failure is the one to tell
      }
      throw error
    }
  }

  /** Deals of these names; one record that is damaged hides no other deal. */
  async * readable (names: AsyncIterable<CID>): AsyncGenerator<ProviderDeal, void, undefined> {
    for await (const { name, record, damage } of this.#table.deals(names)) {
      if (record !== undefined) yield record
      else this.#onProblem({ deal: name.toString(), error: damage })
    }
  }

  /** Fetch bytes, where nobody pushes them, or wait for them no longer. */
  async receive (before: ProviderDeal): Promise<void> {
    if (before.transferType === 'manual') return
    await this.#inTurn(before, wantsReceiving, (deal) => this.#receive(deal))
  }

  /** Check bytes or give them away, where the deal's state says so. */
  async moveData (before: ProviderDeal): Promise<void> {
    // it has the deal's turn, perhaps for hours, and says so when it is over
    if (before.state === 'StorageDealTransferring' && this.#pulls.has(before.proposalCid.toString())) return
    await this.#inTurn(before, wantsData, async (deal) => {
      switch (deal.state) {
        case 'StorageDealVerifyData': return this.#goOnVerifying(deal)
        case 'StorageDealStaged': return this.#handOff(deal)
        // nobody else is at it, but for who pushes: whoever was is gone
        default: if (!this.#parts.pushes.isOpen(deal.proposalCid)) await this.#parts.deals.change(deal.proposalCid, { type: 'restart' })
      }
    })
  }

  async #inTurn (before: ProviderDeal, wants: (deal: ProviderDeal, now: number) => boolean, run: (deal: ProviderDeal) => Promise<void>): Promise<void> {
    const { clock, ending } = this.#parts
    if (!wants(before, clock.now())) return
    await this.turn(before.proposalCid.toString(), async () => {
      const deal = await this.#table.get(before.proposalCid)
      if (deal !== undefined && wants(deal, clock.now())) await run(deal)
    }, ending)
  }

  /** What sealing says, and what is left to do for a deal that has ended. */
  async goOn (deal: ProviderDeal): Promise<void> {
    if (!wantsFollowing(deal, this.#parts.clock.now())) return
    if (!hasEnded(deal)) return follow(this.#parts, deal)
    if (!this.#ends.has(deal.proposalCid.toString())) await this.#end(deal)
  }

  /** Resolves when no end of a deal is under way any more: soon after the provider's own. */
  async ended (): Promise<void> { await Promise.all(this.#ends.values()) }

  async register (deal: ProviderDeal): Promise<void> {
    if (!wantsShard(deal, this.#parts.clock.now()) || await registerShard(this.#parts, deal) !== undefined) return
    const now = await this.#table.get(deal.proposalCid)
    // it has ended meanwhile, perhaps without having seen its shard
    if (now !== undefined && hasEnded(now)) await this.#end(now)
  }

  /** An import that another process has begun, or data that have come over the network. */
  async #goOnVerifying (deal: ProviderDeal): Promise<void> {
    if (deal.staged === undefined) return
    await this.verify(deal, deal.staged, { signal: this.#parts.ending, resumed: true }).catch((error: unknown) => {
      // anything else is kept with the deal
      if (codeOf(error) === 'DEAL_STORAGE_FAILED') throw error
    })
  }

  async #handOff (deal: ProviderDeal): Promise<void> {
    const after = await handOff(this.#parts, deal)
    // it waits for other data
    if (after?.state === 'StorageDealWaitingForData') await unstage(this.#parts, deal, false)
  }

  async #carFault (proposalCid: CID, staged: StagedPiece, window: PieceWindow): Promise<DealProviderError | undefined> {
    const source = await openStaged(this.#parts, proposalCid, staged, this.#parts.ending)
    try {
      return await carFault(source, window, { signal: this.#parts.ending })
    } finally {
      await source.close()
    }
  }

  async #receive (deal: ProviderDeal): Promise<void> {
    const { deals, clock, pushes } = this.#parts
    const { proposalCid, transferType } = deal
    const record = await this.#table.transfer(proposalCid)
    if (record !== undefined && record.expiresAt <= clock.now() && !pushes.isOpen(proposalCid)) {
      await deals.change(proposalCid, { type: 'failed', message: LATE })
      return
    }
    const fetches = transferType === 'http-pull' && record?.from !== undefined && this.#parts.pulls !== undefined
    if (!fetches && this.#parts.transfer?.accepts(transferType) !== true) return
    const own = new AbortController()
    this.#pulls.set(proposalCid.toString(), own)
    try {
      const begun = await deals.change(proposalCid, { type: 'receive', staged: { mode: 'transfer', path: '', window: undefined } })
      if (begun !== undefined) await this.#fill({ ...begun, failure: deal.failure }, fetches ? record : undefined, own.signal)
    } finally {
      this.#pulls.delete(proposalCid.toString())
    }
  }

  /** @param record - of data that are fetched; else the port is asked */
  async #fill (deal: ProviderDeal, record: TransferRecord | undefined, own: AbortSignal): Promise<void> {
    const { transfer, deals, clock, retry, ending: signal } = this.#parts
    const { proposalCid } = deal
    const pulling = AbortSignal.any([own, signal])
    const over = new AbortController()
    try {
      if (record !== undefined) void this.#watchExpiry(proposalCid, record, AbortSignal.any([over.signal, signal]))
      const file = await openStaging(this.#parts, proposalCid)
      try {
        await portCall(this.#parts, record === undefined ? transfer?.receive(deal, file, { signal }) ?? Promise.resolve() : pullInto(this.#parts, deal, record, file, pulling))
      } finally {
        await file.close()
      }
      await deals.change(proposalCid, { type: 'received' })
    } catch (error) {
      if (this.#parts.ending.aborted) throw error
      const lost = retryOf(error) === 'never' && !(error instanceof IoError) && !mayBeMended(error)
      // who holds a place and brings little is tried the later the more often, so that others have it
      const before = codeOf(error) === 'TRANSFER_STALLED' ? deal.failure : undefined
      await deals.change(proposalCid, lost ? { type: 'failed', message: `receiving the data: ${messageOf(error)}` } : { type: 'postponed', failure: failureOf(error, before, clock.now(), retry, { retry: 'later' }) })
    } finally {
      over.abort()
    }
  }

  /** Ends the deal, and what is under way for it, when its data are no longer waited for; a proposal that comes again puts that off. Never rejects. */
  async #watchExpiry (proposalCid: CID, { expiresAt }: TransferRecord, signal: AbortSignal): Promise<void> {
    const { deals, clock } = this.#parts
    try {
      for (let until: number | undefined = expiresAt; until !== undefined && until > clock.now(); until = (await this.#table.transfer(proposalCid))?.expiresAt) await clock.sleep(Math.min(EXPIRY_MS, until - clock.now()), { signal })
      signal.throwIfAborted()
      if (await deals.change(proposalCid, { type: 'failed', message: LATE }, awaitsData) !== undefined) await this.endTransfer(proposalCid, LATE)
    } catch (error) {
      if (!signal.aborted) this.#onProblem({ deal: proposalCid.toString(), error })
    }
  }

  /** End what moves data of the deal; its state is the caller's affair. */
  async endTransfer (proposalCid: CID, message: string): Promise<void> {
    this.#pulls.get(proposalCid.toString())?.abort(new DealProviderError('DEAL_WRONG_STATE', message, { deal: proposalCid.toString() }))
    await this.#parts.pushes.end(proposalCid, message)
  }

  /** A deal that is over: nothing is kept for it, but for what was somebody's only copy. */
  async #end (deal: ProviderDeal): Promise<void> {
    const { clock, ending } = this.#parts
    const name = deal.proposalCid.toString()
    // one that is under way may have looked for the shard too early
    const end = (this.#ends.get(name) ?? Promise.resolve()).then(() => this.#retire(deal))
    this.#ends.set(name, end)
    void end.then(() => { if (this.#ends.get(name) === end) this.#ends.delete(name) })
    // readers of the shard may stay for long
    const left = new AbortController()
    await Promise.race([end, clock.sleep(PATIENCE_MS, { signal: AbortSignal.any([left.signal, ending]) }).catch(() => {})]) // ended in time
    left.abort()
  }

  /** Never rejects: what cannot be kept with the deal is told. */
  async #retire (deal: ProviderDeal): Promise<void> {
    const { deals, clock, retry, ending } = this.#parts
    const { proposalCid, message } = deal
    try {
      try {
        const { destruction } = await retire(this.#parts, deal, (of) => this.#othersWith(of))
        await withdrawable(destruction, ending)
        // what came for it while it ended
        await this.endTransfer(proposalCid, 'the deal has ended')
        const staged = await unstage(this.#parts, deal, false)
        const where = staged === undefined ? '' : await this.#whereMoved(proposalCid, staged)
        await deals.change(proposalCid, deal.state === 'StorageDealFailing' ? { type: 'discarded', staged, message: `${message}${where}` } : { type: 'retired', staged })
      } catch (error) {
        ending.throwIfAborted()
        await deals.change(proposalCid, { type: 'postponed', failure: failureOf(error, deal.failure, clock.now(), retry, { retry: 'later' }) })
      }
    } catch (error) {
      if (!ending.aborted) this.#onProblem({ deal: proposalCid.toString(), error })
    }
  }

  /** For people: where a file is that was moved here. */
  async #whereMoved (proposalCid: CID, { mode }: StagedPiece): Promise<string> {
    const name = stagedName(proposalCid)
    return mode === 'move' && await this.#parts.files.stat(name) !== undefined ? `; the data that were moved here are at ${name}` : ''
  }

  async * #othersWith (deal: ProviderDeal): AsyncGenerator<ProviderDeal, void, undefined> {
    for await (const other of this.readable(this.#table.withPiece(deal.proposal.pieceCid))) {
      if (!other.proposalCid.equals(deal.proposalCid) && !FINAL_STATES.has(other.state)) yield other
    }
  }
}
