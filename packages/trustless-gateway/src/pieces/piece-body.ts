/** The bytes of a piece, from what is kept of it. */
import { readChunks } from '@dagstore/io'
import { GatewayRefusal } from '../refusal.ts'
import type { GatewayPiece } from './gateway-pieces.ts'

/** At a time, and as much ahead. */
const LOCAL_BYTES = 1 << 18
const REMOTE_BYTES = 1 << 20

/** Bytes [from, to) in order; zeros where the source has ended. Closes the piece when it is over, if it was begun at all. @throws {GatewayRefusal} `GATEWAY_PIECE_UNREADABLE` */
export async function * pieceBody (piece: GatewayPiece, from: number, to: number, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    const { source } = piece
    const chunkBytes = source.cost.kind === 'remote' ? REMOTE_BYTES : LOCAL_BYTES
    const kept = Math.min(to, source.sizeBytes)
    if (from < kept) yield * readChunks(source, from, kept, { chunkBytes, signal })
    for (let at = Math.max(from, kept); at < to;) {
      const zeros = new Uint8Array(Math.min(chunkBytes, to - at))
      at += zeros.byteLength
      yield zeros
    }
  } catch (error) {
    signal.throwIfAborted()
    throw unreadable(error)
  } finally {
    await piece.close()
  }
}

/** Asking for one again in less than this is of no use. */
const RETRY_AFTER_S = 10

export const unreadable = (cause: unknown): GatewayRefusal => cause instanceof GatewayRefusal ? cause
  : new GatewayRefusal('GATEWAY_PIECE_UNREADABLE', 502, 'The storage behind this gateway could not give the piece.', { cause, retryAfterS: RETRY_AFTER_S })
