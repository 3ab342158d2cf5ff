/** An index mounted on the bytes of a shard. */
import { CarV2Error, type IndexView } from '@dagstore/carv2'
import { type IndexTrust, openIndexMount } from '@dagstore/carv2-index-mount'
import { type ByteSource, onAbort } from '@dagstore/io'
import { abortable } from '../abortable.ts'
import type { ShardRecord } from '../machine/index.ts'
import type { StoreParts } from './parts.ts'
import { createSession, type ShardSession, type Spoilage } from './session.ts'

/** The index cannot serve these bytes; `source`: because they are others than those that were indexed, or copied. */
export interface Unusable { readonly unusable: 'index' | 'source', readonly reason: unknown }

export interface Joined {
  readonly key: string
  readonly record: ShardRecord
  readonly spoilage: Spoilage
  readonly source: ByteSource
  /** `undefined`: the index that lies in the source. */
  readonly view: IndexView | undefined
  readonly indexGeneration: number
  /** `verify` samples sections: an index of other bytes is found out. */
  readonly trust: IndexTrust
  /** The index lists perhaps not every section. */
  readonly foreign: boolean
  readonly signal: AbortSignal
}

/** When there is no session, the view is closed, and the source stays the caller's. */
export const joinParts = async (
  parts: StoreParts, { key, record, spoilage, source, view, indexGeneration, trust, foreign, signal }: Joined
): Promise<ShardSession | Unusable> => {
  const { hashes, pages } = parts
  // a mount that does not like the index builds one in memory; ours is to be written, so it is stopped there
  const refused = new AbortController()
  const unwatch = onAbort(signal, () => { refused.abort(signal.reason) })
  let opened = false
  const onNotice = (text: string): void => { if (!opened) refused.abort(new Error(text)) }
  try {
    signal.throwIfAborted()
    const mounting = openIndexMount({ data: source, index: view === undefined ? undefined : spoilage.index(view) }, {
      hashes, pages, indexTrust: trust, onNotice, owns: true, signal: refused.signal,
      // all who miss something wait for the one build of the store
      ...(foreign ? { replaceIndex: (options) => parts.wholeIndex(key, source, options) } : {}),
    })
    const mount = await abortable(mounting, signal, (late) => { parts.tasks.add(late.close()) })
    opened = true
    return createSession({ mount, dataGeneration: record.dataGeneration, indexGeneration, hashes, foreign }, spoilage)
  } catch (error) {
    await view?.close()
    // the bytes are no CAR any more, or not the one that was indexed: a rebuild finds out
    const unusable = refused.signal.aborted || error instanceof CarV2Error
    if (signal.aborted || !unusable) throw error
    return { unusable: 'source', reason: refused.signal.aborted ? refused.signal.reason : error }
  } finally {
    unwatch()
  }
}
