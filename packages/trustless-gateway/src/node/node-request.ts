/** A request that a server of Node has taken, as a gateway is asked. */
import type { IncomingHttpHeaders } from 'node:http'
import type { BlockMemory } from '@dagstore/read-blockstore'
import type { GatewayRequest } from '../exchange.ts'
import type { Asked } from './peers.ts'

export class NodeRequest implements GatewayRequest {
  readonly method: string
  readonly target: string
  readonly client: string
  readonly signal: AbortSignal
  readonly memory: BlockMemory | undefined
  readonly #headers: IncomingHttpHeaders
  readonly #asked: Asked
  #out: (() => void) | undefined

  constructor (method: string, target: string, headers: IncomingHttpHeaders, asked: Asked, signal: AbortSignal, memory: BlockMemory | undefined, client: string = asked.client) {
    this.method = method
    this.target = target
    this.client = client
    this.signal = signal
    this.memory = memory
    this.#headers = headers
    this.#asked = asked
  }

  get origin (): string | undefined { return this.#asked.origin }

  header (name: string): string | undefined {
    const headers = this.#headers
    // HTTP/2 has a name of its own for it
    const value = name === 'host' ? headers[':authority'] ?? headers.host : headers[name]
    return typeof value === 'object' ? value.join(', ') : value
  }

  whenOut (out: () => void): void { this.#out = out }

  /** The answer is out, or given up. */
  over (): void { this.#out?.() }
}
