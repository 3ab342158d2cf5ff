/**
 * The top-level index, written anew from the index files of the shards: each is published under a fresh number, which then
 * takes the place of the old one in its record. What is left to do is noted in the catalogue, so that a rebuild that is cut
 * off goes on at the next start, and readers know that shards are missing.
 */
import { CarV2Error, MULTIHASH_INDEX_SORTED, openIndex } from '@dagstore/carv2'
import { IndexRepoError } from '@dagstore/index-repo'
import { shardNumber } from '@dagstore/top-level-index'
import { abortable } from '../abortable.ts'
import type { ShardCatalogue } from '../catalogue/shard-catalogue.ts'
import { codeOf } from '../failure.ts'
import type { IndexGeneration } from '../machine/index.ts'
import { collect } from '../runner/collect.ts'
import { multihashesOf } from '../runner/multihashes.ts'
import { type BulkOptions, type BulkParts, type BulkProgress, isFatal, leaving, listed } from './parts.ts'


/** A rebuild that is under way. */
export interface RebuildNote {
  /** Shards up to this key are done. */
  readonly after: string | undefined
  /** Shards that are not done, about. */
  readonly left: number
  /** Indices of this number and later ones were published since it began. */
  readonly from: number
}

export interface RebuildReport {
  /** Published anew. */
  readonly shards: number
  readonly entries: number
  /** Their index files are lost or damaged; they are indexed again by whoever acquires them next. */
  readonly failures: readonly { readonly key: string, readonly error: unknown }[]
}

const NOTE = 'rebuild'
const CONCURRENCY = 4
/** Shards between two notes. */
const STEP = 64

/** @throws {DagstoreError} `DAGSTORE_STORAGE_FAILED` */
export const readRebuildNote = async (catalogue: ShardCatalogue): Promise<RebuildNote | undefined> => {
  const bytes = await catalogue.note(NOTE)
  if (bytes === undefined) return undefined
  try {
    const { after, left, from } = JSON.parse(new TextDecoder().decode(bytes)) as { after?: unknown, left?: unknown, from?: unknown }
    if ((after === undefined || typeof after === 'string') && typeof left === 'number' && typeof from === 'number') return { after, left, from }
  } catch {
    // not what we write: begun, and nothing known of it
  }
  return { after: undefined, left: 1, from: 0 }
}

/** All shards have to be published anew: by whoever opens the store next. Durable on return. */
export const noteRebuild = (catalogue: ShardCatalogue): Promise<void> =>
  writeNote(catalogue, { after: undefined, left: 1, from: catalogue.takeNumber() })

const writeNote = (catalogue: ShardCatalogue, note: RebuildNote | undefined): Promise<void> =>
  catalogue.setNote(NOTE, note === undefined ? undefined : new TextEncoder().encode(JSON.stringify(note)))

export class Rebuild {
  readonly #bulk: BulkParts
  #note: RebuildNote | undefined
  #running: Promise<RebuildReport> | undefined
  readonly #listeners: Set<(progress: BulkProgress) => void> = new Set()

  /** @param note - what an earlier process left */
  constructor (bulk: BulkParts, note: RebuildNote | undefined) {
    this.#bulk = bulk
    this.#note = note
  }

