/** Which of several sources is asked: one until it fails, then the next. */
import { BlockNotFoundError } from '@dagstore/read-blockstore'
import type { CallOptions, Clock } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import type { DagSource } from './dag-source.ts'
import { TransferError, type TransferErrorCode } from './errors.ts'

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 60_000
/** Where nobody has ever given anything, there may be nobody. */
const FIRST_ATTEMPTS = 4

export interface FetchEvent {
  /** `failed`: it may do better later; `absent`: it has not got the block; `dropped`: it is not asked any more. `asked`: a CAR or a block of it. */
  readonly type: 'asked' | 'failed' | 'absent' | 'dropped'
  readonly source: string
  readonly cid: CID
  /** With `asked`. */
  readonly what: 'car' | 'block' | undefined
  /** Why; not with `asked`. */
  readonly code: TransferErrorCode | undefined
  /** Of blocks that came from any source and were of use, so far. */
  readonly bytes: number
}

export interface RingMember {
  readonly source: DagSource
  /** It gives blocks only. */
  carless: boolean
  /** Has failed in this round. */
  failed: boolean
  /** Has said in this round that it will do later. */
  busy: boolean
  absent: boolean
}

export interface RingOptions {
  readonly clock: Clock
  /** Rounds in a row that bring nothing; those in which somebody says "later" do not count. */
  readonly attempts: number
  /** How long nothing may come of that. */
  readonly patienceMs: number
  readonly tell: (type: FetchEvent['type'], member: RingMember, cid: CID, code: TransferErrorCode | undefined) => void
}

export class SourceRing {
  #members: RingMember[]
  readonly #options: RingOptions
  #last: TransferError | undefined
  #rounds = 0
  #pauses = 0
  #pauseMs = 0
  #hasWorked = false
  #lastAt: number

  constructor (sources: readonly DagSource[], options: RingOptions) {
    this.#members = sources.map((source) => ({ source, carless: false, failed: false, busy: false, absent: false }))
    this.#options = options
    this.#lastAt = options.clock.monotonic()
  }

  /** Who is to be asked. @throws {TransferError} the last one was dropped for this */
  get current (): RingMember {
    const [first] = this.#members
    if (first === undefined) throw this.#last ?? new TransferError('TRANSFER_UNREACHABLE', 'there is nobody to ask')
    return first
  }

  /** Something came of it. */
  worked (): void {
    this.#hasWorked = true
    this.#lastAt = this.#options.clock.monotonic()
    this.#rounds = 0
    this.#pauses = 0
    this.#pauseMs = 0
    this.#nextRound()
  }

  /** Another block is asked for. */
  begin (): void {
    for (const member of this.#members) member.absent = false
  }

  /**
   * Goes to the next one, after a pause where all have failed.
   *
   * @throws {BlockNotFoundError} nobody has the block. What has happened last, where nobody is left or nothing comes of asking again
   */
  async failed (member: RingMember, cid: CID, error: TransferError, { signal }: CallOptions): Promise<void> {
    const { clock, tell } = this.#options
    this.#members = this.#members.filter((each) => each !== member)
    const isAbsent = error.code === 'TRANSFER_NOT_FOUND'
    const isDropped = !isAbsent && error.retry !== 'later'
    tell(isAbsent ? 'absent' : isDropped ? 'dropped' : 'failed', member, cid, error.code)
    this.#last = error
    if (!isDropped) this.#members.push(member)
    if (isAbsent) member.absent = true
    else member.failed = true
    member.busy = error.code === 'TRANSFER_BUSY'
    if (this.#members.length === 0) throw error
    if (this.#members.every(({ absent }) => absent)) throw new BlockNotFoundError(cid, { cause: error })
    this.#pauseMs = Math.max(this.#pauseMs, error.retryAfterMs ?? 0)
    // to the front with one that has not failed in this round, or whose turn it is again
    const isFresh = ({ absent, failed }: RingMember): boolean => !absent && !failed
    if (!this.#members.some(isFresh)) {
      this.#checkPatience(error)
      await clock.sleep(Math.min(LONGEST_PAUSE_MS, this.#pauseMs || FIRST_PAUSE_MS * 2 ** Math.min(this.#pauses++, 10)), { signal })
      this.#pauseMs = 0
      this.#nextRound()
    }
    while (!isFresh(this.current)) this.#members.push(this.#members.shift()!)
  }

  #checkPatience (error: TransferError): void {
    const { attempts, patienceMs, clock } = this.#options
    if (this.#members.some(({ busy }) => busy)) {
      if (clock.monotonic() - this.#lastAt >= patienceMs) throw error
    } else if (++this.#rounds >= (this.#hasWorked ? attempts : Math.min(attempts, FIRST_ATTEMPTS))) {
      throw error
    }
  }

  #nextRound (): void { for (const member of this.#members) member.failed = member.busy = false }
}
