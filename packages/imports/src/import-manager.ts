/**
 * What the imports do: files first, then records, changes of what is known one after another. Files of ours are named by
 * the id: `<id>.part` until they are whole, `<id>.car` from then on; `<id>.scratch` is there while directories too large for
 * memory are written.
 */
import { readLayout, scanSections } from '@dagstore/carv2'
import type { Hashes } from '@dagstore/hashes'
import type { ByteSource, Clock, Directory, TreeEntry } from '@dagstore/io'
import { DEFAULT_PROFILE } from '@dagstore/unixfs-builder'
import { writeCar } from './car-writing.ts'
import { ImportError } from './errors.ts'
import type { ImportCarOptions, ImportResult, Imports, ImportSource, ImportTreeOptions } from './imports.ts'
import { decodeRecord, type ImportRecord } from './record.ts'
import type { RecordTable } from './record-table.ts'

interface ManagerParts {
  readonly table: RecordTable
  readonly directory: Directory
  readonly hashes: Hashes
  readonly clock: Clock
  /** No id at or below it is given out. */
  readonly lastId: bigint
}

export class ImportManager implements Imports {
  readonly #parts: ManagerParts
  #lastId: bigint
  #turn: Promise<unknown> = Promise.resolve()

  constructor (parts: ManagerParts) {
    this.#parts = parts
    this.#lastId = parts.lastId
  }

  async importTree (entry: TreeEntry, options: ImportTreeOptions): Promise<ImportResult> {
    const { sourceLabel, fingerprint, profile = DEFAULT_PROFILE, links = 'refuse', signal, onProgress } = options
    const { directory, hashes } = this.#parts
    signal?.throwIfAborted()
    const source = fingerprint === undefined ? undefined : treeSource({ sourceLabel, fingerprint, profile, links })
    const known = await this.#findBy(source)
    if (known !== undefined) return { ...known, reused: true }
    const id = await this.#begin()
    const { partName, scratchName, carName } = namesOf(id)
    let record: ImportRecord
    try {
      const written = await writeCar(directory, partName, scratchName, entry, { hashes, profile, links, signal, onProgress })
      signal?.throwIfAborted()
      await directory.rename(partName, carName)
      record = { id, source: 'import', filename: sourceLabel, fingerprint, profile, carName, carOwner: 'importmgr', ...written }
    } catch (error) {
      // if this fails too, the note stays and the next opening tries again
      await this.clear(id).catch(() => {})
      throw error
    }
    // should this fail, the record may be there or not: the next opening knows whether the file has to go
    return this.#commit(record, source)
  }