  /** Shards whose blocks may be missing in the top-level index for now. */
  get unlisted (): number { return this.#note === undefined ? 0 : Math.max(1, this.#note.left) }

  /** Finish what an earlier process began. */
  async goOn (): Promise<void> {
    if (this.#note === undefined) return
    try {
      await this.#join()
    } catch (error) {
      if (!this.#bulk.closing.aborted) this.#bulk.parts.emit({ type: 'postponed', key: undefined, error })
    }
  }

  async run ({ signal, onProgress }: BulkOptions): Promise<RebuildReport> {
    const leave = leaving(this.#bulk, signal)
    leave.throwIfAborted()
    if (onProgress !== undefined) this.#listeners.add(onProgress)
    try {
      return await abortable(this.#join(), leave)
    } finally {
      if (onProgress !== undefined) this.#listeners.delete(onProgress)
    }
  }

  #join (): Promise<RebuildReport> {
    if (this.#running === undefined) {
      const running = this.#rebuild().finally(() => { this.#running = undefined })
      this.#running = running
      this.#bulk.parts.tasks.add(running.then(() => {}))
    }
    return this.#running
  }

  async #rebuild (): Promise<RebuildReport> {
    const { catalogue } = this.#bulk.parts
    const { closing } = this.#bulk
    if (this.#note === undefined) {
      const from = catalogue.takeNumber()
      // nothing that is published from here on is missing, and from here on readers are told of the rest
      this.#note = { after: undefined, left: 1, from }
      try {
        await this.#save({ after: undefined, left: await this.#count(from), from })
      } catch (error) {
        this.#note = undefined
        throw error
      }
    }
    const { after, from, left: total } = this.#note
    const failures: RebuildReport['failures'][number][] = []
    let shards = 0
    let entries = 0
    let group: string[] = []
    const flush = async (): Promise<void> => {
      const last = group.at(-1)
      if (last === undefined) return
      const queue = [...group]
      const work = async (): Promise<void> => {
        for (let key = queue.shift(); key !== undefined; key = queue.shift()) {
          const published = await this.#republish(key, from)
          if (published === undefined) continue
          if ('error' in published) failures.push(published)
          else {
            shards++
            entries += published.entries
          }
        }
      }
      // all of them end before anything is said about one
      const ends = await Promise.allSettled(Array.from({ length: CONCURRENCY }, work))
      const bad = ends.find((end) => end.status === 'rejected')
      if (bad !== undefined) throw bad.reason
      const left = Math.max(0, (this.#note?.left ?? 0) - group.length)
      await this.#save({ after: last, left, from })
      group = []
      const progress = { done: Math.max(0, total - left), failed: failures.length, total }
      for (const listener of this.#listeners) listener(progress)
    }
    for await (const { key, record } of listed(this.#bulk, undefined, closing, after)) {
      if (record.index === undefined || record.destroying || record.index.shardNumber >= from) continue
      group.push(key)
      if (group.length === STEP) await flush()
    }
    await flush()
    await this.#save(undefined)
    return { shards, entries, failures }
  }

  async #save (note: RebuildNote | undefined): Promise<void> {
    await writeNote(this.#bulk.parts.catalogue, note)
    this.#note = note
  }

  async #count (from: number): Promise<number> {
    let count = 0
    for await (const { record } of listed(this.#bulk, undefined, this.#bulk.closing)) if (!record.destroying && record.index !== undefined && record.index.shardNumber < from) count++
    return count
  }

  /** `undefined`: there is nothing to publish, or it is done already. @throws what stops the rebuild */
  async #republish (key: string, from: number): Promise<{ readonly entries: number } | { readonly key: string, readonly error: unknown } | undefined> {
    const { parts, runners, closing } = this.#bulk
    for (;;) {
      closing.throwIfAborted()
      const stored = await parts.catalogue.get(key)
      const index = stored?.record.index
      if (index === undefined || stored?.record.destroying === true || index.shardNumber >= from) return undefined
      const number = parts.catalogue.takeNumber()
      let entries: number
      try {
        entries = await this.#publish(key, index.generation, number)
      } catch (error) {
        if (isFatal(error, closing) || !isOfIndex(error)) throw error
        // it lies in the source for now, and was never published
        if (index.foreign === true && codeOf(error) === 'INDEX_MISSING') return undefined
        if ((await parts.catalogue.get(key))?.record.index?.generation !== index.generation) continue
        await this.#giveUp(key, index)
        return { key, error }
      }
      const done = await runners.visit(key, async ({ stored: now, commit }) => {
        const record = now?.record
        if (record?.index?.generation !== index.generation || record.index.shardNumber !== index.shardNumber) return false
        // a generation that no file has: what goes with it is the old number alone
        const generation = record.indexGeneration + 1
        await commit({
          record: { ...record, indexGeneration: generation, index: { ...record.index, shardNumber: number } },
          garbage: [{ kind: 'index', generation, shardNumber: index.shardNumber }],
        })
        return true
      })
      if (done) {
        await collect(parts, key)
        return { entries }
      }
      await parts.top.retire(shardNumber(number))
    }
  }

  async #publish (key: string, generation: number, number: number): Promise<number> {
    const { repo, top, pages } = this.#bulk.parts
    const signal = this.#bulk.closing
    await using view = await openIndex(await repo.open(key, generation, { signal }), { pages, owns: true, signal })
    const { entryCount } = await top.publish(shardNumber(number), view.facts.codec === MULTIHASH_INDEX_SORTED ? multihashesOf(view, { signal }) : [], { signal })
    return entryCount
  }

  /** Nothing can be published for it; it counts as a shard without an index from now on, and is indexed when it is needed. */
  async #giveUp (key: string, index: IndexGeneration): Promise<void> {
    const { parts, runners } = this.#bulk
    const given = await runners.visit(key, async ({ stored, resting, commit }) => {
      const record = stored?.record
      if (!resting || record?.index?.generation !== index.generation) return false
      await commit({
        record: { ...record, health: record.health === 'available' ? 'new' : record.health, index: undefined },
        garbage: [{ kind: 'index', ...index }],
      })
      return true
    })
    if (given) await collect(parts, key)
    else runners.spoil(key)
  }
}

/** What is wrong with the file of one index, not with the storage. */
const isOfIndex = (error: unknown): boolean =>
  error instanceof CarV2Error || (error instanceof IndexRepoError && error.code === 'INDEX_MISSING') || codeOf(error) === 'IO_TRUNCATED' || error instanceof TypeError
