/** The pieces of a store as a gateway serves them. */
import type { PieceLoader } from '@dagstore/lotus-mount'
import type { GatewayPieces } from '@dagstore/trustless-gateway'
import { codeOf } from '../failure.ts'

/** Pieces that can be read without unsealing. */
export const gatewayPieces = (loader: Pick<PieceLoader, 'stat' | 'open'>): GatewayPieces => {
  const stat: GatewayPieces['stat'] = async (piece, options) => {
    try {
      const { unsealed, pieceBytes, payloadBytes } = await loader.stat(piece, options)
      return unsealed === 'yes' ? { pieceBytes, rawBytes: payloadBytes } : undefined
    } catch (error) {
      if (isAbsent(error)) return undefined
      throw error
    }
  }
  return {
    stat,
    open: async (piece, options) => {
      const facts = await stat(piece, options)
      if (facts === undefined) return undefined
      try {
        const source = await loader.open(piece, { ...options, sealed: 'reject' })
        return { ...facts, source, close: () => source.close() }
      } catch (error) {
        if (isAbsent(error)) return undefined
        throw error
      }
    },
  }
}

/** Nobody who answered has it, and all did; or nobody has it unsealed. */
const isAbsent = (error: unknown): boolean => {
  const code = codeOf(error)
  if (code === 'PIECE_SEALED' || code === 'PIECE_LOST') return true
  return code === 'PIECE_UNKNOWN' && !(error instanceof Error && 'retry' in error && error.retry === 'later')
}