  async importCar (car: ByteSource, { carPath, fingerprint, signal, onProgress }: ImportCarOptions): Promise<ImportResult> {
    signal?.throwIfAborted()
    const source = fingerprint === undefined ? undefined : carSource(carPath, fingerprint)
    const known = await this.#findBy(source)
    if (known !== undefined) return { ...known, reused: true }
    // an index that cannot be where the header says does not matter: the sections are what is imported
    const layout = await readLayout(car, { badIndex: 'report', signal })
    const [root] = layout.roots
    if (root === undefined || layout.roots.length > 1) throw new ImportError('IMPORT_BAD_CAR', `a CAR to import has exactly one root; got=${layout.roots.length}`)
    const sections = scanSections(car, layout, { signal, ...onProgress === undefined ? {} : { onProgress } })
    let blocks = 0
    while ((await sections.next()).done !== true) blocks++
    signal?.throwIfAborted()
    const id = await this.#begin()
    return this.#commit({
      id, root, source: 'import', filename: carPath, fingerprint, profile: undefined, carName: carPath, carOwner: 'user', blocks, carBytes: car.sizeBytes, fileBytes: undefined,
    }, source)
  }

  async find (source: ImportSource): Promise<ImportRecord | undefined> {
    return await this.#findBy(treeSource(source)) ?? this.#findBy(carSource(source.sourceLabel, source.fingerprint))
  }

  get (id: bigint): Promise<ImportRecord | undefined> {
    return this.#parts.table.get(id)
  }

  async * list (): AsyncGenerator<ImportRecord, void, undefined> {
    const damage: unknown[] = []
    for await (const [key, text] of this.#parts.table.texts()) {
      let record: ImportRecord
      try {
        record = decodeRecord(key, text)
      } catch (error) {
        damage.push(error)
        continue
      }
      yield record
    }
    if (damage.length > 0) throw new ImportError('IMPORT_BAD_RECORD', `damaged records of imports; count=${damage.length}`, { cause: new AggregateError(damage) })
  }

  remove (id: bigint): Promise<void> {
    return this.#inTurn(async () => {
      const { table } = this.#parts
      const record = await this.#readable(id)
      if (record === undefined) throw new ImportError('IMPORT_UNKNOWN', `no such import; id=${id}`)
      await table.drop(id, record === 'damaged' ? undefined : await this.#sourceOf(record))
      await this.clear(id)
    })
  }

  /** Remove the files of an id that has no record, if there are any; nothing of it is pending then. */
  async clear (id: bigint): Promise<void> {
    const { directory, table } = this.#parts
    for (const name of Object.values(namesOf(id))) await directory.remove(name)
    await table.end(id)
  }

  /** Make a record known. When another call was faster with the same source, its record is the answer and ours goes. */
  #commit (record: ImportRecord, source: string | undefined): Promise<ImportResult> {
    return this.#inTurn(async () => {
      const { table } = this.#parts
      const first = await this.#findBy(source)
      if (first !== undefined) {
        await this.clear(record.id)
        return { ...first, reused: true }
      }
      const replaced = source === undefined ? undefined : await table.idOf(source)
      await table.commit(record, source, replaced)
      // done for the caller; if this fails, the next opening tries again
      if (replaced !== undefined) await this.clear(replaced).catch(() => {})
      return { ...record, reused: false }
    })
  }

  async #findBy (source: string | undefined): Promise<ImportRecord | undefined> {
    const id = source === undefined ? undefined : await this.#parts.table.idOf(source)
    const record = id === undefined ? undefined : await this.#readable(id)
    if (record === undefined || record === 'damaged') return undefined
    if (record.carOwner === 'user') return record
    const stat = await this.#parts.directory.stat(record.carName)
    return stat?.kind === 'file' && stat.sizeBytes === record.carBytes ? record : undefined
  }

  async #readable (id: bigint): Promise<ImportRecord | 'damaged' | undefined> {
    try {
      return await this.#parts.table.get(id)
    } catch (error) {
      if (error instanceof ImportError && error.code === 'IMPORT_BAD_RECORD') return 'damaged'
      throw error
    }
  }

  /** The key under which this record, and no newer one, is found. */
  async #sourceOf ({ id, filename: sourceLabel, fingerprint, profile }: ImportRecord): Promise<string | undefined> {
    if (fingerprint === undefined) return undefined
    const candidates = profile === undefined
      ? [carSource(sourceLabel, fingerprint)]
      : LINK_POLICIES.map((links) => treeSource({ sourceLabel, fingerprint, profile, links }))
    for (const source of candidates) if (await this.#parts.table.idOf(source) === id) return source
    return undefined
  }

  /** A new id, noted. Nanoseconds since 1970 as Lotus has them, each higher than the last. */
  #begin (): Promise<bigint> {
    return this.#inTurn(async () => {
      const now = BigInt(Math.floor(this.#parts.clock.now())) * 1_000_000n
      const id = now > this.#lastId ? now : this.#lastId + 1n
      this.#lastId = id
      await this.#parts.table.begin(id)
      return id
    })
  }

  #inTurn<T> (work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => {}) // reported to the caller of this call
    return result
  }
}

const LINK_POLICIES = ['refuse', 'skip', 'keep'] as const

const namesOf = (id: bigint): { readonly partName: string, readonly scratchName: string, readonly carName: string } =>
  ({ partName: `${id}.part`, scratchName: `${id}.scratch`, carName: `${id}.car` })

const treeSource = ({ sourceLabel, fingerprint, profile = DEFAULT_PROFILE, links = 'refuse' }: ImportSource): string => JSON.stringify([sourceLabel, fingerprint, profile, links])

const carSource = (carPath: string, fingerprint: string): string => JSON.stringify([carPath, fingerprint, 'car'])
