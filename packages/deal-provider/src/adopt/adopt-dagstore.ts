/**
 * The folder of a Go DAG store, as Lotus had it, taken over: its records become shards of ours, their indices are copied and used
 * at once, their transients are read where they are. The folder is only read.
 *
 *     datastore/                        LevelDB, read by way of a copy; rows /dagstore/<key>
 *     index/<key>.full.idx, .version    one index per shard
 *     transients/                       local copies of sources
 *     .shard-registration-complete      Lotus has migrated its deals, or so it says
 *
 * Source: lotus markets/dagstore/wrapper.go; dagstore `shard_persist.go`, `dagstore.go` `restoreState`, `index/repo_fs.go`.
 * Stricter: nothing is believed unseen, and what is refused is told.
 */
import type { Dagstore, RegisterItem, RegisterOutcome } from '@dagstore/dagstore'
import { type AnyLevel, type Awaitable, type Clock, type Directory, systemClock } from '@dagstore/io'
import { failureText } from '../failure-text.ts'
import { ReportQueue } from '../report-queue.ts'
import type { AdoptLine, AdoptReportLine } from './adopt-line.ts'
import { Examiner, type Found, INDEX } from './examiner.ts'
import { type BadRecord, type GoRecord, goRecords } from './go-records.ts'
import type { IndexVerdict } from './index-check.ts'

/** Every record counts once: `records` is the sum of `registered`, `already` and `failed`. */
export interface AdoptCounts {
  readonly records: number
  readonly registered: number
  readonly already: number
  readonly failed: number
  /** Rows that are no records. */
  readonly problems: number
  /** Indices that are used at once. */
  readonly indices: number
  readonly missingIndices: number
  readonly damagedIndices: number
  /** Transients that are read where they are. */
  readonly borrowed: number
}

export interface AdoptResult extends AdoptCounts {
  /** Whether Lotus has left its marker: it does so too when registrations have failed, so nothing follows from it. */
  readonly markedByLotus: boolean
}

export interface AdoptDagstoreOptions {
  /** The folder; only read. */
  readonly folder: Directory
  /** Its database, or a copy of that, open; only read. */
  readonly records: AnyLevel
  readonly dagstore: Pick<Dagstore, 'registerMany' | 'shard' | 'adoptIndices'>
  /**
   * Where a file of `transients/` lies, in the words of the store's port for local files; `undefined`: it is not to be read.
   *
   * @default transients are left
   */
  readonly transientPath?: ((name: string) => Awaitable<string | undefined>) | undefined
  /** Only look: nothing is written. @default false */
  readonly dryRun?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** @default systemClock */
  readonly clock?: Clock | undefined
  /** After each group of some hundred records. */
  readonly onProgress?: ((counts: AdoptCounts) => void) | undefined
  /** Told of every record, once what it says is durable, and of every problem. The next lines wait for it. */
  readonly onReport?: ((lines: readonly AdoptReportLine[]) => Awaitable<void>) | undefined
}

const GROUP = 256
const MARKER = '.shard-registration-complete'

/**
 * Take over all shards of a folder. Repeating it goes on where it was cut off, and changes nothing once it is done: a shard that
 * has become more than new is left as it is.
 *
 * @throws {DagstoreError} `DAGSTORE_BAD_FORMAT`: its indices are of another version. `DAGSTORE_STORAGE_FAILED`, `DAGSTORE_CLOSED`
 * @throws {IoError} the folder cannot be read. What the database throws passes through
 */
export const adoptDagstore = (options: AdoptDagstoreOptions): Promise<AdoptResult> => new Adoption(options).run()

type IndexFate = 'adopted' | Exclude<IndexVerdict, { readonly is: 'well' }>

class Adoption {
  readonly #options: AdoptDagstoreOptions
  readonly #indices: Directory
  readonly #examiner: Examiner
  readonly #report: ReportQueue<AdoptReportLine>
  readonly #counts: Record<Exclude<keyof AdoptCounts, 'records'>, number> =
    { registered: 0, already: 0, failed: 0, problems: 0, indices: 0, missingIndices: 0, damagedIndices: 0, borrowed: 0 }

  constructor (options: AdoptDagstoreOptions) {
    this.#options = options
    this.#indices = options.folder.child(INDEX)
    this.#examiner = new Examiner(options)
    this.#report = new ReportQueue(options.onReport)
  }

