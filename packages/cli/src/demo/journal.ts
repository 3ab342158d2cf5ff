/** What the demo remembers between runs: which piece an input became. */
import type { NodeDagstore } from '@dagstore/node'
import { CID } from 'multiformats/cid'

export interface PieceRecord {
  readonly pieceCid: CID
  readonly pieceCidV2: CID
  readonly payloadBytes: number
  readonly paddedBytes: number
}

/** Every change is durable when its promise resolves. */
export interface Journal {
  /** `undefined`: never seen, or seen with another fingerprint. */
  find (absolutePath: string, fingerprint: string): Promise<PieceRecord | undefined>
  record (absolutePath: string, fingerprint: string, piece: PieceRecord): Promise<void>
}

interface StoredPiece { readonly fingerprint: string, readonly v1: string, readonly v2: string, readonly payloadBytes: number, readonly paddedBytes: number }

const DURABLE = { sync: true } as object

export const openJournal = (db: NodeDagstore['db']): Journal => {
  const inputs = db.sublevel<string, StoredPiece>('demo-inputs', { valueEncoding: 'json' })
  return {
    find: async (path, fingerprint) => {
      const stored = await inputs.get(path)
      if (stored === undefined || stored.fingerprint !== fingerprint) return undefined
      return { pieceCid: CID.parse(stored.v1), pieceCidV2: CID.parse(stored.v2), payloadBytes: stored.payloadBytes, paddedBytes: stored.paddedBytes }
    },
    record: (path, fingerprint, piece) =>
      inputs.put(path, { fingerprint, v1: piece.pieceCid.toString(), v2: piece.pieceCidV2.toString(), payloadBytes: piece.payloadBytes, paddedBytes: piece.paddedBytes }, DURABLE),
  }
}
