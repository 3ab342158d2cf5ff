/**
 * Deals of another system as shards: each piece with a deal that sealing has is registered lazily under its piece CID, and its
 * copies are noted in the piece store, so that it can be read. No data are read, and nothing changes where the deals come from.
 *
 * Source: lotus markets/dagstore/wrapper.go `MigrateDeals`. Stricter: further deals of a piece are counted, what failed is told
 * and tried again, and the migration is complete only when nothing has failed.
 */
import type { Dagstore, RegisterOutcome } from '@dagstore/dagstore'
import type { AnyLevel, Awaitable } from '@dagstore/io'
import type { PieceCopy, PieceDeal, PieceDealReader, PieceStore } from '@dagstore/piece-store'
import { failureText } from '../failure-text.ts'
import { type FirstDeal, type Journal, JournalRows, openJournal } from './journal.ts'
import { pieceGroups, type PieceGroupItem } from './piece-groups.ts'
import type { DealOutcome, ReportLine } from './report-line.ts'
import { type OnReport, ReportQueue } from '../report-queue.ts'
import { SeenPieces } from './seen-pieces.ts'
import { type EarlierDeal, type SettledDeal, settlePiece, type ShardFact } from './settle-piece.ts'

/** Every deal counts once: `deals` is the sum of the five outcomes. */
export interface MigrationCounts extends Readonly<Record<DealOutcome, number>> {
  readonly deals: number
  /** Rows that the reader could not use. */
  readonly problems: number
}

export interface MigrationResult extends MigrationCounts {
  /** The marker is there: nothing failed, and there were no problems. */
  readonly complete: boolean
}

export interface MigrateDealsOptions {
  /** Stays the caller's. Its name is that of the marker. */
  readonly reader: Pick<PieceDealReader, 'name' | 'list' | 'isWithSealing'>
  readonly dagstore: Pick<Dagstore, 'registerMany' | 'shard'>
  /** Told where the copies are. */
  readonly pieces: Pick<PieceStore, 'addMany'>
  /** The store's; the journal is the sublevel `migration`. */
  readonly db: AnyLevel
  /** Only look: nothing is written. Pieces are remembered in memory, 32 bytes for each at most. @default false */
  readonly dryRun?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** After each group of deals, a thousand or so. */
  readonly onProgress?: ((counts: MigrationCounts) => void) | undefined
  /** Told of every deal, once what it says is durable, and of every problem. The next lines wait for it. */
  readonly onReport?: OnReport<ReportLine> | undefined
  /** Waited for before the marker is written, once all was told: what has to last by then, as a report does. Not called by a dry run. */
  readonly beforeMarker?: (() => Awaitable<void>) | undefined
}

/** Whether a migration by this reader has ended without a failure. @param db - of the store */
export const isMigrated = (db: AnyLevel, reader: string): Promise<boolean> => openJournal(db).isComplete(reader)

/**
 * Take over all deals of `reader`. What is done is written down as it goes: a run that was cut off is repeated, goes over what
 * was done without doing it again, and a run after the last one changes nothing.
 *
 * @throws {PieceStoreError} `PIECE_STORE_FAILED`: of the reader or the piece store
 * @throws {DagstoreError} `DAGSTORE_STORAGE_FAILED`, `DAGSTORE_CLOSED`. What was told as done stays done
 */
export const migrateDeals = (options: MigrateDealsOptions): Promise<MigrationResult> => new Migration(options).run()

/** A piece with deals that sealing has. */
interface Planned {
  readonly item: PieceGroupItem
  readonly deals: readonly PieceDeal[]
  /** As the journal had it before. */
  readonly first: FirstDeal | undefined
}

type Answer = RegisterOutcome | { readonly ok: true, readonly added: boolean }

/** As many as `registerMany` writes at once. */
const AT_ONCE = 256

class Migration {
  readonly #options: MigrateDealsOptions
  readonly #journal: Journal
  readonly #report: ReportQueue<ReportLine>
  readonly #seen: SeenPieces = new SeenPieces()
  readonly #counts: Record<DealOutcome, number> = { registered: 0, already: 0, merged: 0, skipped: 0, failed: 0 }
  #problems = 0

  constructor (options: MigrateDealsOptions) {
    this.#options = options
    this.#journal = openJournal(options.db)
    this.#report = new ReportQueue(options.onReport)
  }

