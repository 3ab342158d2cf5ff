/// <reference lib="esnext.disposable" preserve="true" />
/** The same bytes from several places: the first that has them, and the next one when a read is lost. */
import { type ByteSource, type CallOptions, checkRange, compareIdentity, IoError, type SourceIdentity, withdrawable } from '@dagstore/io'
import { causeOf, retryOf } from './errors.ts'
import type { FailureMemory } from './failure-memory.ts'
import { LateReads } from './late-reads.ts'
import { Deadlines, openOne, type Patience } from './patience.ts'

/** One place. `undefined`: the bytes are not there. */
export interface Place {
  readonly name: string
  open(options: CallOptions): Promise<ByteSource | undefined>
}

export interface SwitchOptions {
  /** What the bytes are in every place, given their size: the caller's promise. @default the identity of the first source; others must have the same */
  readonly identity?: ((sizeBytes: number) => SourceIdentity) | undefined
  /** Places that failed a while ago come last. @default nothing is remembered */
  readonly memory?: FailureMemory | undefined
  /** With a place that takes longer, to open or to read, the next one is asked as well. @default one at a time, as long as it takes */
  readonly patience?: Patience | undefined
}

export interface FirstOfOptions extends SwitchOptions, CallOptions {
  /** Sources of another size are refused. @default the size of the first */
  readonly sizeBytes?: number | undefined
}

/** What failed on the way is in `failures`; places where the bytes are not are in neither. */
export interface FirstOf {
  /** `undefined`: no place has given the bytes. */
  readonly source: ByteSource | undefined
  readonly failures: readonly unknown[]
}

/**
 * Open the first of `places`, in their order. One of them is open at a time. Reads go on over an exchange, where the next place
 * has the same bytes. A place that says its bytes changed is opened once more before the next one is tried; each place fails a
 * read at most once.
 *
 * @throws the signal's reason
 */
export const openFirstOf = async (places: readonly Place[], options: FirstOfOptions): Promise<FirstOf> => {
  const { memory, patience, signal } = options
  const failures: unknown[] = []
  const found = await openOne(inOrder(places, memory), {
    open: async (at) => {
      const place = places[at] as Place
      const source = await place.open({ signal })
      if (source === undefined || (options.sizeBytes ?? source.sizeBytes) === source.sizeBytes) return source
      await source.close()
      throw otherBytes(place, options.sizeBytes, source.sizeBytes)
    },
    failed: (at, error) => {
      memory?.failed((places[at] as Place).name)
      failures.push(error)
    },
    late: (at) => { memory?.failed((places[at] as Place).name) },
    close: (source) => { source.close().catch(() => {}) }, // nobody has it
    patience,
    signal,
  })
  if (found === undefined) return { source: undefined, failures }
  const { item: at, opened: source } = found
  memory?.worked((places[at] as Place).name)
  return { source: switchingSource(places, { at, source }, options), failures }
}

interface Opened { readonly at: number, readonly source: ByteSource }

const inOrder = (places: readonly Place[], memory: FailureMemory | undefined): readonly number[] =>
  memory === undefined ? [...places.keys()] : memory.order([...places.keys()], (at) => (places[at] as Place).name)

/** One source of the bytes of all places, beginning with the one that is open already. Closing it closes whichever is open. */
export const switchingSource = (places: readonly Place[], first: Opened, options: SwitchOptions = {}): ByteSource => new SwitchingSource(places, first, options)

class SwitchingSource implements ByteSource {
  readonly sizeBytes: number
  readonly identity: SourceIdentity
  readonly #places: readonly Place[]
  readonly #memory: FailureMemory | undefined
  readonly #patience: Patience | undefined
  readonly #deadlines: Deadlines | undefined
  /** Whether the bytes are the same wherever they come from. */
  readonly #promised: boolean
  #current: Opened | undefined
  #cost: ByteSource['cost']
  /** The exchange under way, one for all reads. */
  #exchange: Promise<void> | undefined
  /** Sources on their way out: reads under way finish on them. */
  readonly #leaving: Set<Promise<void>> = new Set()
  /** How many reads are late on what was left for that. */
  readonly #late: Map<Opened, number> = new Map()
  readonly #lifetime: AbortController = new AbortController()
  #closing: Promise<void> | undefined

  constructor (places: readonly Place[], first: Opened, { identity, memory, patience }: SwitchOptions) {
    this.#places = places
    this.#memory = memory
    this.#patience = places.length > 1 && (patience?.ms ?? 0) > 0 ? patience : undefined
    this.#deadlines = this.#patience && new Deadlines(this.#patience)
    this.#promised = identity !== undefined
    this.#current = first
    this.#cost = first.source.cost
    this.sizeBytes = first.source.sizeBytes
    this.identity = identity?.(first.source.sizeBytes) ?? first.source.identity
  }

