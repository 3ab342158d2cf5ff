/** The record of a shard, and how a {@link Change} changes it. What is persisted and what the machine starts from. */
import type { Change, Registration } from './effect.ts'
import type { CommittedIndex, Failure, Health, LocalCopy, State } from './state.ts'

/** One generation of a shard's index: its file's name carries `generation`, its top-level entries `shardNumber`. */
export interface IndexGeneration {
  readonly generation: number
  /** u32; used for this generation only. */
  readonly shardNumber: number
  /** Not made here, so it lists perhaps not every section. Without a file of its own it is the one that lies in the source. */
  readonly foreign?: true
}

export interface ShardRecord {
  readonly url: string
  readonly health: Health
  /** A destruction was asked for and is to be finished. */
  readonly destroying: boolean
  /** 0 before the first build. */
  readonly dataGeneration: number
  /** The last data generation given out, committed or not. */
  readonly lastDataGeneration: number
  /** The last index generation given out, committed or not. */
  readonly indexGeneration: number
  /** The committed index. */
  readonly index: IndexGeneration | undefined
  /** What the build under way, or one cut off by a crash, may have left. */
  readonly building: IndexGeneration | undefined
  /** What `building` reads, where that is not the shard's data: a refresh is under way, or was cut off. */
  readonly refresh: Refresh | undefined
  /** Is the copy of the data of the first generation. */
  readonly localCopy: LocalCopy | undefined
  readonly failure: Failure | undefined
}

export interface Refresh { readonly url: string, readonly dataGeneration: number }

/** Something of a shard that nothing refers to any more, once no open session does. */
export type Garbage =
  | { readonly kind: 'index', readonly generation: number, readonly shardNumber: number }
  | { readonly kind: 'data', readonly generation: number }

export interface Changed {
  readonly record: ShardRecord | undefined
  readonly garbage: readonly Garbage[]
}

/** Whether a change needs a fresh shard number. */
export const needsNumber = (change: Change): boolean => change.type === 'begin' || change.type === 'begin-refresh'

/**
 * The record after a change, and what became garbage by it; both belong into one write.
 *
 * @param shardNumber - a fresh one, used only when {@link needsNumber} says so
 */
export const applyChange = (record: ShardRecord | undefined, change: Change, shardNumber: number): Changed => {
  if (change.type === 'register') return { record: registered(change), garbage: [] }
  const from = record ?? (change.type === 'begin' && change.registerAs !== undefined ? registered(change.registerAs) : undefined)
  if (from === undefined) throw new TypeError(`change of a record that is not there; change=${change.type}`)
  const unfinished: Garbage[] = [
    ...(from.building === undefined ? [] : [indexGarbage(from.building)]),
    ...(from.refresh === undefined || from.refresh.dataGeneration === from.dataGeneration ? [] : [dataGarbage(from.refresh.dataGeneration)]),
  ]
  const over = { building: undefined, refresh: undefined }
  switch (change.type) {
    // a copy that was given is of the mount that it was given for
    case 'remount': return from.localCopy === undefined && from.dataGeneration === 0
      ? { record: { ...from, url: change.url }, garbage: [] }
      : { record: { ...from, url: change.url, localCopy: undefined, dataGeneration: 0, lastDataGeneration: FIRST }, garbage: [dataGarbage(FIRST)] }
    case 'begin': {
      const indexGeneration = from.indexGeneration + 1
      const fresh = change.refetch || from.dataGeneration === 0
      const dataGeneration = fresh ? from.lastDataGeneration + 1 : from.dataGeneration
      return {
        record: {
          ...from,
          health: change.health,
          dataGeneration,
          lastDataGeneration: Math.max(dataGeneration, from.lastDataGeneration),
          indexGeneration,
          building: { generation: indexGeneration, shardNumber },
          refresh: undefined,
          localCopy: dataGeneration === FIRST ? from.localCopy : undefined,
        },
        garbage: fresh && from.dataGeneration > 0 ? [...unfinished, dataGarbage(from.dataGeneration)] : unfinished,
      }
    }
    case 'begin-refresh': {
      const indexGeneration = from.indexGeneration + 1
      const lastDataGeneration = change.refetch ? from.lastDataGeneration + 1 : from.lastDataGeneration
      return {
        record: {
          ...from,
          lastDataGeneration,
          indexGeneration,
          building: { generation: indexGeneration, shardNumber },
          refresh: { url: change.url, dataGeneration: change.refetch ? lastDataGeneration : from.dataGeneration },
        },
        garbage: unfinished,
      }
    }
    case 'commit': {
      const { refresh, building } = from
      const refetched = refresh !== undefined && refresh.dataGeneration !== from.dataGeneration
      const index = building !== undefined && change.foreign === true ? { ...building, foreign: true as const } : building
      return {
        record: { ...from, ...refresh, ...(refetched ? { localCopy: undefined } : {}), ...over, health: 'available', index, failure: undefined },
        garbage: [
          ...(from.index === undefined ? [] : [indexGarbage(from.index)]),
          ...(refetched && from.dataGeneration > 0 ? [dataGarbage(from.dataGeneration)] : []),
        ],
      }
    }
    case 'undo': return { record: { ...from, ...over, health: before(from) }, garbage: unfinished }
    case 'fail': return { record: { ...from, ...over, health: 'errored', failure: change.failure }, garbage: unfinished }
    case 'heal': return { record: { ...from, health: 'available', failure: undefined }, garbage: [] }
    case 'destroy': return { record: { ...from, destroying: true }, garbage: [] }
    case 'remove': return { record: undefined, garbage: [] }
  }
}