  async run (): Promise<MigrationResult> {
    const { reader, signal, dryRun = false, onProgress } = this.#options
    signal?.throwIfAborted()
    const isFirstRun = await this.#journal.isEmpty()
    const listed = reader.list({
      signal,
      onProblem: (problem) => {
        this.#problems++
        this.#report.push(problem)
      },
    })
    /** The end of the group before, which goes on while the next one is registered. */
    let ending: Promise<void> = Promise.resolve()
    try {
      for await (const group of pieceGroups(listed)) {
        signal?.throwIfAborted()
        const planned = await this.#plan(group, isFirstRun)
        const answers = await (dryRun ? this.#look(planned) : this.#register(planned))
        await ending
        ending = this.#end(planned, answers).then(() => { onProgress?.(this.#soFar()) })
        ending.catch(() => {}) // whoever waits for it gets it
      }
      await ending
    } finally {
      // what has begun ends before anybody is told of a failure
      await ending.catch(() => {})
      await this.#report.flush().catch(() => {})
    }
    await this.#report.flush()
    return { ...this.#soFar(), complete: await this.#mark() }
  }

  #soFar (): MigrationCounts {
    const { registered, already, merged, skipped, failed } = this.#counts
    return { deals: registered + already + merged + skipped + failed, registered, already, merged, skipped, failed, problems: this.#problems }
  }

  /** @param isFirstRun - the journal had nothing at its beginning: it is asked only of pieces that turn out to have a shard */
  async #plan (group: readonly PieceGroupItem[], isFirstRun: boolean): Promise<readonly Planned[]> {
    const { reader } = this.#options
    const firsts = isFirstRun ? [] : await this.#journal.firstDeals(group.map(({ key }) => key))
    return group.flatMap((item, at) => {
      const deals = item.deals.filter((deal) => {
        const taken = reader.isWithSealing(deal)
        if (!taken) this.#tell(item, { deal, outcome: 'skipped', reason: skippedReason(deal) })
        return taken
      })
      return deals.length === 0 ? [] : [{ item, deals, first: firsts[at] }]
    })
  }

  /** What registering would answer. */
  async #look (planned: readonly Planned[]): Promise<ReadonlyMap<string, Answer>> {
    const { dagstore, signal } = this.#options
    const answers = new Map<string, Answer>()
    await Promise.all(planned.map(async ({ item: { key }, first }) => {
      if (first === undefined) answers.set(key, { ok: true, added: await dagstore.shard(key, { signal }) === undefined })
    }))
    return answers
  }

