/** Receivers that stay open between the parts of a push, so that a file is opened once. */
import type { Clock } from '@dagstore/io'
import type { PayloadReceiver } from './payload-receiver.ts'

interface Session {
  readonly receiver: Promise<PayloadReceiver>
  busy: boolean
  idle: AbortController
}

export interface TakenReceiver {
  readonly receiver: PayloadReceiver
  /** Somebody may take it again; it is closed when nobody does. Nothing where the session was ended. */
  release(): void
}

export class Sessions {
  readonly #sessions = new Map<string, Session>()
  readonly #clock: Clock
  readonly #idleMs: number
  readonly #most: number
  /** Receivers that are being closed: a file is not opened while that goes on. */
  readonly #closing = new Map<string, Promise<void>>()
  #isOver = false

  constructor (clock: Clock, idleMs: number, most: number) {
    this.#clock = clock
    this.#idleMs = idleMs
    this.#most = most
  }

  get isOver (): boolean { return this.#isOver }

  isBusy (id: string): boolean { return this.#sessions.get(id)?.busy === true }

  /** The receiver, for this caller alone until it is released or ended; `undefined`: somebody else has it, or too many are open. */
  async take (id: string, open: () => Promise<PayloadReceiver>): Promise<TakenReceiver | undefined> {
    const known = this.#sessions.get(id)
    if (known?.busy === true) return undefined
    known?.idle.abort()
    let room: Promise<void> | undefined
    if (known === undefined && this.#sessions.size + this.#closing.size >= this.#most) {
      const idle = [...this.#sessions].find(([, { busy }]) => !busy)?.[0]
      if (idle === undefined) return undefined
      room = this.end(idle).catch(() => {}) // told by its next opening
    }
    const session = known ?? { receiver: Promise.all([room, this.#closing.get(id)]).then(open), busy: true, idle: new AbortController() }
    session.busy = true
    // the longest unused come first
    this.#sessions.delete(id)
    this.#sessions.set(id, session)
    try {
      return { receiver: await session.receiver, release: () => { this.#release(id, session) } }
    } catch (error) {
      if (this.#sessions.get(id) === session) this.#sessions.delete(id)
      throw error
    }
  }

  #release (id: string, session: Session): void {
    if (this.#sessions.get(id) !== session) return
    session.busy = false
    session.idle = new AbortController()
    this.#clock.sleep(this.#idleMs, { signal: session.idle.signal }).then(() => this.end(id)).catch(() => {}) // aborted, or told by the next opening
    if (this.#isOver) this.end(id).catch(() => {})
  }

  /** Checkpoints and closes it. Rejects with what closing does. */
  async end (id: string): Promise<void> {
    const session = this.#sessions.get(id)
    if (session === undefined) return this.#closing.get(id)
    this.#sessions.delete(id)
    session.idle.abort()
    const closing = session.receiver.then((receiver) => receiver.close())
    const closed = closing.catch(() => {}).then(() => { if (this.#closing.get(id) === closed) this.#closing.delete(id) })
    this.#closing.set(id, closed)
    await closing
  }

  async close (): Promise<void> {
    this.#isOver = true
    await Promise.allSettled([...this.#sessions.keys()].map((id) => this.end(id)))
    await Promise.all(this.#closing.values())
  }
}
