/** The piece of a DAG: computed once for all who ask at a time, and remembered where the data are. */
import { payloadForm } from '@dagstore/dag'
import type { Hashes } from '@dagstore/hashes'
import { type ByteProgress, type CallOptions, withdrawable } from '@dagstore/io'
import type { OpenCommP, PieceCommitment } from '@dagstore/piece'
import type { CID } from 'multiformats/cid'
import { DealClientError } from './errors.ts'
import type { DealSource, DealSources, PiecePayload } from './sources.ts'

export interface CommPOptions extends CallOptions {
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

export interface Pieces {
  /** @throws {DealClientError} `DEAL_CLIENT_NO_DATA`; what the store throws */
  of(root: CID, options: CommPOptions): Promise<PiecePayload>
}

interface Computation {
  readonly piece: Promise<PiecePayload>
  readonly leaving: AbortController
  readonly listeners: Set<(progress: ByteProgress) => void>
  waiting: number
}

export const createPieces = (sources: DealSources, hashes: Hashes, openCommP: OpenCommP): Pieces => {
  const under = new Map<string, Computation>()
  const commit = async ({ store, verified }: DealSource, root: CID, signal: AbortSignal, listeners: Computation['listeners']): Promise<PieceCommitment> => {
    const commp = openCommP({ signal })
    try {
      let doneBytes = 0
      for await (const chunk of payloadForm(store, root, { hashes, verify: verified === true ? 'never' : 'always', signal })) {
        await commp.write(chunk)
        doneBytes += chunk.byteLength
        for (const tell of listeners) tell({ doneBytes, totalBytes: undefined })
      }
      return await commp.finish()
    } finally {
      await commp.close()
    }
  }
  const compute = async (root: CID, signal: AbortSignal, listeners: Computation['listeners']): Promise<PiecePayload> => {
    const source = await openSource(sources, root, { signal })
    try {
      if (source.piece !== undefined) return source.piece
      const { cidV1: pieceCid, paddedBytes, payloadBytes } = await commit(source, root, signal, listeners)
      const piece: PiecePayload = { pieceCid, paddedBytes, payloadBytes }
      await source.setPiece?.(piece)
      return piece
    } finally {
      await source.close()
    }
  }
  const join = (root: CID): Computation => {
    const name = root.toString()
    const known = under.get(name)
    if (known !== undefined) return known
    const [leaving, listeners] = [new AbortController(), new Set<(progress: ByteProgress) => void>()]
    const computation: Computation = {
      leaving, listeners, waiting: 0,
      piece: compute(root, leaving.signal, listeners).finally(() => { if (under.get(name) === computation) under.delete(name) }),
    }
    computation.piece.catch(() => {}) // whoever waits is told
    under.set(name, computation)
    return computation
  }
  return {
    of: async (root, { signal, onProgress }) => {
      signal?.throwIfAborted()
      const computation = join(root)
      if (onProgress !== undefined) computation.listeners.add(onProgress)
      computation.waiting++
      try {
        return await withdrawable(computation.piece, signal)
      } finally {
        if (onProgress !== undefined) computation.listeners.delete(onProgress)
        // nobody waits any more
        if (--computation.waiting === 0) {
          if (under.get(root.toString()) === computation) under.delete(root.toString())
          computation.leaving.abort()
        }
      }
    },
  }
}

/** @throws {DealClientError} `DEAL_CLIENT_NO_DATA` */
export const openSource = async (sources: DealSources, root: CID, options: CallOptions): Promise<DealSource> => {
  const source = await sources.open(root, options)
  if (source !== undefined) return source
  throw new DealClientError('DEAL_CLIENT_NO_DATA', `nobody here has the data; root=${root.toString()}`)
}
