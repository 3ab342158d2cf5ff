/** What the operations on many shards need of the store, and what they have in common. */
import type { CallOptions } from '@dagstore/io'
import { abortable } from '../abortable.ts'
import { listRecords } from '../catalogue/list-records.ts'
import type { ListedRecord } from '../catalogue/shard-catalogue.ts'
import { codeOf } from '../failure.ts'
import type { RegisterOptions } from '../register-options.ts'
import type { StoreParts } from '../runner/parts.ts'
import type { Runners } from '../runner/runners.ts'
import type { ShardInfo } from '../shard-info.ts'

export interface BulkParts {
  readonly parts: StoreParts
  readonly runners: Runners
  readonly register: (key: string, mountUrl: string, options?: RegisterOptions) => Promise<ShardInfo>
  readonly initialize: (key: string, options?: CallOptions) => Promise<ShardInfo>
  /** @throws {DagstoreError} `DAGSTORE_CLOSED`, `DAGSTORE_BAD_KEY` */
  readonly check: (key?: string) => void
  /** Fires when the store is closed, with `DAGSTORE_CLOSED` as its reason. */
  readonly closing: AbortSignal
}

export interface BulkProgress {
  /** Items that have ended, whether well or not. */
  readonly done: number
  readonly failed: number
  /** `undefined`: nobody knows. */
  readonly total: number | undefined
}

export interface BulkOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: BulkProgress) => void) | undefined
}

/** Fires when the caller leaves or the store is closed. */
export const leaving = ({ closing }: Pick<BulkParts, 'closing'>, signal: AbortSignal | undefined): AbortSignal =>
  signal === undefined ? closing : AbortSignal.any([signal, closing])

/** A signal of its own for each of many calls: one with all of them as listeners would be taken for a leak. */
export class Withdrawals {
  readonly #signal: AbortSignal
  readonly #calls: Set<AbortController> = new Set()
  readonly #leave: () => void = () => { for (const call of this.#calls) call.abort(this.#signal.reason) }

  constructor (signal: AbortSignal) {
    this.#signal = signal
    signal.addEventListener('abort', this.#leave, { once: true })
  }

  async call<T> (work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#signal.throwIfAborted()
    const call = new AbortController()
    this.#calls.add(call)
    try {
      return await work(call.signal)
    } finally {
      this.#calls.delete(call)
    }
  }

  end (): void { this.#signal.removeEventListener('abort', this.#leave) }
}

/** A piece of work that the store's end waits for; the caller may leave it at once. */
export const task = <T>({ parts }: Pick<BulkParts, 'parts'>, signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
  const running = work()
  parts.tasks.add(running.then(() => {}))
  return abortable(running, signal)
}

const FATAL: ReadonlySet<string> = new Set(['DAGSTORE_STORAGE_FAILED', 'DAGSTORE_CLOSED'])

/** What stops all items, not only the one that met it. */
export const isFatal = (error: unknown, signal: AbortSignal): boolean => signal.aborted || FATAL.has(codeOf(error) ?? '')

/** Records by key, those behind `from`. */
export const listed = ({ parts, check }: BulkParts, state: 'new' | 'available' | undefined, signal: AbortSignal, from?: string): AsyncGenerator<ListedRecord, void, undefined> =>
  listRecords(parts.catalogue, { after: from, state, before: () => { check(); signal.throwIfAborted() } })