  get cost (): ByteSource['cost'] { return this.#cost }

  async read (at: number, length: number, { signal }: CallOptions = {}): Promise<Uint8Array> {
    signal?.throwIfAborted()
    this.#check(at, length)
    if (this.#patience === undefined) return this.#readFrom(at, length, new LateReads(), signal)
    const late = new LateReads()
    try {
      return await withdrawable(late.orOne(this.#readFrom(at, length, late, signal)), signal)
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    } finally {
      late.end()
    }
  }

  async #readFrom (at: number, length: number, late: LateReads, signal: AbortSignal | undefined): Promise<Uint8Array> {
    /** What each place failed this read with. */
    const failed = new Map<number, unknown>()
    let changedAt: number | undefined
    for (;;) {
      const used = await this.#take(failed, changedAt, signal)
      if (late.isOver) throw new IoError('IO_CLOSED', 'the read is over')
      try {
        if (this.#patience === undefined || this.#deadlines === undefined) return await used.source.read(at, length, { signal })
        const reading = late.read(used.source, at, length, signal)
        if (failed.size + 1 >= this.#places.length || await this.#deadlines.met(reading)) return await reading
        this.#leaveAfter(used, reading)
        late.keep(reading)
        this.#fail(failed, used.at, new IoError('IO_SOURCE_LOST', `no answer for too long; place=${(this.#places[used.at] as Place).name} ms=${this.#patience.ms}`, { retry: 'later', offset: at }))
      } catch (error) {
        signal?.throwIfAborted()
        if (late.isOver) throw error
        this.#check(at, length)
        const code = codeOf(error)
        if (code === undefined || code === 'IO_OUT_OF_RANGE') throw error
        this.#leave(used)
        // closed by another read, which has lost it
        if (code === 'IO_CLOSED') continue
        if (code === 'IO_SOURCE_CHANGED' && changedAt !== used.at) changedAt = used.at
        else this.#fail(failed, used.at, error)
      }
    }
  }

  peek (at: number, length: number): Uint8Array | undefined {
    this.#check(at, length)
    return this.#current?.source.peek(at, length)
  }

  close (): Promise<void> {
    this.#closing ??= (async () => {
      this.#lifetime.abort()
      await this.#exchange?.catch(() => {}) // whoever waited for it has its error
      if (this.#current !== undefined) this.#leave(this.#current)
      for (const { source } of this.#late.keys()) source.close().catch(() => {}) // it hangs, so nobody waits for it
      await Promise.all(this.#leaving)
      this.#deadlines?.end()
    })()
    return this.#closing
  }

  [Symbol.asyncDispose] (): Promise<void> { return this.close() }

  #check (at: number, length: number): void {
    if (this.#closing !== undefined) throw new IoError('IO_CLOSED', 'source is closed')
    checkRange(at, length, this.sizeBytes)
  }

  /** A source that has not failed this read. */
  async #take (failed: Map<number, unknown>, first: number | undefined, signal: AbortSignal | undefined): Promise<Opened> {
    for (;;) {
      if (this.#current !== undefined && !failed.has(this.#current.at)) return this.#current
      if (this.#exchange === undefined) {
        this.#exchange = this.#next(failed, first)
        this.#exchange.catch(() => {}).finally(() => { this.#exchange = undefined })
        await withdrawable(this.#exchange, signal)
      } else {
        // another read's: what it failed with is that read's own
        await withdrawable(this.#exchange.catch(() => {}), signal)
      }
      if (this.#closing !== undefined) throw new IoError('IO_CLOSED', 'source is closed')
    }
  }

  /** Open the first place that has not failed, beginning with `first`. Belongs to all reads: only `close` stops it. */
  async #next (failed: Map<number, unknown>, first: number | undefined): Promise<void> {
    if (this.#current !== undefined) this.#leave(this.#current)
    const order = new Set([...(first === undefined ? [] : [first]), ...inOrder(this.#places, this.#memory)].filter((at) => !failed.has(at)))
    const { signal } = this.#lifetime
    const found = await openOne([...order], {
      open: async (at) => {
        const place = this.#places[at] as Place
        const source = await place.open({ signal })
        if (source?.sizeBytes === this.sizeBytes && (this.#promised || compareIdentity(this.identity, source.identity) === 'same')) return source
        await source?.close()
        throw source === undefined ? new IoError('IO_SOURCE_LOST', `no longer there; place=${place.name}`, { retry: 'later' }) : otherBytes(place, this.sizeBytes, source.sizeBytes)
      },
      failed: (at, error) => { this.#fail(failed, at, error) },
      late: (at) => { this.#memory?.failed((this.#places[at] as Place).name) },
      close: (source) => { source.close().catch(() => {}) }, // nobody has it
      patience: this.#patience,
      signal,
    }).catch((error: unknown) => { throw this.#closing === undefined ? error : new IoError('IO_CLOSED', 'source is closed') })
    if (found === undefined) {
      const failures = [...failed.values()]
      throw new IoError('IO_SOURCE_LOST', `lost in every place; places=${this.#places.length}`, { ...causeOf(failures), retry: retryOf(failures) })
    }
    const { item: at, opened: source } = found
    this.#memory?.worked((this.#places[at] as Place).name)
    this.#current = { at, source }
    this.#cost = source.cost
  }

  #fail (failed: Map<number, unknown>, at: number, error: unknown): void {
    failed.set(at, error)
    this.#memory?.failed((this.#places[at] as Place).name)
  }

  /** Others go elsewhere; it is closed when `reading` is over, and those that are as late. Closing this one does not wait for that. */
  #leaveAfter (used: Opened, reading: Promise<unknown>): void {
    if (this.#current === used) this.#current = undefined
    this.#late.set(used, (this.#late.get(used) ?? 0) + 1)
    reading.catch(() => {}).finally(() => {
      const others = (this.#late.get(used) ?? 0) - 1
      this.#late.set(used, others)
      if (others > 0) return
      this.#late.delete(used)
      used.source.close().catch(() => {}) // it was given up already
    })
  }

  #leave (used: Opened): void {
    if (this.#current !== used) return
    this.#current = undefined
    const leaving = used.source.close().catch(() => {}).finally(() => { this.#leaving.delete(leaving) }) // it was given up already
    this.#leaving.add(leaving)
  }
}

const codeOf = (error: unknown): string | undefined =>
  (error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined)

const otherBytes = (place: Place, want: number | undefined, got: number): IoError => new IoError('IO_SOURCE_CHANGED', want === got
  ? `not known to be the same bytes; place=${place.name}`
  : `not the same size; place=${place.name} want=${want} got=${got}`)
