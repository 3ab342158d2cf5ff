/** What is open of one shard: its sessions, the leases on them, and the sessions that are being closed. */
import type { CallOptions } from '@dagstore/io'
import type { DagstoreError } from '../errors.ts'
import { createLease, type ManagedLease, type ShardLease } from '../lease.ts'
import type { Event, Garbage } from '../machine/index.ts'
import { schemeOf } from '../metrics/measured.ts'
import type { StoreParts } from './parts.ts'
import type { ShardSession } from './session.ts'

export interface OpenSessionsParts {
  readonly key: string
  readonly store: Pick<StoreParts, 'emit' | 'metrics'>
  /** To the shard's machine. */
  readonly submit: (event: Event) => void
  /** Another lease of the shard. */
  readonly renew: (options: CallOptions) => Promise<ShardLease>
  /** A session has been closed. */
  readonly onClosed: () => void
}

export class OpenSessions {
  readonly #parts: OpenSessionsParts
  readonly #sessions: Map<number, ShardSession> = new Map()
  readonly #leases: Map<number, ManagedLease> = new Map()
  /** Nobody has a lease of them, and they are not closed yet: their files are in use. */
  readonly #closing: Map<ShardSession, Promise<void>> = new Map()

  constructor (parts: OpenSessionsParts) {
    this.#parts = parts
  }

  /** Sessions are being closed. */
  get isClosing (): boolean { return this.#closing.size > 0 }

  /** Resolves when those are closed that are being closed now. */
  async closed (): Promise<void> { await Promise.all(this.#closing.values()) }

  /** What the garbage is of is read by a session that is not closed yet. */
  pins (garbage: Garbage): boolean {
    const generation = garbage.kind === 'index' ? 'indexGeneration' : 'dataGeneration'
    return [...this.#sessions.values(), ...this.#closing.keys()].some((session) => session[generation] === garbage.generation)
  }

  /** @param id - that of the job which has opened it */
  keep (id: number, session: ShardSession): void {
    this.#sessions.set(id, session)
    session.onSpoiled = (part) => { this.#parts.submit({ type: 'spoiled', session: id, part }) }
  }

  /** `undefined`: it was closed meanwhile. */
  lease (id: number, sessionId: number, url: string): ShardLease | undefined {
    const session = this.#sessions.get(sessionId)
    if (session === undefined) return undefined
    const { key, store: { metrics }, submit, renew } = this.#parts
    const managed = createLease(id, key, session, () => {
      // the machine knows of a lease that was revoked
      if (this.#leases.delete(id)) submit({ type: 'release', lease: id })
    }, renew, metrics, schemeOf(url))
    this.#leases.set(id, managed)
    return managed.lease
  }

  /** Calls on the session's leases are refused from now on, for that reason. */
  revoke (id: number, reason: DagstoreError): void {
    const target = this.#sessions.get(id)
    for (const managed of this.#leases.values()) {
      if (managed.session !== target) continue
      this.#leases.delete(managed.id)
      managed.revoke(reason)
    }
  }

  /** Resolves when it is closed, or could not be. */
  async close (id: number): Promise<void> {
    const session = this.#sessions.get(id)
    if (session === undefined) return
    this.#sessions.delete(id)
    const { key, store: { emit }, onClosed } = this.#parts
    const closing = session.close().catch((error: unknown) => { emit({ type: 'postponed', key, error }) })
    this.#closing.set(session, closing)
    await closing
    this.#closing.delete(session)
    onClosed()
  }
}
