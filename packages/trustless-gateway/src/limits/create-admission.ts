/** Who is answered now, who waits for it, and who is refused. */
import { type Awaitable, type CallOptions, type Clock, createFairFlow, createFairSlots, createLane, type FairFlow, type Lane, onAbort, systemClock } from '@dagstore/io'
import { GatewayRefusal } from '../refusal.ts'
import type { Admission, Asker, Ticket } from './admission.ts'
import { type Client, Clients } from './clients.ts'
import { Deadlines } from './deadlines.ts'
import { type CheckedLimits, checkedLimits, type GatewayLimits } from './limits.ts'
import { MeteredBody } from './metered-body.ts'
import { Pace } from './pace.ts'

/**
 * A request first gets one of its client's places, then one of all; clients take turns for those, however many requests of each
 * wait. What is kept in memory grows with the requests that are answered or wait, not with the clients that were ever seen.
 *
 * @throws {RangeError} a limit that is no whole number from 0
 */
export const createAdmission = (given: GatewayLimits = {}, clock: Clock = systemClock): Admission => {
  const limits = checkedLimits(given)
  const slots = createFairSlots(limits.total.requests)
  const pace = new Pace(clock)
  const clients = new Clients(limits.client, clock)
  const patience = new Deadlines<Waiter>(limits.waitMs, clock, (waiter) => { waiter.leaving.abort(IMPATIENT) })
  let [waiting, cids] = [0, 0]
  const desk: Desk = {
    limits: limits.request,
    flow: createFairFlow(limits.total.bytesPerSecond, clock),
    paced: limits.client.bytesPerSecond > 0 || limits.total.bytesPerSecond > 0,
    overdue: new Deadlines(limits.request.maxMs, clock, (ticket) => { ticket.stop(new GatewayRefusal('GATEWAY_TIMEOUT', 503, 'The request takes too long.')) }),
    stalled: new Deadlines(limits.request.stalledMs, clock, (ticket) => { ticket.stop(new GatewayRefusal('GATEWAY_STALLED', 503, 'The asker takes nothing.')) }),
    begin: () => pace.begin(),
    remember: (client, own) => {
      client.cids++
      cids++
      if (own <= FREE_CIDS) return
      if (isMore(client.cids, limits.client.maxCids)) throw clientBusy(client)
      if (isMore(cids, limits.total.maxCids)) throw allBusy()
    },
    end: (client, at, own) => {
      client.cids -= own
      cids -= own
      pace.end(at)
      slots.leave()
      client.slots.leave()
      clients.release(client)
    },
  }

  const clientBusy = (client: Client): GatewayRefusal => new GatewayRefusal('GATEWAY_CLIENT_BUSY', 429, 'You have too many requests under way.',
    { retryAfterS: pace.waitS(client.waiting, limits.client.requests) })
  const allBusy = (): GatewayRefusal => new GatewayRefusal('GATEWAY_BUSY', 503, 'There are too many requests under way.',
    { retryAfterS: pace.waitS(waiting, limits.total.requests) })

  const wait = async (client: Client, signal: AbortSignal | undefined): Promise<Ticket> => {
    const waiter: Waiter = { leaving: new AbortController() }
    const call: CallOptions = { signal: waiter.leaving.signal }
    const unwatch = signal === undefined ? undefined : onAbort(signal, () => { waiter.leaving.abort(signal.reason) })
    let refusal = clientBusy
    waiting++
    client.waiting++
    patience.set(waiter)
    try {
      await client.slots.enter(client.ownLane, call)
      refusal = allBusy
      try {
        await slots.enter(client.slotLane, call)
        if (signal?.aborted !== true) return new ActiveTicket(desk, client, signal)
        slots.leave()
        throw signal.reason
      } catch (error) {
        client.slots.leave()
        throw error
      }
    } catch (error) {
      clients.release(client)
      throw error === IMPATIENT ? refusal(client) : error
    } finally {
      waiting--
      client.waiting--
      patience.clear(waiter)
      unwatch?.()
    }
  }

  const enter = ({ client: name = '', signal }: Asker): Awaitable<Ticket> => {
    signal?.throwIfAborted()
    const client = clients.use(name)
    if (client.slots.full || slots.full) {
      if (client.waiting < limits.client.waiting && waiting < limits.total.waiting) return wait(client, signal)
      const refusal = client.slots.full || client.waiting >= limits.client.waiting ? clientBusy(client) : allBusy()
      clients.release(client)
      throw refusal
    }
    void client.slots.enter(client.ownLane)
    void slots.enter(client.slotLane)
    return new ActiveTicket(desk, client, signal)
  }
  return {
    enter,
    get active () { return slots.taken },
    get waiting () { return waiting },
    get clients () { return clients.size },
  }
}

