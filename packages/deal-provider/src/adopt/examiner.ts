/** What is known of a record of a Go DAG store before anything is changed: its shard here, its index, its transient. */
import type { Dagstore, LotusState, ShardInfo } from '@dagstore/dagstore'
import { type Awaitable, type ByteSource, type Directory, IoError } from '@dagstore/io'
import { failureText } from '../failure-text.ts'
import { codeOf } from '../failure.ts'
import type { GoRecord } from './go-records.ts'
import { checkIndex, type IndexVerdict, isCar } from './index-check.ts'

export const INDEX = 'index'
const TRANSIENTS = 'transients'

/** States in which the Go store has an index, or takes one for its own when it starts. */
const WITH_INDEX: ReadonlySet<LotusState | undefined> = new Set(['ShardStateInitializing', 'ShardStateAvailable', 'ShardStateServing'])

/** A record, and what was found out before anything is changed. */
export interface Found {
  readonly record: GoRecord
  readonly info: ShardInfo | undefined
  readonly index: IndexVerdict | undefined
  /** Path of the transient that is to be read. */
  readonly copy: string | undefined
  /** Somebody has begun with the shard: whatever the record has of it stays as it is. */
  readonly isUnderway: boolean
  readonly notes: string[]
}

export interface ExaminerParts {
  readonly folder: Directory
  readonly dagstore: Pick<Dagstore, 'shard'>
  readonly transientPath?: ((name: string) => Awaitable<string | undefined>) | undefined
  readonly signal?: AbortSignal | undefined
}

/** Only looks. */
export class Examiner {
  readonly #parts: ExaminerParts
  readonly #indices: Directory
  readonly #transients: Directory

  constructor (parts: ExaminerParts) {
    this.#parts = parts
    this.#indices = parts.folder.child(INDEX)
    this.#transients = parts.folder.child(TRANSIENTS)
  }

  /** Nothing stays open. What concerns one file alone becomes a note. @throws what the store throws */
  async look (record: GoRecord): Promise<Found> {
    const { dagstore, signal } = this.#parts
    signal?.throwIfAborted()
    const notes: string[] = []
    const { key, state } = record
    const info = await dagstore.shard(key, { signal }).catch((error: unknown) => {
      // the registration says so again
      if (codeOf(error) === 'DAGSTORE_BAD_KEY') return undefined
      throw error
    })
    const isUnderway = info !== undefined && (info.health !== 'new' || info.destroying || info.dataGeneration > 0)
    const nothing = { record, info, index: undefined, copy: undefined, isUnderway, notes }
    if (info !== undefined && (info.health !== 'new' || info.destroying)) return nothing
    if (state === undefined) notes.push('its state is unknown: taken as new')
    if (state === 'ShardStateErrored') return nothing
    const name = `${key}.full.idx`
    const copy = state === 'ShardStateRecovering' ? undefined : await this.#openCopy(record, isUnderway, notes)
    try {
      const wanted = WITH_INDEX.has(state)
      if (!wanted) return { ...nothing, copy: copy?.path }
      const index = isFileName(name) ? await this.#check(name, copy?.source) : { is: 'missing' } as const
      if (index.is !== 'contradicted') return { ...nothing, index, copy: copy?.path }
      notes.push('its index and its transient contradict each other: neither is taken')
      return { ...nothing, index, copy: undefined }
    } finally {
      await copy?.source.close()
    }
  }

  async #check (name: string, data: ByteSource | undefined): Promise<IndexVerdict> {
    const { signal } = this.#parts
    try {
      return await checkIndex(this.#indices, name, data, { signal })
    } catch (error) {
      signal?.throwIfAborted()
      // one file that cannot be read costs its index, not the whole
      if (error instanceof IoError) return { is: 'damaged', reason: `${error.code}: ${error.message}` }
      throw error
    }
  }

  /** The transient that the record names, if it lies in the folder and is a CAR. */
  async #openCopy ({ transient }: GoRecord, isUnderway: boolean, notes: string[]): Promise<{ readonly path: string, readonly source: ByteSource } | undefined> {
    const { signal, transientPath } = this.#parts
    if (transient === undefined || transientPath === undefined || isUnderway) return undefined
    const name = nameInTransients(transient)
    const path = name === undefined ? undefined : await transientPath(name)
    if (name === undefined || path === undefined) {
      notes.push('its transient lies outside of the folder: not read')
      return undefined
    }
    let source: ByteSource
    try {
      source = await this.#transients.openSource(name, { signal })
    } catch (error) {
      signal?.throwIfAborted()
      notes.push(`its transient cannot be read: ${failureText(error)}`)
      return undefined
    }
    let isTaken = false
    try {
      isTaken = await isCar(source, { signal })
      if (!isTaken) notes.push('its transient is no CAR: not read')
    } catch (error) {
      signal?.throwIfAborted()
      notes.push(`its transient cannot be read: ${failureText(error)}`)
    } finally {
      if (!isTaken) await source.close()
    }
    return isTaken ? { path, source } : undefined
  }
}

/** A name of one file directly in a folder. */
const isFileName = (name: string): boolean => {
  // eslint-disable-next-line no-control-regex -- a name with control characters is what is refused
  return !/[/\\\u0000-\u001f]/u.test(name) && new TextEncoder().encode(name).byteLength <= 255
}

/** The name of a file in the folder of transients, wherever that was; `undefined`: it was elsewhere. */
const nameInTransients = (path: string): string | undefined => {
  const [folder, name = ''] = path.split(/[/\\]/u).slice(-2)
  return folder === TRANSIENTS && isFileName(name) && name !== '' && name !== '.' && name !== '..' ? name : undefined
}
