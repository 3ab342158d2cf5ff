/** What every call on the imports stands on: records changed one after another, ids, files that are to go, and the end of it all. */
import { type CallOptions, type Clock, createKeyLock, type KeyLock } from '@dagstore/io'
import { createGate } from '@dagstore/read-blockstore'
import { faultOf, ownCar } from './car-place.ts'
import { ImportError, unknownImport } from './errors.ts'
import { namesOf } from './import-names.ts'
import type { ImportResult } from './imports.ts'
import type { OpeningParts } from './openings.ts'
import { type ImportRecord, isWhole, labelsOf, type WholeImport } from './record.ts'
import type { PendingFiles, RecordTable, StoredImport } from './record-table.ts'

export interface CoreParts extends OpeningParts {
  readonly table: RecordTable
  readonly clock: Clock
  /** No id at or below it is given out. */
  readonly lastId: bigint
}

/** An import that is on disk and has no record yet. */
export type MadeImport = Omit<WholeImport, 'id' | 'piece' | 'damage'>

export class ImportCore {
  readonly parts: CoreParts
  /** One at a time of those that write or remove the files of one id. */
  readonly lock: KeyLock = createKeyLock()
  readonly #gate = createGate()
  readonly #ending = new AbortController()
  #lastId: bigint
  #turn: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | undefined

  constructor (parts: CoreParts) {
    this.parts = parts
    this.#lastId = parts.lastId
  }

  /** A call that the end waits for, with a signal that the end aborts too. @throws {ImportError} `IMPORT_CLOSED` */
  async pass<T> (given: AbortSignal | undefined, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    given?.throwIfAborted()
    const { signal: ending } = this.#ending
    ending.throwIfAborted()
    return this.#gate.pass(() => call(given === undefined ? ending : AbortSignal.any([given, ending])))
  }

  inTurn<T> (work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => {}) // reported to the caller of this call
    return result
  }

  /** @throws {ImportError} `IMPORT_UNKNOWN`, `IMPORT_FAILED` */
  async stored (id: bigint): Promise<StoredImport> {
    const stored = await this.parts.table.get(id)
    if (stored === undefined) throw unknownImport(id)
    return stored
  }

  /** The import of that source, if nothing is seen to be the matter with its CAR. */
  async findBy (source: string | undefined, options: CallOptions = {}): Promise<WholeImport | undefined> {
    const id = source === undefined ? undefined : await this.parts.table.idOf(source)
    const record = id === undefined ? undefined : (await this.parts.table.get(id))?.record
    if (record === undefined || !isWhole(record)) return undefined
    // whether the CAR of somebody else is still what it was, the fingerprint has said
    return record.carOwner === 'user' || await faultOf(record, this.parts, options) === undefined ? record : undefined
  }

  /** A new id, noted with its files. Nanoseconds since 1970 as Lotus has them, each higher than the last. */
  begin (): Promise<bigint> {
    return this.inTurn(async () => {
      const { table, clock } = this.parts
      const now = BigInt(Math.floor(clock.now())) * 1_000_000n
      let id = now > this.#lastId ? now : this.#lastId + 1n
      // those that came from elsewhere may be of any time
      while (await table.get(id) !== undefined) id++
      this.#lastId = id
      await table.begin({ id, names: Object.values(namesOf(id)) }, true)
      return id
    })
  }

  /** Make an import known. When another call was faster with the same source, its record is the answer and ours goes. */
  commitNew (id: bigint, made: MadeImport, source: string | undefined): Promise<ImportResult> {
    return this.inTurn(async () => {
      const { table } = this.parts
      const first = await this.findBy(source)
      if (first !== undefined) {
        await this.clear({ id, names: Object.values(namesOf(id)) })
        return { ...first, reused: true }
      }
      const before = source === undefined ? undefined : await table.idOf(source)
      const replaced = before === undefined ? undefined : { id: before, names: filesOf(before, (await table.get(before))?.record) }
      const record: WholeImport = { ...made, id, piece: undefined, damage: undefined }
      await table.change({ id, labels: labelsOf(record), source, replaced, leftover: [] })
      // done for the caller; if this fails, the next opening tries again
      if (replaced !== undefined) await this.clear(replaced).catch(() => {})
      return { ...record, reused: false }
    })
  }

  /** Another CAR for an import that is known: the one before goes, if we wrote it. */
  commitAgain (id: bigint, made: MadeImport, source: string): Promise<ImportResult> {
    return this.inTurn(async () => {
      const { record: before, labels } = await this.stored(id)
      const record: WholeImport = { ...made, id, piece: before.root?.equals(made.root) === true ? before.piece : undefined, damage: undefined }
      const leftover = filesOf(id, before).filter((name) => name !== made.carPath && name !== made.indexName)
      await this.parts.table.change({ id, labels: labelsOf(record, labels), source, leftover })
      await this.clear({ id, names: leftover }).catch(() => {}) // as above
      return { ...record, reused: false }
    })
  }

  /** Remove files of an id; nothing of it is pending then. */
  async clear ({ id, names }: PendingFiles): Promise<void> {
    const { directory, table } = this.parts
    for (const name of names) await directory.remove(name)
    await table.end(id)
  }

  /** Ends what is under way and waits for it. Idempotent. */
  close (): Promise<void> {
    return this.#closing ??= (async () => {
      this.#ending.abort(new ImportError('IMPORT_CLOSED', 'the imports are closed'))
      await this.#gate.shut()
      await this.#turn
    })()
  }
}

/** Everything that an id may have on disk. @param record - `undefined`: there is none */
export const filesOf = (id: bigint, record: ImportRecord | undefined): readonly string[] => {
  const own = record === undefined ? [] : [ownCar(record), record.indexName].filter((name) => name !== undefined)
  return [...new Set([...Object.values(namesOf(id)), ...own])]
}
