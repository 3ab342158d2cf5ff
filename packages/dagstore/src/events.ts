/** What a store tells whoever listens: for logs, metrics and progress bars; nothing waits for it. */
import type { ByteProgress } from '@dagstore/io'
import type { Finding } from './catalogue/finding.ts'
import type { Failure, Health } from './machine/index.ts'

export type DagstoreEvent =
  /** `undefined`: not registered, or being destroyed. */
  | { readonly type: 'health', readonly key: string, readonly from: Health | undefined, readonly to: Health | undefined, readonly failure: Failure | undefined }
  /** `fetch`: a sequential mount is copied. `index`: its bytes are scanned. */
  | { readonly type: 'progress', readonly key: string, readonly step: 'fetch' | 'index', readonly progress: ByteProgress }
  /** A job or call came to a shard that could do nothing with it; `total` counts them since the store was opened. */
  | { readonly type: 'ignored', readonly key: string, readonly event: string, readonly total: number }
  /** A record could not be written; whoever waited was told. */
  | { readonly type: 'unsaved', readonly key: string, readonly error: unknown }
  /** An index file was lost, is damaged, or is of other bytes; it is being rebuilt. `undefined`: the top-level index, from the index files. */
  | { readonly type: 'index-unusable', readonly key: string | undefined, readonly reason: unknown }
  /** Something unneeded could not be deleted: the next start, or `gc`, tries again. Or what is unfinished could not be gone on with: that is tried again soon. */
  | { readonly type: 'postponed', readonly key: string | undefined, readonly error: unknown }
  /** A check has found something wrong that it had not found before. */
  | { readonly type: 'finding', readonly key: string, readonly finding: Finding }
  /** To one consumer of `events()` only: it did not keep up and has missed so many before the next one. */
  | { readonly type: 'dropped', readonly count: number }

export type EventListener = (event: DagstoreEvent) => void

/** A listener that throws harms nobody else. */
export const quiet = (listener: EventListener | undefined): EventListener => listener === undefined
  ? () => {}
  : (event) => {
      try {
        listener(event)
      } catch {
        // a listener's mistake must not stop a shard
      }
    }
