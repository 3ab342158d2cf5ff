/**
 * Runs the machine of one shard: one event after another, their effects in order. Events come while the record is being
 * read or written; they wait their turn.
 */
import type { StoredRecord } from '../catalogue/record-codec.ts'
import { abortable } from '../abortable.ts'
import { DagstoreError } from '../errors.ts'
import { failureOf, sameCause } from '../failure.ts'
import { Urgency } from '../limiter.ts'
import {
  applyChange, atRest, type Change, type Changed, type Effect, type Event, fromRecord, type Garbage, isUnfinished, jobOf, type JobKind, needsNumber, retryAt,
  type State, step
} from '../machine/index.ts'
import { healthOf, type ShardInfo, shardInfo } from '../shard-info.ts'
import { type Call, callShard, type CallTarget, leaseCall } from './calls.ts'
import { collect } from './collect.ts'
import { type EndedJob, runJob } from './jobs.ts'
import { OpenSessions } from './open-sessions.ts'
import type { StoreParts } from './parts.ts'
import { refusalOf } from './refusal.ts'

/** What somebody may do with a shard while its machine stands still. */
export interface Visited {
  readonly stored: StoredRecord | undefined
  /** No job, no session, nobody who waits. */
  readonly resting: boolean
  /** Durable on return; only what no live machine knows may change unless it is resting. @throws {DagstoreError} `DAGSTORE_STORAGE_FAILED` */
  commit(changed: Changed): Promise<void>
}

export type Visit<T> = (visited: Visited) => Promise<T>

/** Before all of a remote CAR is read, so that whoever opened it has its first blocks before. */
const AFTER_ATTACHED_MS = 1000

interface RunningJob { readonly stop: AbortController, readonly urgency: Urgency }

export class ShardRunner implements CallTarget {
  readonly key: string
  readonly #parts: StoreParts
  readonly #rested: (runner: ShardRunner) => void
  readonly #queue: Event[] = []
  readonly #visits: { readonly run: () => Promise<void>, readonly refuse: (error: unknown) => void }[] = []
  /** Reading or writing the record, or in the middle of effects. */
  #busy = true
  #state: State = { tag: 'absent', serial: 0 }
  #stored: StoredRecord | undefined
  readonly #calls: Map<number, Call> = new Map()
  readonly #open: OpenSessions
  readonly #jobs: Map<number, RunningJob> = new Map()
  #idlers: (() => void)[] = []

  /** @param rested - called whenever nothing in memory says more than the record does */
  constructor (parts: StoreParts, key: string, rested: (runner: ShardRunner) => void) {
    this.key = key
    this.#parts = parts
    this.#rested = rested
    this.#open = new OpenSessions({
      key,
      store: parts,
      submit: (event) => { this.submit(event) },
      renew: (options) => callShard(this, leaseCall(), (waiter) => ({ type: 'acquire', waiter, registerAs: undefined, urgent: true }), options),
      onClosed: () => { this.#pump() },
    })
    parts.tasks.add(this.#load())
  }

  enter (waiter: number, call: Call, event: Event): void {
    this.#calls.set(waiter, call)
    this.submit(event)
  }

  leave (waiter: number): void {
    this.#end(waiter)
    this.submit({ type: 'withdraw', waiter })
  }

  submit (event: Event): void {
    this.#queue.push(event)
    this.#pump()
  }

  /** Run `visit` between two events; those that come meanwhile wait. */
  visit<T> (visit: Visit<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#visits.push({
        run: async () => {
          if (this.#state.tag === 'closed') return reject(new DagstoreError('DAGSTORE_CLOSED', 'store is closed', { key: this.key }))
          const resting = atRest(this.#state)
          await visit({ stored: this.#stored, resting, commit: (changed) => this.#rewrite(changed, resting) }).then(resolve, reject)
        },
        refuse: reject,
      })
      this.#pump()
    })
  }

  /** The index file is broken, whoever found that out. */
  spoil (): void {
    if (this.#state.tag === 'available' && this.#state.current !== undefined) this.submit({ type: 'spoiled', session: this.#state.current, part: 'index' })
  }

  async #rewrite (changed: Changed, resting: boolean): Promise<void> {
    await this.#commit(changed)
    if (resting) this.#state = { ...fromRecord(changed.record), serial: this.#state.serial }
  }

