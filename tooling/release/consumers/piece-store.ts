import { openPieceStore, type PieceLocation, type PieceStore, PieceStoreError } from '@dagstore/piece-store'
import type { AbstractLevel } from 'abstract-level'
import type { CID } from 'multiformats/cid'

export const firstUse = async (db: AbstractLevel<any, any, any>, piece: CID): Promise<readonly PieceLocation[]> => {
  const store: PieceStore = await openPieceStore(db)
  try {
    await store.add(piece, { miner: 1000n, sector: 1n, offsetPadded: 0, lengthPadded: 256, payloadBytes: undefined })
    for await (const { locations } of store.list()) if (locations.length === 0) return []
    return await store.get(piece)
  } catch (error) {
    if (error instanceof PieceStoreError) return []
    throw error
  }
}
