/** What the store's jobs are doing, on the status line of the command that waits for them. */
import type { DagstoreEvent } from '@dagstore/dagstore'
import type { Bulk } from '../bulk.ts'
import { progressText } from '../progress.ts'

/** Where it is shown, and how far the command is. */
type Shown = Pick<Bulk, 'status' | 'succeeded' | 'failed'>

export interface JobWatch {
  /** For the store that is about to be opened. */
  readonly onEvent: (event: DagstoreEvent) => void
  /** @param total - shards there are in all, where that is known */
  show (bulk: Shown, total?: number | undefined): void
}

export const createJobWatch = (): JobWatch => {
  let shown: { readonly bulk: Shown, readonly total: number | undefined } | undefined
  return {
    onEvent: (event) => {
      if (event.type !== 'progress' || shown === undefined) return
      const { bulk, total } = shown
      const { key, step, progress: { doneBytes, totalBytes } } = event
      bulk.status.show(() => `${progressText(step, doneBytes, totalBytes)}  ${placeIn(bulk, total)}${key}`)
    },
    show: (bulk, total) => { shown = { bulk, total } },
  }
}

const placeIn = ({ succeeded, failed }: Shown, total: number | undefined): string =>
  total === undefined || total === 1 ? '' : `(${Math.min(total, succeeded + failed + 1)}/${total}) `
