/** What is kept of clients: those that have requests, and for a while those that have had more bytes than their rate. */
import { type Clock, createFairFlow, createFairSlots, createLane, type FairFlow, type FairSlots, type Lane } from '@dagstore/io'
import type { CheckedLimits } from './limits.ts'

export interface Client {
  readonly name: string
  readonly slots: FairSlots
  readonly flow: FairFlow
  /** Its requests among themselves. */
  readonly ownLane: Lane
  /** Itself among all clients: for their turn, and for their bytes. */
  readonly slotLane: Lane
  readonly flowLane: Lane
  /** Requests of it that wait for their turn. */
  waiting: number
  /** Requests of it. */
  users: number
  /** CIDs that its CARs remember. */
  cids: number
}

/** Clients without requests that are remembered for what they owe; the oldest are forgotten first. */
const MOST_RESTING = 4096

export class Clients {
  readonly #limits: CheckedLimits['client']
  readonly #clock: Clock
  readonly #active: Map<string, Client> = new Map()
  readonly #resting: Map<string, Client> = new Map()
  /** The last one that owed nothing: whoever asks one thing after another is made once. */
  #spare: Client | undefined

  constructor (limits: CheckedLimits['client'], clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  /** How many are kept. */
  get size (): number { return this.#active.size + this.#resting.size }

  /** To be given back by `release`. */
  use (name: string): Client {
    const client = this.#active.get(name) ?? this.#resting.get(name) ?? (this.#spare?.name === name ? this.#spare : this.#create(name))
    if (client.users++ === 0) {
      this.#resting.delete(name)
      this.#active.set(name, client)
    }
    return client
  }

  release (client: Client): void {
    if (--client.users > 0) return
    this.#active.delete(client.name)
    if (client.flow.owedMs > 0) this.#resting.set(client.name, client)
    else this.#spare = client
    for (const [name, { flow }] of this.#resting) {
      if (flow.owedMs > 0 && this.#resting.size <= MOST_RESTING) break
      this.#resting.delete(name)
    }
  }

  #create (name: string): Client {
    const { requests, bytesPerSecond } = this.#limits
    return {
      name, slots: createFairSlots(requests), flow: createFairFlow(bytesPerSecond, this.#clock),
      ownLane: createLane(), slotLane: createLane(), flowLane: createLane(), waiting: 0, users: 0, cids: 0,
    }
  }
}
