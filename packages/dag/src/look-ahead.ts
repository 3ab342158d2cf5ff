/**
 * Blocks asked for before they are needed.
 *
 * Positions are looked at in the order in which the walk will come to them: the rest of the links at hand, through nodes that
 * have arrived into their links, then the links of their parents. What is nearest is asked for first.
 */
import { IDENTITY } from '@dagstore/hashes'
import type { CID } from 'multiformats/cid'
import { cidKey } from './cid-set.ts'
import type { Expansion, Task } from './tasks.ts'

/** Links that a walk will follow, from the `next` one on. */
export interface Frame {
  readonly links: readonly CID[]
  readonly tasks: Task | readonly Task[]
  next: number
}

export const taskAt = ({ tasks }: Pick<Frame, 'tasks'>, n: number): Task => ('kind' in tasks ? tasks : tasks[n]!)

export interface LookAheadParts {
  fetch(cid: CID, signal: AbortSignal): Promise<Uint8Array>
  /** May throw: the walk will find out itself. */
  expand(cid: CID, bytes: Uint8Array, task: Task): Expansion
  /** Whether the walk will pass over it. */
  isKnown(cid: CID): boolean
}

/** A block under way or waiting; `done` never rejects. */
interface Entry {
  readonly done: Promise<void>
  outcome: { readonly bytes: Uint8Array } | { readonly error: unknown } | undefined
  expansion: Expansion | undefined
}

/** What a waiting block takes beside its bytes, roughly. */
const ENTRY_BYTES = 512
/** How far ahead is looked, in positions per `get` that may be under way. */
const POSITIONS_PER_GET = 4

export class LookAhead {
  readonly #parts: LookAheadParts
  readonly #width: number
  readonly #maxBytes: number
  readonly #controller = new AbortController()
  readonly #signal: AbortSignal | undefined
  readonly #entries = new Map<string, Entry>()
  #underWay = 0
  #waitingBytes = 0

  constructor (parts: LookAheadParts, options: { readonly width: number, readonly maxBytes: number, readonly signal: AbortSignal | undefined }) {
    this.#parts = parts
    this.#width = options.width
    this.#maxBytes = options.maxBytes
    this.#signal = options.signal
    if (options.signal?.aborted === true) this.#abort()
    else options.signal?.addEventListener('abort', this.#abort)
  }

  readonly #abort = (): void => { this.#controller.abort(this.#signal?.reason) }

  /** The block, and meanwhile those that `frames` (the innermost last) will come to. Rejects with what its `fetch` did. */
  async take (cid: CID, frames: readonly Frame[]): Promise<Uint8Array> {
    const key = cidKey(cid)
    const entry = this.#entries.get(key) ?? this.#start(cid, key)
    this.#plan(frames)
    if (entry.outcome === undefined) await entry.done
    this.#entries.delete(key)
    const outcome = entry.outcome
    if (outcome === undefined || 'error' in outcome) throw outcome?.error
    this.#waitingBytes -= outcome.bytes.byteLength + ENTRY_BYTES
    return outcome.bytes
  }

  /** Every `get` under way is aborted and waited for. */
  async close (): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#abort)
    this.#controller.abort(new Error('the walk has ended'))
    await Promise.all([...this.#entries.values()].map(({ done }) => done))
    this.#entries.clear()
  }

  #start (cid: CID, key: string): Entry {
    this.#underWay++
    const entry: Entry = {
      done: this.#parts.fetch(cid, this.#controller.signal).then(
        (bytes) => {
          this.#underWay--
          this.#waitingBytes += bytes.byteLength + ENTRY_BYTES
          entry.outcome = { bytes }
        },
        (error: unknown) => {
          this.#underWay--
          entry.outcome = { error }
        },
      ),
      outcome: undefined,
      expansion: undefined,
    }
    this.#entries.set(key, entry)
    return entry
  }

  #plan (frames: readonly Frame[]): void {
    let positions = this.#width * POSITIONS_PER_GET
    const inside: Frame[] = []
    let level = frames.length - 1
    let outside = copy(frames[level])
    while (this.#underWay < this.#width && this.#waitingBytes < this.#maxBytes && positions > 0) {
      const frame = inside.at(-1) ?? outside
      if (frame === undefined) return
      const n = frame.next++
      const cid = frame.links[n]
      if (cid === undefined) {
        if (inside.pop() === undefined) outside = copy(frames[--level])
        continue
      }
      positions--
      if (cid.multihash.code === IDENTITY || this.#parts.isKnown(cid)) continue
      const key = cidKey(cid)
      const entry = this.#entries.get(key)
      if (entry === undefined) {
        this.#start(cid, key)
      } else if (entry.outcome !== undefined && 'bytes' in entry.outcome) {
        entry.expansion ??= this.#expand(cid, entry.outcome.bytes, taskAt(frame, n))
        const { links, tasks } = entry.expansion
        if (links.length > 0) inside.push({ links, tasks, next: 0 })
      }
    }
  }

  #expand (cid: CID, bytes: Uint8Array, task: Task): Expansion {
    try {
      return this.#parts.expand(cid, bytes, task)
    } catch {
      // told when the walk comes to it
      return { links: [], tasks: task }
    }
  }
}

const copy = (frame: Frame | undefined): Frame | undefined => (frame === undefined ? undefined : { links: frame.links, tasks: frame.tasks, next: frame.next })
