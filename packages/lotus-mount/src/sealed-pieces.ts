/** What is done with pieces of which only sealed copies are known. */
import type { Clock } from '@dagstore/io'
import { causeOf, retryOf } from '@dagstore/mounts'
import type { CID } from 'multiformats/cid'
import { PieceLoaderError } from './errors.ts'
import type { PieceMetrics } from './metrics.ts'
import type { PieceSource, SealedPolicy } from './piece-loader.ts'
import { createSharedWork } from './shared-work.ts'
import type { Slots } from './slots.ts'

export interface SealedPieces {
  /** Whether the piece was unsealed, after however long that took. @throws {PieceLoaderError} `PIECE_UNSEAL_FAILED` */
  unsealed (piece: CID, policy: SealedPolicy, signal: AbortSignal): Promise<boolean>
}

export interface SealedPiecesOptions {
  /** Those to be asked first at the beginning. */
  readonly sources: () => readonly PieceSource[]
  readonly slots: Slots
  readonly onSealed: ((piece: string, options: { readonly signal: AbortSignal }) => Promise<'reject' | 'queue'>) | undefined
  readonly metrics: PieceMetrics
  readonly clock: Clock
}

/** One piece is asked about, and unsealed, once for all who want it; that ends when the last of them has left. */
export const createSealedPieces = ({ sources, slots, onSealed, metrics, clock }: SealedPiecesOptions): SealedPieces => {
  const asking = createSharedWork<'reject' | 'queue'>()
  const unsealing = createSharedWork<boolean>()

  const unseal = async (piece: CID, signal: AbortSignal): Promise<boolean> => {
    const since = clock.monotonic()
    const failures: unknown[] = []
    const done = (outcome: 'ok' | 'failed'): void => { metrics.observe('piece.unseal.ms', clock.monotonic() - since, { outcome }) }
    for (const source of sources()) {
      if (source.unseal === undefined) continue
      signal.throwIfAborted()
      try {
        if (!await source.unseal(piece, { signal })) continue
        done('ok')
        return true
      } catch (error) {
        signal.throwIfAborted()
        failures.push(error)
      }
    }
    if (failures.length === 0) return false
    done('failed')
    throw new PieceLoaderError('PIECE_UNSEAL_FAILED', `no source could unseal it; failed=${failures.length}`, piece.toString(), { ...causeOf(failures), retry: retryOf(failures) })
  }

  return {
    unsealed: async (piece, policy, signal) => {
      const name = piece.toString()
      if (policy === 'ask' && onSealed === undefined) throw new TypeError('sealed: ask needs onSealed')
      // nobody is asked what nobody could do
      const isPossible = sources().some((source) => source.unseal !== undefined)
      const answer = !isPossible ? 'reject' : policy === 'ask' && onSealed !== undefined ? await asking.run(name, (stop) => onSealed(name, { signal: stop }), { signal }) : policy
      metrics.count('piece.sealed', 1, { answer })
      return answer === 'queue' && await unsealing.run(name, (stop) => slots.run(() => unseal(piece, stop), { signal: stop }), { signal })
    },
  }
}
