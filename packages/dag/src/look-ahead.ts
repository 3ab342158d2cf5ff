/**
 * Blocks asked for before they are needed.
 *
 * Links are looked at once each, in the order in which the walk will come to them: the rest of those at hand, through nodes
 * that have arrived into their links, then those of their parents. What is nearest is asked for first, so what lies far ahead
 * and waits never stands in its way. Once as many are asked for as may be, no more are until half of them have come and were
 * taken: those that lie side by side in a store are then asked for together, and can be read together.
 *
 * How many blocks are asked for or wait is bounded, and a block that is linked to again and again is looked through once at a
 * time: so the work for a block does not grow with the DAG, whatever its shape.
 */
import { IDENTITY } from '@dagstore/hashes'
import type { CID } from 'multiformats/cid'
import { cidKey } from './cid-set.ts'
import { RAW } from './links.ts'
import type { Expansion, Task } from './tasks.ts'

/** Links that a walk will follow, from the `next` one on. */
export interface Frame {
  readonly links: readonly CID[]
  readonly tasks: Task | readonly Task[]
  next: number
  /** What is known of those ahead; made when it is first looked at. */
  ahead?: Ahead
}

interface Ahead {
  /** The first link that was not yet looked at. */
  next: number
  /** Nodes among those that were, nearest first. */
  readonly nodes: { readonly n: number, readonly entry: Entry, frame: Frame | undefined }[]
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
}

/** What a waiting block takes beside its bytes, roughly. */
const ENTRY_BYTES = 512
/** The most under way before blocks have come that tell how long they are; one more for each that has. */
const FIRST_WIDTH = 8
/** Of so few under way groups would be too small to be worth the wait. */
const LEAST_GROUPED = 8
/** How far ahead is looked in the links of one node, and how many blocks are under way or wait, per `get` that may be under way. */
const LINKS_PER_GET = 4
/** How many nodes, one below the other, are looked through that the walk has not come to. */
const MAX_LEVELS = 32

export class LookAhead {
  readonly #parts: LookAheadParts
  readonly #width: number
  readonly #maxBytes: number
  /** Blocks under way or waiting. */
  readonly #most: number
  readonly #controller = new AbortController()
  readonly #signal: AbortSignal | undefined
  readonly #entries = new Map<string, Entry>()
  #underWay = 0
  /** Of those under way, that of the block which the walk is at. */
  #needed = 0
  #waitingBytes = 0
  /** Of blocks that have come. */
  #come = 0
  #longestBytes = 0
  /** As many were asked for as may be. */
  #isFull = false

  constructor (parts: LookAheadParts, options: { readonly width: number, readonly maxBytes: number, readonly signal: AbortSignal | undefined }) {
    this.#parts = parts
    this.#width = options.width
    this.#maxBytes = options.maxBytes
    this.#most = options.width * LINKS_PER_GET
    this.#signal = options.signal
    if (options.signal?.aborted === true) this.#abort()
    else options.signal?.addEventListener('abort', this.#abort)
  }

  readonly #abort = (): void => { this.#controller.abort(this.#signal?.reason) }

  /** Whether it was asked for. */
  has (cid: CID): boolean { return this.#entries.size > 0 && this.#entries.has(cidKey(cid)) }

  /** The block, and meanwhile those that `frames` (the innermost last) will come to. Rejects with what its `fetch` did. */
  async take (cid: CID, frames: readonly Frame[]): Promise<Uint8Array> {
    const key = cidKey(cid)
    const entry = this.#entries.get(key) ?? this.#start(cid, key)
    this.#needed = entry.outcome === undefined ? 1 : 0
    if (!this.#isFull || this.#width < LEAST_GROUPED || this.#isHalf()) this.#isFull = !this.#plan(frames)
    if (entry.outcome === undefined) await entry.done
    this.#entries.delete(key)
    const { outcome } = entry
    // whoever still knows the entry must not keep its bytes
    entry.outcome = undefined
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
          this.#come++
          this.#longestBytes = Math.max(this.#longestBytes, bytes.byteLength + ENTRY_BYTES)
          entry.outcome = { bytes }
        },
        (error: unknown) => {
          this.#underWay--
          entry.outcome = { error }
        },
      ),
      outcome: undefined,
    }
    this.#entries.set(key, entry)
    return entry
  }

  /** False: enough is asked for. */
  #plan (frames: readonly Frame[]): boolean {
    const looked = new Set<Entry>()
    for (let level = frames.length - 1; level >= 0; level--) if (!this.#planFrame(frames[level]!, 0, looked)) return false
    return true
  }

  #isHalf (): boolean {
    const underWay = this.#underWay - this.#needed
    return underWay <= this.#width / 2 && this.#bytesWith(underWay) <= this.#maxBytes / 2 && this.#entries.size <= this.#most / 2
  }

  /**
   * False: enough is asked for.
   *
   * @param looked - nodes that were looked through this time
   */
  #planFrame (frame: Frame, level: number, looked: Set<Entry>): boolean {
    const ahead = frame.ahead ??= { next: 0, nodes: [] }
    const { links } = frame
    if (ahead.next < frame.next) ahead.next = frame.next
    while (ahead.nodes.length > 0 && ahead.nodes[0]!.n < frame.next) ahead.nodes.shift()
    for (const node of ahead.nodes) {
      const { outcome } = node.entry
      if (outcome === undefined || 'error' in outcome || level === MAX_LEVELS || looked.has(node.entry)) continue
      looked.add(node.entry)
      node.frame ??= this.#frameBelow(links[node.n]!, outcome.bytes, taskAt(frame, node.n))
      if (!this.#planFrame(node.frame, level + 1, looked)) return false
    }
    while (ahead.next < links.length) {
      const underWay = this.#underWay - this.#needed
      if (underWay >= Math.min(this.#width, FIRST_WIDTH + this.#come) || this.#bytesWith(underWay) >= this.#maxBytes || this.#entries.size >= this.#most || ahead.next - frame.next >= this.#most) return false
      const n = ahead.next++
      const cid = links[n]!
      if (cid.multihash.code === IDENTITY) continue
      if (this.#parts.isKnown(cid)) continue
      const key = cidKey(cid)
      const entry = this.#entries.get(key) ?? this.#start(cid, key)
      if (cid.code !== RAW) ahead.nodes.push({ n, entry, frame: undefined })
    }
    return true
  }

  /** Those that wait, and those under way as long as the longest so far; before one has come, two are all that may be. */
  #bytesWith (underWay: number): number {
    return this.#waitingBytes + underWay * (this.#longestBytes === 0 ? this.#maxBytes / 2 : this.#longestBytes)
  }

  #frameBelow (cid: CID, bytes: Uint8Array, task: Task): Frame {
    try {
      const { links, tasks } = this.#parts.expand(cid, bytes, task)
      return { links, tasks, next: 0 }
    } catch {
      // told when the walk comes to it
      return { links: [], tasks: task, next: 0 }
    }
  }
}