const IMPATIENT = Symbol('waited too long')
/** CIDs that every request may remember, whatever others do. */
const FREE_CIDS = 4096

const isMore = (count: number, limit: number): boolean => limit > 0 && count > limit

interface Waiter { readonly leaving: AbortController }

/** What all tickets have in common. */
interface Desk {
  readonly limits: CheckedLimits['request']
  readonly flow: FairFlow
  /** Whether bytes are limited at all. */
  readonly paced: boolean
  readonly overdue: Deadlines<ActiveTicket>
  readonly stalled: Deadlines<ActiveTicket>
  readonly begin: () => number
  /** @param cids - that its request remembers, with this one */
  readonly remember: (client: Client, cids: number) => void
  /** @param cids - that its request remembers */
  readonly end: (client: Client, at: number, cids: number) => void
}

class ActiveTicket implements Ticket {
  readonly #desk: Desk
  readonly #client: Client
  readonly #lane: Lane = createLane()
  readonly #at: number
  readonly #asker: AbortSignal | undefined
  /** Made when it is asked for: it costs more than all the rest. */
  #stop: AbortController | undefined
  #unwatch: (() => void) | undefined
  #stopped: { readonly reason: unknown } | undefined
  #late: ((reason: unknown) => void) | undefined
  #spent = 0
  #cids = 0
  #left = false

  constructor (desk: Desk, client: Client, signal: AbortSignal | undefined) {
    this.#desk = desk
    this.#client = client
    this.#asker = signal
    this.#at = desk.begin()
    desk.overdue.set(this)
  }

  get limits (): CheckedLimits['request'] { return this.#desk.limits }

  get signal (): AbortSignal {
    if (this.#stop !== undefined) return this.#stop.signal
    this.#stop = new AbortController()
    const asker = this.#asker
    if (this.#stopped !== undefined) this.#stop.abort(this.#stopped.reason)
    else if (asker?.aborted === true) this.stop(asker.reason)
    else if (asker !== undefined && !this.#left) this.#unwatch = onAbort(asker, () => { this.stop(asker.reason) })
    return this.#stop.signal
  }

  stop (reason: unknown): void {
    this.#stopped ??= { reason }
    this.#stop?.abort(reason)
    this.#late?.(reason)
  }

  within<T> (work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#late = reject
      work.then(resolve, reject)
      if (this.#stopped !== undefined) reject(this.#stopped.reason)
    })
  }

  remember (): void {
    if (!this.#left) this.#desk.remember(this.#client, ++this.#cids)
  }

  spend (bytes: number): Awaitable<void> {
    if (this.#stopped !== undefined) throw this.#stopped.reason
    const { limits: { maxBytes }, flow } = this.#desk
    this.#spent += bytes
    if (maxBytes > 0 && this.#spent > maxBytes) throw new GatewayRefusal('GATEWAY_TOO_LARGE', 413, `An answer may have ${maxBytes} bytes.`)
    if (!this.#desk.paced) return undefined
    const call = { signal: this.signal }
    const { flow: own, flowLane } = this.#client
    // its own client's rate first, so that nobody waits in the turn of all for that
    const paid = own.pass(this.#lane, bytes, call)
    return paid === undefined ? flow.pass(flowLane, bytes, call) : paid.then(() => flow.pass(flowLane, bytes, call))
  }

  stream (chunks: AsyncGenerator<Uint8Array, void, undefined>): AsyncGenerator<Uint8Array, void, undefined> {
    const { stalled } = this.#desk
    return new MeteredBody(chunks, {
      signal: this.signal,
      spend: (bytes) => this.spend(bytes),
      offered: (waiting) => { if (waiting) stalled.set(this); else stalled.clear(this) },
      leave: () => { this.leave() },
    })
  }

  leave (): void {
    if (this.#left) return
    this.#left = true
    this.#unwatch?.()
    this.#desk.overdue.clear(this)
    this.#desk.stalled.clear(this)
    this.#desk.end(this.#client, this.#at, this.#cids)
  }
}
