/**
 * What migrations have done, in the sublevel `migration` of the store's database; keys and values are text.
 *
 *     'p' piece                     place LF deal     the first deal of a piece: its shard is registered
 *     'd' piece '/' deal            place             a further deal of it
 *     'm' name of a reader          '1'               a migration from there has ended, and nothing failed
 *
 * A place is `miner sector offset length` or `miner sector offset length payload` in decimal numbers, or nothing while the deal
 * is in no sector: what the piece store was told. Rows are written when what they say is durable, and may be lost themselves:
 * the next run then finds the shard, and writes them again. Described with an example in docs/formats/migration.md.
 */
import type { AnyLevel, CallOptions } from '@dagstore/io'
import type { PieceDeal } from '@dagstore/piece-store'
import type { AbstractLevel } from 'abstract-level'

/** What is known of the first deal of a piece. */
export interface FirstDeal { readonly dealId: string, readonly place: string }

export interface Journal {
  /** Whether a run before this one has left anything. */
  isEmpty(): Promise<boolean>
  /** One answer per piece, in order. */
  firstDeals(pieces: readonly string[]): Promise<readonly (FirstDeal | undefined)[]>
  /** All deals of the piece with the places that they had: the first one, then the others by name. */
  dealsOf(piece: string, options?: CallOptions): AsyncIterable<FirstDeal>
  /** The place that each further deal had; one answer each, in order. */
  furtherPlaces(deals: readonly { readonly piece: string, readonly dealId: string }[]): Promise<readonly (string | undefined)[]>
  /** Not synced: a run that loses rows does no harm. */
  write(rows: JournalRows): Promise<void>
  isComplete(reader: string): Promise<boolean>
  /** Durable on return. */
  setComplete(reader: string, complete: boolean): Promise<void>
}

/** Rows to write, in order. */
export class JournalRows {
  readonly rows: (readonly [string, string])[] = []

  first (piece: string, { dealId, place }: FirstDeal): void { this.rows.push([firstRow(piece), `${place}\n${dealId}`]) }
  further (piece: string, dealId: string, place: string): void { this.rows.push([furtherRow(piece, dealId), place]) }
}

const firstRow = (piece: string): string => `p${piece}`
const furtherRow = (piece: string, dealId: string): string => `d${piece}/${dealId}`
const completeRow = (reader: string): string => `m${reader}`

/** As the journal writes it. */
export const placeOf = ({ miner, sector, offsetPadded, lengthPadded, rawSize }: PieceDeal): string =>
  sector === undefined ? '' : `${miner} ${sector} ${offsetPadded} ${lengthPadded}${rawSize === undefined ? '' : ` ${rawSize}`}`

const TEXT = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const
/** {@link TEXT} so that engines which copy the options of each change have nothing to copy. */
const INHERITED: typeof TEXT = Object.create(TEXT) as typeof TEXT

/** Reads and writes nothing before the first call. @param db - open; stays the caller's */
export const openJournal = (db: AnyLevel): Journal => {
  const level: AbstractLevel<any, string, string> & { readonly prefix: string, readonly db: AbstractLevel<any, string, string> } = db.sublevel('migration', TEXT)
  // under full keys in the database below: the calls of a sublevel take longer for each row than the write itself
  const under = (): AbstractLevel<any, string, string> => level.db
  const getMany = (rows: readonly string[]): Promise<(string | undefined)[]> => under().getMany<string, string>(rows.map((row) => level.prefix + row), TEXT)
  return {
    isEmpty: async () => {
      const keys = level.keys({ limit: 1 })
      return (await keys.all()).length === 0
    },
    firstDeals: async (pieces) => (await getMany(pieces.map(firstRow))).map(parseFirst),
    dealsOf: async function * (piece, { signal } = {}) {
      signal?.throwIfAborted()
      const first = parseFirst(await level.get(firstRow(piece)))
      if (first !== undefined) yield first
      const from = furtherRow(piece, '')
      for await (const [row, place] of level.iterator({ gte: from, lt: `${from.slice(0, -1)}0` })) { // behind the slash
        signal?.throwIfAborted()
        yield { dealId: row.slice(from.length), place }
      }
    },
    furtherPlaces: (deals) => getMany(deals.map(({ piece, dealId }) => furtherRow(piece, dealId))),
    write: async ({ rows }) => {
      if (rows.length === 0) return
      const batch = under().batch()
      try {
        for (const [row, value] of rows) batch.put(level.prefix + row, value, INHERITED)
      } catch (error) {
        await batch.close()
        throw error
      }
      await batch.write()
    },
    isComplete: async (reader) => await level.get(completeRow(reader)) !== undefined,
    setComplete: (reader, complete) => complete
      ? level.put<string, string>(completeRow(reader), '1', SYNC)
      : level.del<string>(completeRow(reader), SYNC),
  }
}

/** An option of the engines that have a disk; others ignore it. */
const SYNC = { ...TEXT, sync: true }

/** One that cannot be read is none: its deals are looked at anew. */
const parseFirst = (value: string | undefined): FirstDeal | undefined => {
  const end = value?.indexOf('\n') ?? -1
  return value === undefined || end < 0 ? undefined : { place: value.slice(0, end), dealId: value.slice(end + 1) }
}