  /** `undefined`: not registered, or not read yet. */
  get info (): ShardInfo | undefined {
    return this.#stored === undefined ? undefined : shardInfo(this.key, this.#stored.record, this.#state)
  }

  /** A session reads it that is not closed yet. */
  pins (garbage: Garbage): boolean { return this.#open.pins(garbage) }

  /** The record says that something is to be done, and nobody is at it, or will be by himself. */
  get isUnfinished (): boolean {
    const { tag } = this.#state
    if (this.#stored === undefined || tag === 'closed' || jobOf(this.#state) !== undefined || !isUnfinished(this.#stored.record)) return false
    return tag !== 'destroying' || this.#state.sessions.length === 0
  }

  /** Resolves when no event waits and no job runs; leases may still be out. */
  idle (): Promise<void> {
    return new Promise((resolve) => {
      this.#idlers.push(resolve)
      this.#pump()
    })
  }

  /** Leases can be had without opening anything. */
  get isOpen (): boolean { return this.#state.tag === 'available' && this.#state.current !== undefined }

  async #load (): Promise<void> {
    try {
      const held = this.#parts.heldBack(this.key)
      if (held !== undefined) await held
      this.#stored = await this.#parts.catalogue.get(this.key)
      this.#state = fromRecord(this.#stored?.record)
      this.#busy = false
    } catch (error) {
      // nothing is known, so nothing can be done; whoever comes next tries again
      this.#queue.length = 0
      const calls = [...this.#calls.values()]
      this.#calls.clear()
      this.#busy = false
      this.#rested(this)
      for (const call of calls) call.refuse(error)
      for (const { refuse } of this.#visits.splice(0)) refuse(error)
      this.#wake()
      return
    }
    this.#pump()
  }

  #pump (): void {
    if (this.#busy) return
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.#busy = true
      const working = next()
      if (working !== undefined) {
        this.#parts.tasks.add(working.finally(() => {
          this.#busy = false
          this.#pump()
        }))
        return
      }
      this.#busy = false
    }
    if (jobOf(this.#state) === undefined) {
      if (this.isUnfinished) this.#parts.noteUnfinished()
      this.#wake()
    }
    if (atRest(this.#state) && !this.#open.isClosing) this.#rested(this)
  }

  /** What is to be done next; gives a promise where it takes its time. */
  #next (): (() => Promise<void> | undefined) | undefined {
    const visit = this.#visits.shift()
    if (visit !== undefined) return visit.run
    const event = this.#queue.shift()
    return event === undefined ? undefined : () => this.#handle(event)
  }

  #wake (): void {
    const idlers = this.#idlers
    this.#idlers = []
    for (const wake of idlers) wake()
  }

  #handle (event: Event): Promise<void> | undefined {
    const { state, effects } = step(this.#state, event)
    const [first, ...rest] = effects
    if (first?.type !== 'persist') {
      this.#take(state, effects, event)
      return undefined
    }
    return this.#persist(first.change).then(
      () => { this.#take(state, rest, event) },
      (error: unknown) => { this.#unsaved(event, error) }
    )
  }

  #unsaved (event: Event, error: unknown): void {
    if (event.type === 'unsaved') return
    this.#parts.emit({ type: 'unsaved', key: this.key, error })
    const { state, effects } = step(this.#state, { type: 'unsaved', event, failure: failureOf(error, this.#parts.clock) })
    this.#take(state, effects, event)
  }

  #take (state: State, effects: readonly Effect[], event: Event): void {
    const from = healthOf(this.#state)
    const to = healthOf(state)
    this.#state = state
    if (event.type === 'failed' && state.tag === 'errored') sameCause(event.failure, state.failure)
    if (from !== to && state.tag !== 'closed') this.#parts.emit({ type: 'health', key: this.key, from, to, failure: state.tag === 'errored' ? state.failure : undefined })
    for (const effect of effects) this.#execute(effect, event)
  }

  #execute (effect: Effect, event: Event): void {
    switch (effect.type) {
      case 'persist': throw new TypeError('a persist that is not the first effect')
      case 'start': return this.#start(effect.job, effect.kind, effect.urgent)
      case 'raise': return this.#jobs.get(effect.job)?.urgency.raise()
      case 'abort': return this.#jobs.get(effect.job)?.stop.abort(new DagstoreError('DAGSTORE_CLOSED', 'job is not wanted any more', { key: this.key }))
      case 'grant': return this.#grant(effect.waiter, effect.session)
      case 'answer': return this.#end(effect.waiter)?.answer(this.info)
      case 'refuse': return this.#end(effect.waiter)?.refuse(refusalOf(this.key, effect.code, effect.failure))
      case 'again': return this.#calls.has(effect.event.waiter) ? this.submit(effect.event) : undefined
      case 'revoke': return this.#revoke(effect.session)
      case 'close-session': return this.#parts.tasks.add(this.#open.close(effect.session))
      case 'let-go': return this.#parts.letGo(this.key)
      case 'collect': return this.#parts.tasks.add(this.#open.closed().then(() => collect(this.#parts, this.key)))
      case 'ignored': return this.#parts.emit({ type: 'ignored', key: this.key, event: event.type, total: this.#parts.countIgnored() })
    }
  }

  /** The change is durable on return. */
  async #persist (change: Change): Promise<void> {
    const { catalogue } = this.#parts
    const before = this.#stored
    if (before?.damaged === true && change.type !== 'destroy' && change.type !== 'remove') {
      throw new DagstoreError('DAGSTORE_BAD_RECORD', 'a record that cannot be read is not overwritten; destroy the shard', { key: this.key })
    }
    await this.#commit(applyChange(before?.record, change, needsNumber(change) ? catalogue.takeNumber() : 0))
  }

