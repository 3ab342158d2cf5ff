/// <reference lib="esnext.disposable" preserve="true" />
/** One opened mount with its index, shared by all leases of one data and index generation. */
import type { IndexView } from '@dagstore/carv2'
import type { IndexMount } from '@dagstore/carv2-index-mount'
import type { Hashes } from '@dagstore/hashes'
import type { Awaitable, ByteSource } from '@dagstore/io'
import { codeOf } from '../failure.ts'
import { watchedSource } from './watched-source.ts'

export interface ShardSession {
  readonly mount: IndexMount
  readonly dataGeneration: number
  readonly indexGeneration: number
  readonly hashes: Hashes
  /** Its index was not made here: to be replaced by one of ours. */
  readonly foreign: boolean
  /** What has turned out to be broken; later openings will see to it. */
  readonly spoiled: 'source' | 'index' | undefined
  /** Called when that happens; at most once. */
  onSpoiled: (part: 'source' | 'index') => void
  /** Somebody has found it broken who did not only read it. */
  spoil(part: 'source' | 'index'): void
  close(): Promise<void>
}

/** Tells, for data and index of a session to be, that a read has shown them to be broken. */
export class Spoilage {
  #part: 'source' | 'index' | undefined
  listener: (part: 'source' | 'index') => void = () => {}

  get part (): 'source' | 'index' | undefined { return this.#part }

  report (part: 'source' | 'index'): void {
    if (this.#part !== undefined) return
    this.#part = part
    this.listener(part)
  }

  /** `source`, watched. Only what says that the bytes are gone or are others counts, not a passing failure. */
  source (source: ByteSource): ByteSource {
    return watchedSource(source, (error) => { if (LOST.has(codeOf(error) ?? '')) this.report('source') })
  }

  /** `index`, watched. A page that does not match its checksum will not do so next time either. */
  index (index: IndexView): IndexView {
    const watch = (error: unknown): never => {
      if (DAMAGED.has(codeOf(error) ?? '')) this.report('index')
      throw error
    }
    const watched = async function * <T>(items: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
      try {
        yield * items
      } catch (error) {
        watch(error)
      }
    }
    return {
      facts: index.facts,
      find: (multihash, options) => {
        let found: Awaitable<Awaited<ReturnType<IndexView['find']>>>
        try {
          found = index.find(multihash, options)
        } catch (error) {
          return watch(error)
        }
        return found instanceof Promise ? found.catch(watch) : found
      },
      peek: (multihash) => index.peek?.(multihash),
      entries: (options) => watched(index.entries(options)),
      digests: (options) => watched(index.digests(options)),
      close: () => index.close(),
      [Symbol.asyncDispose]: () => index.close(),
    }
  }
}

const LOST: ReadonlySet<string> = new Set(['IO_SOURCE_CHANGED', 'IO_SOURCE_LOST', 'IO_TRUNCATED'])
const DAMAGED: ReadonlySet<string> = new Set(['CARV2_INDEX_DAMAGED', 'CARV2_BAD_INDEX', ...LOST])

export const createSession = (
  parts: { readonly mount: IndexMount, readonly dataGeneration: number, readonly indexGeneration: number, readonly hashes: Hashes, readonly foreign: boolean }, spoilage: Spoilage
): ShardSession => {
  let closing: Promise<void> | undefined
  return {
    ...parts,
    get spoiled () { return spoilage.part },
    set onSpoiled (listener: (part: 'source' | 'index') => void) { spoilage.listener = listener },
    get onSpoiled () { return spoilage.listener },
    spoil: (part) => { spoilage.report(part) },
    close: () => {
      // the source first: a mount waits for its calls, and one of them may hang on the source
      closing ??= Promise.all([parts.mount.source.close(), parts.mount.close()]).then(() => {})
      return closing
    },
  }
}