  async run (): Promise<AdoptResult> {
    const { folder, records, dagstore, signal, onProgress } = this.#options
    signal?.throwIfAborted()
    // looks at the version alone
    for await (const _ of dagstore.adoptIndices(this.#indices, { keys: [], signal })) { /* there are none */ }
    const markedByLotus = await folder.stat(MARKER) !== undefined
    let group: GoRecord[] = []
    const end = async (): Promise<void> => {
      await this.#take(group)
      group = []
      await this.#report.flush()
      onProgress?.(this.#soFar())
    }
    try {
      for await (const found of goRecords(records, { signal })) {
        if ('problem' in found) this.#problem(found)
        else group.push(found)
        if (group.length === GROUP) await end()
      }
    } catch (error) {
      await this.#report.flush().catch(() => {}) // the first failure is the one to tell
      throw error
    }
    await end()
    return { ...this.#soFar(), markedByLotus }
  }

  #soFar (): AdoptCounts {
    const { registered, already, failed } = this.#counts
    return { records: registered + already + failed, ...this.#counts }
  }

  #problem (problem: BadRecord): void {
    this.#counts.problems++
    this.#report.push(problem)
  }

  async #take (records: readonly GoRecord[]): Promise<void> {
    const { dryRun = false } = this.#options
    const found: Found[] = []
    for (const record of records) found.push(await this.#examiner.look(record))
    if (dryRun) {
      for (const one of found) this.#tell(one, one.info === undefined ? 'registered' : 'already', one.index?.is === 'well' ? 'adopted' : one.index)
      return
    }
    const { outcomes, withoutCopy } = await this.#register(found)
    const fates = await this.#adopt(found.filter(({ index }, at) => index?.is === 'well' && outcomes[at]?.ok === true))
    found.forEach((one, at) => {
      const outcome = outcomes[at] as RegisterOutcome
      if (!outcome.ok) one.notes.push(failureText(outcome.error))
      const told = withoutCopy.has(one) ? { ...one, copy: undefined } : one
      this.#tell(told, !outcome.ok ? 'failed' : outcome.added ? 'registered' : 'already', one.index?.is === 'well' ? fates.get(one.record.key) : one.index)
    })
  }

  /** One outcome for each, in order; and those whose transient could not be taken. */
  async #register (found: readonly Found[]): Promise<{ readonly outcomes: readonly RegisterOutcome[], readonly withoutCopy: ReadonlySet<Found> }> {
    const { dagstore, signal, clock = systemClock } = this.#options
    const at = new Date(clock.now()).toISOString()
    const items = found.map(({ record: { key, mountUrl, state, error }, copy }): RegisterItem => ({
      key,
      mountUrl,
      ...(copy === undefined ? {} : { localCopy: { path: copy, mode: 'borrow' } }),
      ...(state === 'ShardStateErrored' ? { failedBefore: { message: error === '' ? 'errored, and the record does not say why' : error, at } } : {}),
    }))
    const outcomes: RegisterOutcome[] = []
    for await (const outcome of dagstore.registerMany(items, { signal })) outcomes.push(outcome)
    const withoutCopy = new Set<Found>()
    for (const [which, outcome] of outcomes.entries()) {
      const one = found[which] as Found
      const { notes, info, record: { key, mountUrl }, copy } = one
      if (outcome.ok || copy === undefined) continue
      for await (const without of dagstore.registerMany([{ key, mountUrl }], { signal })) {
        if (!without.ok) continue
        // the copy alone is at fault; the mount has the same bytes
        notes.push(`its transient was not taken: ${failureText(outcome.error)}`)
        withoutCopy.add(one)
        outcomes[which] = { ...without, added: info === undefined }
      }
    }
    return { outcomes, withoutCopy }
  }

  /** What became of the index of each; none of one that has got its own meanwhile. */
  async #adopt (found: readonly Found[]): Promise<ReadonlyMap<string, IndexFate>> {
    const { dagstore, signal } = this.#options
    const fates = new Map<string, IndexFate>()
    for await (const outcome of dagstore.adoptIndices(this.#indices, { keys: found.map(({ record: { key } }) => key), signal })) {
      if (!outcome.ok) fates.set(outcome.key, { is: 'damaged', reason: failureText(outcome.error) })
      else if (outcome.adopted) fates.set(outcome.key, 'adopted')
    }
    return fates
  }

  #tell ({ record: { key, state, transient }, copy, isUnderway, notes }: Found, outcome: AdoptLine['outcome'], fate: IndexFate | undefined): void {
    const counts = this.#counts
    const index = fate === undefined ? 'none' : fate === 'adopted' ? fate : fate.is === 'missing' ? 'missing' : 'damaged'
    if (fate !== undefined && fate !== 'adopted' && fate.is !== 'missing') notes.push(`its index is not used: ${fate.reason}`)
    const borrowed = copy !== undefined && outcome !== 'failed'
    counts[outcome]++
    if (index === 'adopted') counts.indices++
    if (index === 'missing') counts.missingIndices++
    if (index === 'damaged') counts.damagedIndices++
    if (borrowed) counts.borrowed++
    this.#report.push({
      key, state, outcome, index, copy: borrowed ? 'borrowed' : transient === undefined || isUnderway ? 'none' : 'left', reason: notes.length === 0 ? undefined : notes.join('; '),
    })
  }
}