  async #commit ({ record, garbage }: Changed): Promise<void> {
    const before = this.#stored
    const number = record?.index?.shardNumber
    if (number !== undefined && number !== before?.record.index?.shardNumber) this.#parts.noteIndexed(number)
    const outcome = await this.#parts.catalogue.commit([{ key: this.key, ifVersion: before?.version ?? 'absent', record, garbage }])
    if (outcome === 'conflict') throw new DagstoreError('DAGSTORE_STORAGE_FAILED', 'record was changed by somebody else', { key: this.key })
    this.#stored = record === undefined ? undefined : { record, version: (before?.version ?? 0n) + 1n, damaged: false }
    const at = record === undefined ? undefined : retryAt(record)
    if (at !== undefined) this.#parts.noteRetry(at)
  }

  #start (job: number, kind: JobKind, urgent: boolean): void {
    const running = { stop: new AbortController(), urgency: new Urgency(urgent) }
    this.#jobs.set(job, running)
    const record = this.#stored?.record
    if (record === undefined) throw new TypeError('a job without a record')
    const run = (): Promise<EndedJob> => runJob(this.#parts, this.key, { job, kind, record, urgency: running.urgency }, running.stop.signal)
    // not every system deletes a file that is open
    const ended = kind === 'clean' ? abortable(this.#open.closed(), running.stop.signal).catch(() => {}).then(run) : run()
    this.#parts.tasks.add(ended.then(({ event, session }) => {
      this.#jobs.delete(job)
      if (session !== undefined) this.#open.keep(job, session)
      this.submit(event)
      // it had been found broken before anybody listened
      if (session?.spoiled !== undefined) this.submit({ type: 'spoiled', session: job, part: session.spoiled })
      // nobody waits for it: leases that are out go on with the index that they have
      if (session?.foreign === true) this.#parts.replaceIndex(this.key, session.mount.indexOrigin === 'attached' ? AFTER_ATTACHED_MS : 0)
    }))
  }

  #grant (waiter: number, session: number): void {
    const call = this.#end(waiter)
    const lease = call === undefined ? undefined : this.#open.lease(waiter, session, this.#stored?.record.url ?? '')
    // the caller left while the record was being written; nobody would ever close the lease
    if (lease === undefined) return this.submit({ type: 'release', lease: waiter })
    call?.grant(lease)
  }

  #end (waiter: number): Call | undefined {
    const call = this.#calls.get(waiter)
    this.#calls.delete(waiter)
    return call
  }

  #revoke (session: number): void {
    const code = this.#state.tag === 'closed' ? 'DAGSTORE_CLOSED' : 'DAGSTORE_SHARD_DESTROYED'
    this.#open.revoke(session, new DagstoreError(code, `lease was revoked; key=${this.key}`, { key: this.key }))
  }
}
