import { type CommP, createCommP, padFr32, parsePieceCid, type PieceCommitment, pieceBytes, toPieceCidV1 } from '@dagstore/piece'
import { commpOf } from '@dagstore/piece/node'

export const firstUse = async (chunks: readonly Uint8Array[]): Promise<boolean> => {
  const commp: CommP = createCommP()
  for (const chunk of chunks) commp.write(chunk)
  const { cidV1, cidV2, paddedBytes }: PieceCommitment = commp.finish()
  const again = await commpOf(chunks, { signal: AbortSignal.abort() })
  return cidV1.equals(toPieceCidV1(again.cidV2)) && parsePieceCid(cidV2).paddedBytes === paddedBytes && pieceBytes(padFr32(new Uint8Array(127)).length).padded === 256
}
