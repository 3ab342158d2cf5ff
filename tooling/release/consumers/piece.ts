import { aggregatePieces, type CommP, createCommP, createPieceEngine, padFr32, parsePieceCid, type PieceCommitment, pieceBytes, resumeCommP, toPieceCidV1, unpadFr32Stream } from '@dagstore/piece'
import { commpOf, type CommPWorkers, createPieceEngine as createFastEngine, openCommPWorkers, openNativeHasher } from '@dagstore/piece/node'
import module from '@dagstore/piece/piece.wasm'

export const firstUse = async (chunks: readonly Uint8Array[]): Promise<boolean> => {
  const commp: CommP = createCommP({ engine: createPieceEngine({ module }) })
  for (const chunk of chunks) commp.write(chunk)
  const { cidV1, cidV2, paddedBytes }: PieceCommitment = resumeCommP(commp.state()).finish()
  const workers: CommPWorkers = openCommPWorkers({ threads: 2 })
  const engine = createFastEngine({ hasher: await openNativeHasher() })
  const again = await commpOf(chunks, { signal: AbortSignal.abort(), engine, workers })
  for await (const bytes of unpadFr32Stream(chunks, { payloadBytes: 1 })) if (bytes.byteLength !== 1) return false
  const sector = aggregatePieces([again, again], 2048)
  return cidV1.equals(toPieceCidV1(again.cidV2)) && parsePieceCid(cidV2).paddedBytes === paddedBytes && pieceBytes(padFr32(new Uint8Array(127)).length).padded === sector.offsets[1]
}