/** The data generation that a local copy given at registration is. */
export const FIRST = 1

/** What it was before the build that is given up. */
const before = ({ failure, index }: ShardRecord): Health => {
  if (failure !== undefined) return 'errored'
  return index === undefined ? 'new' : 'available'
}

const registered = ({ url, localCopy }: Registration): ShardRecord => ({
  url, health: 'new', destroying: false, dataGeneration: 0, lastDataGeneration: 0, indexGeneration: 0, index: undefined, building: undefined,
  refresh: undefined, localCopy, failure: undefined,
})

export const indexGarbage = ({ generation, shardNumber }: IndexGeneration): Garbage => ({ kind: 'index', generation, shardNumber })

export const dataGarbage = (generation: number): Garbage => ({ kind: 'data', generation })

const committedIndex = ({ index }: ShardRecord): CommittedIndex => {
  if (index === undefined) return 'none'
  return index.foreign === true ? 'foreign' : 'ours'
}

/** The machine's state for what was found in the catalogue. */
export const fromRecord = (record: ShardRecord | undefined): State => {
  if (record === undefined) return { tag: 'absent', serial: 0 }
  const core = { serial: 0, url: record.url, index: committedIndex(record), sessions: [] }
  if (record.destroying) return { ...core, tag: 'destroying', callers: [], job: undefined, cleaning: false }
  if (record.refresh !== undefined) return { ...core, tag: 'interrupted', was: 'refreshing', failure: record.failure }
  switch (record.health) {
    case 'new': return { ...core, tag: 'new' }
    case 'initializing':
    case 'recovering': return { ...core, tag: 'interrupted', was: record.health, failure: record.failure }
    case 'available': return { ...core, tag: 'available', current: undefined, opening: undefined, waiters: [] }
    case 'errored': return { ...core, tag: 'errored', failure: record.failure ?? UNSAID, opening: undefined, waiters: [] }
  }
}

const UNSAID: Failure = { code: 'DAGSTORE_BAD_RECORD', message: 'errored without a reason', at: '', retry: 'never', attempts: 1, nextRetryAt: undefined }

/** Whether the shard's blocks are in the top-level index, as far as anybody knows. */
export const isIndexed = (record: ShardRecord): boolean =>
  record.index !== undefined && record.index.foreign !== true && !record.destroying && (record.health === 'available' || record.health === 'errored')

/** Whether a start has something to finish. */
export const isUnfinished = (record: ShardRecord): boolean =>
  record.destroying || record.health === 'initializing' || record.health === 'recovering' || record.refresh !== undefined

/** When the store tries the shard again by itself, in milliseconds since 1970; `undefined`: it does not, or is about to. */
export const retryAt = ({ health, destroying, refresh, failure }: ShardRecord): number | undefined => {
  if (health !== 'errored' || destroying || refresh !== undefined || failure?.nextRetryAt === undefined) return undefined
  const at = Date.parse(failure.nextRetryAt)
  return Number.isNaN(at) ? undefined : at
}
