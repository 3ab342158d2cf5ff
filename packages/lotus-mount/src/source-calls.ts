/// <reference lib="esnext.disposable" preserve="true" />
/** Calls on sources, under their limits: measured, scored, and not repeated where a source has said that a piece is not there. */
import { type ByteSource, type CallOptions, type Clock, IoError } from '@dagstore/io'
import { createThrottle, type Throttle } from '@dagstore/mounts'
import type { CID } from 'multiformats/cid'
import type { AbsenceMemory } from './absence-memory.ts'
import type { PieceMetrics } from './metrics.ts'
import { PIECE_LOADER_DEFAULTS, type PieceLimits } from './piece-limits.ts'
import type { PieceCallOptions, PieceSizes, PieceSource, PieceStat } from './piece-loader.ts'
import { createSlots, type Slots } from './slots.ts'
import type { SourceScores } from './source-scores.ts'

/** What the caller's CID says. */
export interface PieceFacts extends PieceSizes {
  /** v1. */
  readonly cid: CID
}

export interface SourceCalls {
  stat (source: PieceSource, facts: PieceFacts, options: CallOptions): Promise<PieceStat | undefined>
  open (source: PieceSource, facts: PieceFacts, options: CallOptions): Promise<ByteSource | undefined>
  readonly unsealSlots: Slots
}

export interface SourceCallsOptions {
  readonly limits: PieceLimits | undefined
  /** All of them, for what they know of each other's pieces. */
  readonly sources: readonly PieceSource[]
  readonly scores: SourceScores
  readonly absence: AbsenceMemory
  readonly negativeTtlMs: number
  readonly metrics: PieceMetrics
  readonly clock: Clock
}

export const createSourceCalls = ({ limits, sources, scores, absence, negativeTtlMs, metrics, clock }: SourceCallsOptions): SourceCalls => {
  const limitOf = (limit: keyof PieceLimits): number => limits?.[limit] ?? PIECE_LOADER_DEFAULTS.limits[limit]
  const slotsOf = (limit: keyof PieceLimits): Slots => createSlots(limitOf(limit), (waiting) => { metrics.observe('piece.waiting', waiting, { limit }) })
  const [metadata, opening, unsealSlots] = [slotsOf('metadata'), slotsOf('open'), slotsOf('unseal')]
  const stream = limitOf('stream') === 0 ? undefined : slotsOf('stream')
  const bytesPerSecond = limitOf('bytesPerSecond')
  const pace = createThrottle({ total: { bytesPerSecond }, clock }) // refuses what is no rate
  const ttlOf = (source: PieceSource): number => source.absenceTtlMs ?? negativeTtlMs

  /** A source that has no records of its own is told what others know, so that it gives the piece in its true size. */
  const told = async (source: PieceSource, { cid, pieceBytes, payloadBytes }: PieceFacts, signal: AbortSignal | undefined): Promise<PieceCallOptions> => {
    if (source.sizes !== undefined || (pieceBytes !== undefined && payloadBytes !== undefined)) return { signal, pieceBytes, payloadBytes }
    for (const other of sources) {
      const sizes = await other.sizes?.(cid, { signal }).catch(() => undefined) // it says so when it is asked itself
      if (sizes !== undefined) return { signal, pieceBytes: pieceBytes ?? sizes.pieceBytes, payloadBytes: payloadBytes ?? sizes.payloadBytes }
    }
    return { signal, pieceBytes, payloadBytes }
  }

  /** Calls `work`, and remembers how the source has done. */
  const asked = async <T>(source: PieceSource, work: () => Promise<T>, done: (ms: number, outcome: 'ok' | 'absent' | 'failed') => void): Promise<T> => {
    const since = clock.monotonic()
    try {
      const answer = await work()
      const ms = clock.monotonic() - since
      scores.took(source.name, ms)
      done(ms, answer === undefined ? 'absent' : 'ok')
      return answer
    } catch (error) {
      done(clock.monotonic() - since, 'failed')
      if (error instanceof IoError && error.retryAfterMs !== undefined) scores.pause(source.name, error.retryAfterMs)
      throw error
    }
  }
  const failed = (source: PieceSource, error: unknown): void => {
    metrics.count('piece.source.failures', 1, { source: source.name, code: codeOf(error) })
  }

  return {
    unsealSlots,
    stat: async (source, facts, { signal }) => {
      const { cid } = facts
      const piece = cid.toString()
      const known = absence.get(source.name, piece)
      if (known !== undefined && known.stat !== 'unasked') return known.stat
      const stat = await metadata.run(() => asked(source, async () => source.stat(cid, await told(source, facts, signal)), () => {}), { signal }).catch((error: unknown) => {
        if (signal?.aborted !== true) {
          failed(source, error)
          scores.failed(source.name)
        }
        throw error
      })
      if (stat?.unsealed === 'yes') absence.forget(piece)
      else if (stat?.unsealed !== 'unknown') absence.set(source.name, piece, { stat }, ttlOf(source))
      return stat
    },
    open: async (source, facts, { signal }) => {
      const { cid } = facts
      const piece = cid.toString()
      if (absence.get(source.name, piece) !== undefined) return undefined
      const labels = { source: source.name }
      const opened = await opening.run(() => asked(source, async () => source.open(cid, await told(source, facts, signal)), (ms, outcome) => {
        metrics.observe('piece.open.ms', ms, { ...labels, outcome })
      }), { signal }).catch((error: unknown) => {
        if (signal?.aborted !== true) failed(source, error)
        throw error
      })
      if (opened === undefined) {
        absence.set(source.name, piece, { stat: 'unasked' }, ttlOf(source))
        return undefined
      }
      absence.forget(piece)
      return watched(opened, {
        stream,
        pace: bytesPerSecond === 0 ? undefined : pace,
        read: (bytes, ms) => {
          scores.took(source.name, ms)
          metrics.count('piece.read.bytes', bytes, labels)
        },
        failed: (error) => { failed(source, error) },
        clock,
      })
    },
  }
}

interface Watch {
  readonly stream: Slots | undefined
  readonly pace: Throttle | undefined
  readonly read: (bytes: number, ms: number) => void
  readonly failed: (error: unknown) => void
  readonly clock: Clock
}

/** At most so many bytes are paid for at once, so that others get their turn in between. */
const STEP_BYTES = 1 << 20

const watched = (source: ByteSource, { stream, pace, read, failed, clock }: Watch): ByteSource => {
  const readNow = async (at: number, length: number, options: CallOptions | undefined): Promise<Uint8Array> => {
    const since = clock.monotonic()
    try {
      const bytes = await source.read(at, length, options)
      read(bytes.byteLength, clock.monotonic() - since)
      return bytes
    } catch (error) {
      if (options?.signal?.aborted !== true && codeOf(error) !== 'IO_CLOSED') failed(error)
      throw error
    }
  }
  return {
    sizeBytes: source.sizeBytes,
    identity: source.identity,
    get cost () { return source.cost },
    read: async (at, length, options) => {
      if (pace !== undefined) for (let done = 0; done < length; done += STEP_BYTES) await pace.bytes('', Math.min(STEP_BYTES, length - done), options)
      return stream === undefined ? readNow(at, length, options) : stream.run(() => readNow(at, length, options), options)
    },
    peek: (at, length) => source.peek(at, length),
    close: () => source.close(),
    [Symbol.asyncDispose]: () => source.close(),
  }
}

const codeOf = (error: unknown): string => error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown'
