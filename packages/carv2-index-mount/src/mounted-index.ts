/** The index of a mount: one that is known to be whole, or one whose misses are checked by building another. */
import type { IndexEntry, IndexView } from '@dagstore/carv2'
import { type Awaitable, withdrawable } from '@dagstore/io'

export type IndexOrigin = 'given' | 'attached' | 'built'

export interface MountedIndex {
  readonly view: IndexView
  readonly origin: IndexOrigin
  /** Whether an empty answer proves absence, but for identity CIDs. */
  readonly whole: boolean
  /** The same of those. */
  readonly wholeOfIdentity: boolean
  /** Whether entries of one block are in the order of their offsets, as they are in an index of ours. */
  readonly ordered: boolean
  /** A plain value where no I/O is needed. @throws as the view does, at once or later */
  find(multihash: Uint8Array, limit: number | undefined, signal: AbortSignal | undefined): Awaitable<readonly IndexEntry[]>
  /** Replaces an index that was not built here; one build for all callers. @throws what building throws */
  rebuild(why: string, signal: AbortSignal | undefined): Promise<void>
  /** Breaks off a build; when `idle` resolves, closes the views that belong to the mount. */
  close(idle: Promise<void>): Promise<void>
}

export interface MountedIndexParts {
  readonly view: IndexView
  readonly origin: IndexOrigin
  readonly whole: boolean
  /** Whether it is the last word about identity CIDs too, whatever it says about itself. */
  readonly believed: boolean
  /** Whether closing the mount closes this view. */
  readonly owned: boolean
  /** One that lists every section; closed with the mount. */
  readonly build: (signal: AbortSignal) => Promise<IndexView>
  /** What callers waiting for a build get when the mount is closed. */
  readonly closed: () => Error
  readonly onNotice: (text: string) => void
}

const FIRST = { limit: 1 } as const

export const createMountedIndex = (parts: MountedIndexParts): MountedIndex => {
  const stop = new AbortController()
  const views: IndexView[] = parts.owned ? [parts.view] : []
  let { view, origin, whole } = parts
  let building: Promise<void> | undefined
  let closed = false

  const build = async (why: string): Promise<void> => {
    parts.onNotice(`index rebuilt: ${why}`)
    const built = await parts.build(stop.signal)
    views.push(built)
    view = built
    origin = 'built'
    whole = true
  }
  const find = (multihash: Uint8Array, limit: number | undefined, signal: AbortSignal | undefined): Awaitable<readonly IndexEntry[]> =>
    view.find(multihash, signal === undefined && limit === 1 ? FIRST : limit === undefined ? { signal } : { signal, limit })

  return {
    get view () { return view },
    get origin () { return origin },
    get whole () { return whole },
    get wholeOfIdentity () { return whole && (parts.believed || view.facts.identityCids === 'included') },
    get ordered () { return whole && view.facts.payloadEnd !== undefined },
    find,
    rebuild: async (why, signal) => {
      if (origin === 'built') return
      if (closed) throw parts.closed()
      building ??= build(why).catch((error: unknown) => {
        building = undefined // another caller may try again
        throw error
      })
      building.catch(() => {}) // the only caller may withdraw before it waits
      await withdrawable(building, signal)
    },
    close: async (idle) => {
      closed = true
      // an error for nobody would cost as much as all the rest
      if (building !== undefined) stop.abort(parts.closed())
      await building?.catch(() => {}) // its callers have the failure
      await idle
      for (const owned of views) await owned.close()
    },
  }
}
