/** Whether a retrieval is of what an order is for, and which one goes on with it. */
import type { RetrievalOrder } from './retrieval.ts'
import type { RetrievalRuns } from './retrieval-runs.ts'
import { isOver, type RetrievalTable, type StoredRetrieval } from './retrieval-table.ts'

/** The same data, to the same place. */
export const isSame = (before: StoredRetrieval, { root, pieceCid, selector, into = 'file' }: RetrievalOrder): boolean =>
  before.root.equals(root) && before.selector === selector && before.into === into && (before.pieceCid === undefined ? pieceCid === undefined : pieceCid !== undefined && before.pieceCid.equals(pieceCid))

/**
 * The newest one that is not whole, for whatever reason: what its file has was hashed, so that not even that of a liar has to be fetched again. One
 * under way only if the order joins, and it takes from here what may be and pays no more than may be.
 */
export const unfinishedOf = async (order: RetrievalOrder, table: RetrievalTable, runs: Pick<RetrievalRuns, 'has' | 'now'>): Promise<StoredRetrieval | undefined> => {
  const { localFirst = true, maxPrice = 0n, join = false } = order
  let newest: StoredRetrieval | undefined
  // one that is damaged has been told of
  for await (const stored of table.all({ onDamage: () => {} })) {
    const found = runs.now(stored.id) ?? stored
    if (found.state === 'DealStatusCompleted' || !isSame(found, order)) continue
    if (!runs.has(found.id) || isOver(found) || (join && found.localFirst === localFirst && found.maxPrice <= maxPrice)) newest = found
  }
  return newest
}
