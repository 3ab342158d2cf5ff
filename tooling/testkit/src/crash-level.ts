/**
 * An `abstract-level` database in memory that loses what was not synced. As in LevelDB, batches go to a log, which may be
 * changed for another one at any time, and `sync: true` syncs the log that the batch goes to: on recovery, of each log
 * everything up to its last synced batch is there, and of the batches after it any number from the first on. So what was
 * written without `sync` may be lost although a later batch with it is there.
 */
import { MemoryLevel } from 'memory-level'
import { CrashError, Faults } from './faults.ts'
import { seededRandom } from './random.ts'

interface Change { readonly type: 'put' | 'del', readonly key: Uint8Array, readonly value: Uint8Array | undefined }
interface Batch { readonly changes: readonly Change[], readonly sync: boolean }
interface WriteOptions { readonly sync?: boolean }

export interface CrashLevelOptions {
  readonly seed: number | string
  /** Shared with other crashable parts of one world. @default its own */
  readonly faults?: Faults
}

/** Keys and values are bytes (`view`) inside; the usual encodings work on it and on its sublevels. */
export class CrashLevel extends MemoryLevel<string, string> {
  readonly faults: Faults
  readonly #seed: string
  readonly #batches: Batch[]

  constructor (options: CrashLevelOptions, batches: readonly Batch[] = []) {
    super({ storeEncoding: 'view' })
    this.faults = options.faults ?? new Faults()
    this.#seed = String(options.seed)
    this.#batches = [...batches]
  }

  /** The database as the next process finds it, opened; each seed is another chance. */
  async recover (seed: number | string, faults?: Faults): Promise<CrashLevel> {
    const random = seededRandom(`${this.#seed}/${seed}/recover`)
    // one change of the log is enough: what is lost by two is lost by one or the other
    const change = random.chance(0.5) ? 0 : random.int(this.#batches.length + 1)
    const kept = [this.#batches.slice(0, change), this.#batches.slice(change)].flatMap((log) => {
      const synced = log.findLastIndex((batch) => batch.sync) + 1
      return log.slice(0, synced + random.int(log.length - synced + 1))
    })
    const next = new CrashLevel({ seed: `${this.#seed}/${seed}`, ...(faults === undefined ? {} : { faults }) })
    await next.open()
    for (const batch of kept) {
      // what survived is on disk now, hence synced
      next.#batches.push({ ...batch, sync: true })
      await applyBatch(next, batch.changes)
    }
    return next
  }

  async _get (key: Uint8Array, options: object): Promise<unknown> {
    this.faults.step('read', 'db')
    return forward(this, '_get', key, options)
  }

  async _getMany (keys: readonly Uint8Array[], options: object): Promise<unknown> {
    this.faults.step('read', 'db', String(keys.length))
    return forward(this, '_getMany', keys, options)
  }

  _iterator (options: object): unknown {
    this.faults.step('read', 'db', 'iterator')
    return forward(this, '_iterator', options)
  }

  _keys (options: object): unknown {
    this.faults.step('read', 'db', 'keys')
    return forward(this, '_keys', options)
  }

  async _put (key: Uint8Array, value: Uint8Array, options: WriteOptions): Promise<void> {
    await this.#write([{ type: 'put', key, value }], options)
  }

  async _del (key: Uint8Array, options: WriteOptions): Promise<void> {
    await this.#write([{ type: 'del', key, value: undefined }], options)
  }

  async _batch (operations: readonly { type: 'put' | 'del', key: Uint8Array, value?: Uint8Array }[], options: WriteOptions): Promise<void> {
    await this.#write(operations.map(({ type, key, value }) => ({ type, key, value })), options)
  }

  async #write (changes: readonly Change[], { sync = false }: WriteOptions): Promise<void> {
    const owned = changes.map((change) => ({ type: change.type, key: change.key.slice(), value: change.value?.slice() }))
    const outcome = this.faults.step('batch', 'db', `${owned.length}${sync ? ' sync' : ''}`)
    if (outcome === 'done' || seededRandom(`${this.#seed}/cut/${this.faults.changes}`).chance(0.5)) {
      this.#batches.push({ changes: owned, sync })
      await applyBatch(this, owned)
    }
    if (outcome === 'cut') throw new CrashError('cut at a batch')
  }
}

/** MemoryLevel's own method, around our override. */
const forward = (level: CrashLevel, name: '_get' | '_getMany' | '_iterator' | '_keys' | '_batch', ...args: readonly unknown[]): unknown =>
  (MemoryLevel.prototype as unknown as Record<string, (...args: readonly unknown[]) => unknown>)[name]!.apply(level, [...args])

const applyBatch = async (level: CrashLevel, changes: readonly Change[]): Promise<void> => { await forward(level, '_batch', changes, {}) }

export const createCrashLevel = async (options: CrashLevelOptions): Promise<CrashLevel> => {
  const level = new CrashLevel(options)
  await level.open()
  return level
}
