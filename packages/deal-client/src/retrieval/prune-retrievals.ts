/** Which retrievals are to be forgotten, with their files. */
import type { Clock } from '@dagstore/io'
import { RetrievalError, type Retrievals } from '@dagstore/retrievals'
import { DealClientError } from '../errors.ts'
import type { Retrieval } from './retrieval.ts'
import type { RetrievalClient, RetrievalPruneOptions } from './retrieval-client.ts'
import { isOver } from './retrieval-table.ts'

/** Those that ended first go first; those whose file is in use stay. @throws {RangeError} a limit below 0 */
export const pruneRetrievals = async (client: Pick<RetrievalClient, 'retrievals' | 'remove'>, files: Retrievals, clock: Clock, { olderThanMs = Infinity, maxBytes = Infinity, signal }: RetrievalPruneOptions): ReturnType<RetrievalClient['prune']> => {
  for (const [name, value] of Object.entries({ olderThanMs, maxBytes })) if (!(value >= 0)) throw new RangeError(`${name}; min=0 got=${value}`)
  const sizes = new Map<string, number>()
  for await (const { id, sizeBytes } of files.list({ signal })) sizes.set(id, sizeBytes)
  let bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0)
  const over: Pick<Retrieval, 'id' | 'updatedAt'>[] = []
  for await (const retrieval of client.retrievals({ signal })) if (isOver(retrieval)) over.push({ id: retrieval.id, updatedAt: retrieval.updatedAt })
  const removed: bigint[] = []
  let removedBytes = 0
  const now = clock.now()
  for (const { id, updatedAt } of over.sort((a, b) => a.updatedAt - b.updatedAt)) {
    signal?.throwIfAborted()
    const size = sizes.get(id.toString()) ?? 0
    if (!(now - updatedAt >= olderThanMs || (bytes > maxBytes && size > 0))) continue
    try {
      await client.remove(id)
    } catch (error) {
      if (error instanceof RetrievalError && error.code === 'RETRIEVAL_IN_USE') continue
      // removed or begun again by somebody else meanwhile
      if (error instanceof DealClientError && (error.code === 'DEAL_CLIENT_UNKNOWN' || error.code === 'DEAL_CLIENT_WRONG_STATE')) continue
      throw error
    }
    removed.push(id)
    removedBytes += size
    bytes -= size
  }
  return { removed, removedBytes }
}
