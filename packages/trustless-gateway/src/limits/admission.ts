/** Who is answered now, and who waits for it: interfaces of the limits. */
import type { Awaitable } from '@dagstore/io'
import type { CheckedLimits } from './limits.ts'

export interface Asker {
  /** Whose limits count. @default one client for all */
  readonly client?: string | undefined
  /** The asker has left. */
  readonly signal?: AbortSignal | undefined
}

/** The right to be answered now. */
export interface Ticket {
  readonly limits: CheckedLimits['request']
  /** Aborts when the asker leaves, and with a `GatewayRefusal` when it takes nothing for too long or the time is up. */
  readonly signal: AbortSignal
  /** Settles with `work`, or rejects when the time is up, or was before. Costs much less than {@link Ticket.signal}; `work` watches the asker's own signal. */
  within<T> (work: Promise<T>): Promise<T>
  /**
   * Resolves when so many bytes may be sent; no promise where they may at once. Rejects with the signal's reason.
   *
   * @throws {GatewayRefusal} `GATEWAY_TOO_LARGE`: more than a request may have
   */
  spend (bytes: number): Awaitable<void>
  /**
   * One CID more is remembered for the answer, until it leaves.
   *
   * @throws {GatewayRefusal} `GATEWAY_CLIENT_BUSY`, `GATEWAY_BUSY`: its client, or all, remember too many
   */
  remember (): void
  /**
   * The chunks, each when its bytes may be sent, under all limits of time; leaves at the end. Once `signal` has aborted, `chunks`
   * are ended and what the request holds is free, whether or not anybody asks for the next one.
   */
  stream (chunks: AsyncGenerator<Uint8Array, void, undefined>): AsyncGenerator<Uint8Array, void, undefined>
  /** The answer has ended. Idempotent. */
  leave (): void
}

export interface Admission {
  /**
   * The turns go from client to client. No promise where there is room at once.
   *
   * @throws {GatewayRefusal} `GATEWAY_CLIENT_BUSY`, `GATEWAY_BUSY`; may be thrown at once
   */
  enter (asker: Asker): Awaitable<Ticket>
  /** Requests under way. */
  readonly active: number
  readonly waiting: number
  /** Clients of which something is kept: those that have requests, and some that have had more bytes than their rate. */
  readonly clients: number
}
