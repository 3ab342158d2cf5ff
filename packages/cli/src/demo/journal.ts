/** What the demo remembers between runs: which piece, deal and retrieval an input became. */
import type { NodeDagstore } from '@dagstore/node'
import { CID } from 'multiformats/cid'

export interface PieceRecord {
  readonly pieceCid: CID
  readonly pieceCidV2: CID
  readonly payloadBytes: number
  readonly paddedBytes: number
}

export interface InputRecord {
  readonly piece: PieceRecord
  /** `unknown`: one is about to be made, and may have been. */
  readonly deal: CID | 'unknown' | undefined
  /** Of what came back last. */
  readonly retrieval: bigint | undefined
}

/** Every change is durable when its promise resolves. */
export interface Journal {
  /** `undefined`: never seen, or seen with another fingerprint. */
  find (absolutePath: string, fingerprint: string): Promise<InputRecord | undefined>
  record (absolutePath: string, fingerprint: string, record: InputRecord): Promise<void>
}

interface StoredInput {
  readonly fingerprint: string
  readonly v1: string
  readonly v2: string
  readonly payloadBytes: number
  readonly paddedBytes: number
  readonly deal?: string
  readonly retrieval?: string
}

const DURABLE = { sync: true } as object

export const openJournal = (db: NodeDagstore['db']): Journal => {
  const inputs = db.sublevel<string, StoredInput>('demo-inputs', { valueEncoding: 'json' })
  return {
    find: async (path, fingerprint) => {
      const stored = await inputs.get(path)
      if (stored === undefined || stored.fingerprint !== fingerprint) return undefined
      const { v1, v2, payloadBytes, paddedBytes, deal, retrieval } = stored
      return {
        piece: { pieceCid: CID.parse(v1), pieceCidV2: CID.parse(v2), payloadBytes, paddedBytes },
        deal: deal === undefined || deal === 'unknown' ? deal : CID.parse(deal),
        retrieval: retrieval === undefined ? undefined : BigInt(retrieval),
      }
    },
    record: (path, fingerprint, { piece, deal, retrieval }) => inputs.put(path, {
      fingerprint, v1: piece.pieceCid.toString(), v2: piece.pieceCidV2.toString(), payloadBytes: piece.payloadBytes, paddedBytes: piece.paddedBytes,
      ...(deal === undefined ? {} : { deal: String(deal) }), ...(retrieval === undefined ? {} : { retrieval: String(retrieval) }),
    }, DURABLE),
  }
}
