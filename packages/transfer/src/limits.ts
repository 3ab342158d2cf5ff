/** How much of a server transfers may have. */
import { type Awaitable, type CallOptions, type Clock, createFairFlow, createFairSlots, createLane, type FairFlow, type FairSlots, type Lane } from '@dagstore/io'
import { TransferError } from './errors.ts'

export interface TransferLimits {
  /** Requests with bytes that are carried out at once. @default 20 */
  readonly maxActive?: number
  /** Of those, for one client. @default 4 */
  readonly maxActivePerClient?: number
  /** For all of them; 0: no limit. @default 0 */
  readonly bytesPerSecond?: number
  /** How long the other side may send, or take, nothing; and how long a request waits for its turn. @default 30 s */
  readonly stalledMs?: number
  /** What the other side has to send at least, over a minute of waiting for it; 0: no limit. @default 1024 */
  readonly minBytesPerSecond?: number
  /** How long a receiver that nobody uses stays open. @default 30 s */
  readonly sessionMs?: number
  /** Receivers that are open at a time, each a file, and no fewer than `maxActive`; the one that nobody has used the longest is closed first. @default 64 */
  readonly maxOpen?: number
}

export const TRANSFER_LIMITS: Readonly<Required<TransferLimits>> = Object.freeze({
  maxActive: 20, maxActivePerClient: 4, bytesPerSecond: 0, stalledMs: 30_000, minBytesPerSecond: 1024, sessionMs: 30_000, maxOpen: 64,
})

interface Client { readonly lane: Lane, active: number }

export interface Place {
  /** Waits until so many bytes may pass; no promise where that is at once. */
  pass(bytes: number, options: CallOptions): Awaitable<void>
  leave(): void
}

/** Who is being served, and how fast. */
export class Places {
  readonly #limits: Required<TransferLimits>
  readonly #clock: Clock
  readonly #slots: FairSlots
  readonly #flow: FairFlow
  readonly #clients = new Map<string, Client>()

  constructor (limits: Required<TransferLimits>, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
    this.#slots = createFairSlots(limits.maxActive)
    this.#flow = createFairFlow(limits.bytesPerSecond, clock)
  }

  /** @throws {TransferError} `TRANSFER_BUSY` */
  async enter (name: string, signal: AbortSignal): Promise<Place> {
    const client = this.#clients.get(name) ?? { lane: createLane(), active: 0 }
    if (client.active >= this.#limits.maxActivePerClient) throw new TransferError('TRANSFER_BUSY', 'too many transfers of one client', { retryAfterMs: 5000 })
    client.active++
    this.#clients.set(name, client)
    const leave = (): void => { if (--client.active === 0) this.#clients.delete(name) }
    try {
      const entering = this.#slots.enter(client.lane, { signal })
      if (entering !== undefined) await this.#wait(client.lane, signal, entering)
    } catch (error) {
      leave()
      throw error
    }
    let left = false
    return {
      pass: (bytes, options) => this.#flow.pass(client.lane, bytes, options),
      leave: () => {
        if (left) return
        left = true
        this.#slots.leave()
        leave()
      },
    }
  }

  /** Whoever has waited too long leaves the queue, unless the turn has come meanwhile. */
  async #wait (lane: Lane, signal: AbortSignal, first: Promise<void>): Promise<void> {
    const over = new AbortController()
    let isLate = false
    const late = this.#clock.sleep(this.#limits.stalledMs, { signal: over.signal }).then(() => { isLate = true }, () => {})
    await Promise.race([first, late]).finally(() => { over.abort() })
    if (!isLate) return
    // the place is given back when it comes
    first.then(() => { this.#slots.leave() }, () => {})
    throw new TransferError('TRANSFER_BUSY', 'too many transfers', { retryAfterMs: 5000 })
  }
}