  async #register (planned: readonly Planned[]): Promise<ReadonlyMap<string, Answer>> {
    const { dagstore, signal } = this.#options
    const items = planned.flatMap(({ item: { key }, first }) => first === undefined ? [{ key, mountUrl: `lotus://${key}` }] : [])
    const answers = new Map<string, Answer>()
    // several at a time: while one is being synced, the next ones come together in one write
    const parts = Array.from({ length: Math.ceil(items.length / AT_ONCE) }, (_, at) => items.slice(at * AT_ONCE, (at + 1) * AT_ONCE))
    const ends = await Promise.allSettled(parts.map(async (part) => {
      for await (const outcome of dagstore.registerMany(part, { signal })) answers.set(outcome.key, outcome)
    }))
    for (const end of ends) if (end.status === 'rejected') throw end.reason
    return answers
  }

  /** Note and tell what became of a group. */
  async #end (planned: readonly Planned[], answers: ReadonlyMap<string, Answer>): Promise<void> {
    const firsts = await this.#firstsOf(planned, answers)
    const further = planned.flatMap(({ item: { key }, deals }) => {
      const first = firsts.get(key)
      return first === undefined ? [] : deals.filter(({ dealId }) => dealId !== first.dealId).map(({ dealId }) => ({ piece: key, dealId }))
    })
    const places = further.length === 0 ? [] : await this.#journal.furtherPlaces(further)
    const before = new Map(further.map(({ piece, dealId }, at) => [`${piece}/${dealId}`, places[at]]))
    const settled: { readonly item: PieceGroupItem, readonly of: SettledDeal }[] = []
    for (const { item, deals } of planned) {
      const fact = await this.#factOf(item, answers.get(item.key))
      const first = firsts.get(item.key)
      for (const of of settlePiece(deals, fact, first, ({ dealId }) => before.get(`${item.key}/${dealId}`))) settled.push({ item, of })
    }
    const refused = this.#options.dryRun === true ? new Map<SettledDeal, string>() : await this.#notePlaces(settled)
    const rows = new JournalRows()
    for (const { item, of } of settled) {
      if (of.row === undefined || refused.has(of)) continue
      if (of.row.as === 'first') rows.first(item.key, { dealId: of.deal.dealId, place: of.row.place })
      else rows.further(item.key, of.deal.dealId, of.row.place)
    }
    if (this.#options.dryRun !== true) await this.#journal.write(rows)
    for (const { item, of } of settled) this.#tell(item, refused.has(of) ? { ...of, outcome: 'failed', reason: refused.get(of) } : of)
    await this.#report.flush()
  }

  /** What the journal says of pieces: beforehand, or because a group before this one has had them. */
  async #firstsOf (planned: readonly Planned[], answers: ReadonlyMap<string, Answer>): Promise<ReadonlyMap<string, EarlierDeal>> {
    const firsts = new Map<string, EarlierDeal>()
    const late: string[] = []
    for (const { item: { key }, first } of planned) {
      const answer = answers.get(key)
      if (first !== undefined) firsts.set(key, first)
      else if (this.#options.dryRun === true) {
        // not written down anywhere
        if (this.#seen.add(key)) firsts.set(key, { dealId: undefined, place: '' })
      } else if (answer?.ok === true && !answer.added) late.push(key)
    }
    if (late.length > 0) {
      const found = await this.#journal.firstDeals(late)
      late.forEach((key, at) => {
        const first = found[at]
        if (first !== undefined) firsts.set(key, first)
      })
    }
    return firsts
  }

  async #factOf ({ key }: PieceGroupItem, answer: Answer | undefined): Promise<ShardFact> {
    if (answer === undefined) return { is: 'there' }
    if (answer.ok) return { is: answer.added ? 'added' : 'there' }
    const { error } = answer
    if (!(error instanceof Error && 'code' in error && error.code === 'DAGSTORE_SHARD_EXISTS')) return { is: 'refused', reason: failureText(error) }
    const info = await this.#options.dagstore.shard(key)
    return { is: 'there', note: `its shard has another mount: ${info?.mountUrl ?? 'unknown'}` }
  }

  /** @returns deals whose place cannot be one, with why */
  async #notePlaces (settled: readonly { readonly item: PieceGroupItem, readonly of: SettledDeal }[]): Promise<ReadonlyMap<SettledDeal, string>> {
    const { pieces } = this.#options
    const refused = new Map<SettledDeal, string>()
    const fresh = settled.filter(({ of }) => of.isNewPlace)
    if (fresh.length === 0) return refused
    try {
      await pieces.addMany(fresh.map(copyOf))
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      // one of them is at fault; the others are none the worse for it
      for (const one of fresh) {
        try {
          await pieces.addMany([copyOf(one)])
        } catch (own) {
          if (!(own instanceof RangeError)) throw own
          refused.set(one.of, failureText(own))
        }
      }
    }
    return refused
  }

  /** Complete when nothing has failed; a marker of an earlier run does not outlive a failure. */
  async #mark (): Promise<boolean> {
    const { reader: { name }, dryRun = false } = this.#options
    const before = await this.#journal.isComplete(name)
    if (dryRun) return before
    const complete = this.#counts.failed === 0 && this.#problems === 0
    if (complete) await this.#options.beforeMarker?.()
    if (before !== complete) await this.#journal.setComplete(name, complete)
    return complete
  }

  #tell ({ key }: PieceGroupItem, { deal, outcome, reason }: Pick<SettledDeal, 'deal' | 'outcome' | 'reason'>): void {
    this.#counts[outcome]++
    this.#report.push({ deal: deal.dealId, piece: key, miner: deal.miner, sector: deal.sector, outcome, reason })
  }
}

const skippedReason = ({ state, sector }: PieceDeal): string =>
  `${state === undefined ? 'sealing does not have it' : `state ${state}`}${sector === undefined ? ', in no sector' : ''}`

const copyOf = ({ item: { piece }, of: { deal } }: { readonly item: PieceGroupItem, readonly of: SettledDeal }): PieceCopy => ({
  piece,
  location: { miner: deal.miner, sector: deal.sector ?? 0n, offsetPadded: deal.offsetPadded, lengthPadded: deal.lengthPadded, payloadBytes: deal.rawSize },
})
