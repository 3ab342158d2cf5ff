/// <reference lib="esnext.disposable" preserve="true" />
/** What teaches a `lotus://<piece CID>` mount to reach a piece: sources, cheapest first, replaced in mid-read. */
import type { ByteSource, CallOptions } from '@dagstore/io'
import { type AnyPieceCid, toPieceCidV1 } from '@dagstore/piece'
import type { CID } from 'multiformats/cid'
import { PieceLoaderError } from './errors.ts'
import { createFailoverSource, type OpenNext } from './failover-source.ts'
import type { PieceSource, PieceStat } from './piece-source.ts'

/** Piece CIDs v1 and v2 name the same piece. */
export interface PieceLoader extends AsyncDisposable {
  /**
   * What the sources say of the piece: the first that has it unsealed, else the first that knows it.
   *
   * @throws {PieceLoaderError} `PIECE_UNKNOWN`: no record of it anywhere that answered. `PIECE_NO_SOURCE`: none answered.
   *   `PIECE_LOADER_CLOSED`
   * @throws {PieceError} `PIECE_BAD_CID`
   */
  stat(piece: AnyPieceCid, options?: CallOptions): Promise<PieceStat>
  /**
   * The unpadded piece bytes, read in place, identity of kind `content` (the piece CID v1). The caller closes it.
   *
   * @throws {PieceLoaderError} `PIECE_UNKNOWN`; `PIECE_SEALED`: known, with no unsealed copy; `PIECE_NO_SOURCE` with each
   *   source's cause. `PIECE_LOADER_CLOSED`
   * @throws {PieceError} `PIECE_BAD_CID`
   */
  open(piece: AnyPieceCid, options?: CallOptions): Promise<ByteSource>
  /** Idempotent. Closes what is still open. */
  close(): Promise<void>
}

/** @param sources - asked in the order of their cost, equal ones as given */
export const createPieceLoader = (sources: readonly PieceSource[]): PieceLoader => {
  const ordered = [...sources].sort((a, b) => a.cost - b.cost)
  const open = new Set<ByteSource>()
  let closed = false
  const check = (piece: CID): void => {
    if (closed) throw new PieceLoaderError('PIECE_LOADER_CLOSED', 'piece loader is closed', piece.toString(), { retry: 'never' })
  }

  const stat = async (piece: CID, options: CallOptions, causes: unknown[]): Promise<PieceStat> => {
    let known: PieceStat | undefined
    let answered = sources.length === 0
    for (const source of ordered) {
      options.signal?.throwIfAborted()
      try {
        const found = await source.stat(piece, options)
        answered = true
        if (found?.unsealed === 'yes') return found
        known ??= found
      } catch (error) {
        options.signal?.throwIfAborted()
        causes.push(sourceFailed(source, error))
      }
    }
    if (known !== undefined) return known
    if (!answered) throw noSource(piece, causes)
    throw new PieceLoaderError('PIECE_UNKNOWN', `no record of the piece; piece=${piece.toString()}`, piece.toString(), causes.length === 0 ? {} : { cause: new AggregateError(causes, 'some sources did not answer') })
  }

  return {
    stat: async (any, options = {}) => {
      options.signal?.throwIfAborted()
      const piece = toPieceCidV1(any)
      check(piece)
      return stat(piece, options, [])
    },
    open: async (any, options = {}) => {
      options.signal?.throwIfAborted()
      const piece = toPieceCidV1(any)
      check(piece)
      const causes: unknown[] = []
      const openNext = nextOf(piece, ordered)
      const first = await openNext(causes, options)
      if (first === undefined) {
        if (causes.length > 0) throw noSource(piece, causes)
        const { unsealed } = await stat(piece, options, causes)
        if (unsealed === 'yes' || causes.length > 0) throw noSource(piece, causes)
        throw new PieceLoaderError('PIECE_SEALED', `no unsealed copy of the piece; piece=${piece.toString()}`, piece.toString())
      }
      const source = createFailoverSource(piece.toString(), first, openNext)
      if (closed) {
        await source.close()
        check(piece)
      }
      open.add(source)
      const close = (): Promise<void> => {
        open.delete(source)
        return source.close()
      }
      return { ...source, close, [Symbol.asyncDispose]: close }
    },
    close: async () => { await closeAll() },
    [Symbol.asyncDispose]: async () => { await closeAll() },
  }

  async function closeAll (): Promise<void> {
    closed = true
    await Promise.all([...open].map((source) => source.close()))
    open.clear()
  }
}

/** Walks the sources once; each call goes on behind the one that was given last. */
const nextOf = (piece: CID, sources: readonly PieceSource[]): OpenNext => {
  let next = 0
  return async (causes, options) => {
    while (next < sources.length) {
      const source = sources[next++] as PieceSource
      options.signal?.throwIfAborted()
      try {
        const opened = await source.open(piece, options)
        if (opened !== undefined) return opened
      } catch (error) {
        options.signal?.throwIfAborted()
        causes.push(sourceFailed(source, error))
      }
    }
    return undefined
  }
}

const sourceFailed = (source: PieceSource, cause: unknown): Error => new Error(`source ${source.name} failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })

const noSource = (piece: CID, causes: readonly unknown[]): PieceLoaderError =>
  new PieceLoaderError('PIECE_NO_SOURCE', `no source could give the piece; piece=${piece.toString()}`, piece.toString(), { cause: new AggregateError([...causes], 'every source failed') })
