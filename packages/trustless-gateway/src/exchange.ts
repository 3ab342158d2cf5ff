/** What a gateway is asked and what it answers, in a form that every server and runtime can make and send cheaply. */
import type { BlockMemory } from '@dagstore/read-blockstore'

export interface GatewayRequest {
  readonly method: string
  /** Path and query as they were sent, percent-encoded: `/ipfs/bafy…/a%20b?format=car`. */
  readonly target: string
  /** By its name in lower case; several values are joined by `, `. */
  header (name: string): string | undefined
  /** Who asks, as far as limits go: an address, say. @default one client for all */
  readonly client?: string | undefined
  /** Where the gateway was reached, without a path: `https://gateway.example`. Provider records name it. */
  readonly origin?: string | undefined
  /** The asker has left. */
  readonly signal?: AbortSignal | undefined
  /**
   * Takes what has to be called once when a body that was handed over whole is out, or given up: a long one keeps its place among
   * the requests until then. @default it gives its place up as it is handed over
   */
  readonly whenOut?: ((out: () => void) => void) | undefined
  /**
   * Long blocks may be read into memory from here. What of it is in the body, whole or a chunk, has no other view that anybody looks
   * at; so whoever gave it may use it again when it is out. @default memory of its own for each
   */
  readonly memory?: BlockMemory | undefined
}

export interface GatewayAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /**
   * Nothing, the whole, or a stream. A stream that throws must be ended so that nobody takes it for whole; one that is no longer
   * wanted is ended by its `return`. Either frees what the request holds.
   */
  readonly body: undefined | Uint8Array | AsyncGenerator<Uint8Array, void, undefined>
}
