/// <reference lib="esnext.disposable" preserve="true" />
/** A piece loader over any number of sources, cheapest first. */
import { type ByteSource, type CallOptions, type Clock, onAbort, systemClock, withdrawable } from '@dagstore/io'
import { openFirstOf } from '@dagstore/mounts'
import { type AnyPieceCid, parsePieceCid, pieceCidV1, unpaddedBytes } from '@dagstore/piece'
import { createAbsenceMemory } from './absence-memory.ts'
import { PieceLoaderError } from './errors.ts'
import { explanationOf } from './explanation.ts'
import { NO_PIECE_METRICS, type PieceMetrics } from './metrics.ts'
import { createOpeningRace } from './opening-race.ts'
import type { OpenPieceOptions, PieceLoader, PieceSource, PieceStat, SealedPolicy } from './piece-loader.ts'
import { PIECE_LOADER_DEFAULTS, type PieceLimits } from './piece-limits.ts'
import { createSealedPieces } from './sealed-pieces.ts'
import { createSlots } from './slots.ts'
import { createSourceCalls, type PieceFacts } from './source-calls.ts'
import { createSourceScores } from './source-scores.ts'
import { absenceOf, refusalOf, surveyOf } from './survey.ts'

export interface PieceLoaderOptions {
  readonly limits?: PieceLimits | undefined
  /** How many sources are asked at once about one piece. @default 4 */
  readonly probeConcurrency?: number | undefined
  /** How long a source's word that a piece is not there, or sealed, is believed. @default 60 s */
  readonly negativeTtlMs?: number | undefined
  /**
   * How long a source is waited for before the next one is asked as well; one that does not say by then whether it has a piece has
   * failed. 0: as long as it takes. @default 30 s
   */
  readonly patienceMs?: number | undefined
  /** What to do where only sealed copies are known of. @default 'reject' */
  readonly sealed?: SealedPolicy | undefined
  /** With `ask`: what the operator says about this piece (v1). Called once for all who want it meanwhile. */
  readonly onSealed?: ((piece: string, options: { readonly signal: AbortSignal }) => Promise<'reject' | 'queue'>) | undefined
  /** Every call waits for it first; should it reject, so do they. @default ready */
  readonly ready?: Promise<unknown> | undefined
  readonly metrics?: PieceMetrics | undefined
  /** @default systemClock */
  readonly clock?: Clock | undefined
}

/**
 * The loader owns no source, only the pieces that it has opened. Sources are tried from the least cost on, behind them those that
 * are slow or have failed of late; those that rank equal in the order given.
 *
 * @throws {TypeError} `sealed` is `ask`, and nobody can be asked
 * @throws {RangeError} a limit that is none
 */
export const createPieceLoader = (sources: readonly PieceSource[], options: PieceLoaderOptions = {}): PieceLoader => {
  const { probeConcurrency, negativeTtlMs, patienceMs, sealed: policy, onSealed, ready, clock, metrics } = settingsOf(options)
  const named = withNames(sources)
  const scores = createSourceScores(clock, new Map(named.map(({ name, cost }) => [name, cost])))
  const absence = createAbsenceMemory(clock)
  const calls = createSourceCalls({ limits: options.limits, sources: named, scores, absence, negativeTtlMs, metrics, clock })
  const ranked = (): readonly PieceSource[] => scores.order(named, ({ name }) => name)
  const sealedPieces = createSealedPieces({ sources: ranked, slots: calls.unsealSlots, onSealed, metrics, clock })
  ready?.catch(() => {}) // each call says so
  const lifetime = new AbortController()
  const open = new Set<ByteSource>()

  /** Run `work` until the caller leaves or the loader is closed. */
  const during = async <T>(piece: AnyPieceCid, { signal }: CallOptions, work: (facts: PieceFacts, signal: AbortSignal) => Promise<T>): Promise<T> => {
    signal?.throwIfAborted()
    const facts = factsOf(piece)
    const closed = (): PieceLoaderError => new PieceLoaderError('PIECE_LOADER_CLOSED', 'piece loader is closed', facts.cid.toString())
    if (lifetime.signal.aborted) throw closed()
    const leaving = new AbortController()
    const unwatch = [
      onAbort(lifetime.signal, () => { leaving.abort(closed()) }),
      signal === undefined ? () => {} : onAbort(signal, () => { leaving.abort(signal.reason) }),
    ]
    try {
      if (ready !== undefined) await withdrawable(ready, leaving.signal)
      return await work(facts, leaving.signal)
    } finally {
      for (const end of unwatch) end()
    }
  }

  const openNow = async (facts: PieceFacts, signal: AbortSignal): Promise<{ readonly source: ByteSource | undefined, readonly failures: readonly unknown[] }> => {
    /** Where it was found, in every place of the same size. */
    let known = facts
    const race = createOpeningRace({
      order: scores.order([...named.keys()], (at) => named[at]!.name),
      concurrency: probeConcurrency,
      open: (at, call) => calls.open(named[at]!, known, call),
    })
    try {
      const opened = await openFirstOf(named.map(({ name }, at) => ({ name, open: (call: CallOptions) => race.open(at, call) })), {
        signal,
        memory: scores,
        patience: { clock, ms: patienceMs },
        sizeBytes: facts.pieceBytes,
        identity: (sizeBytes) => ({ kind: 'content', cid: facts.cid.toString(), sizeBytes }),
      })
      known = { ...facts, pieceBytes: opened.source?.sizeBytes ?? facts.pieceBytes }
      return opened
    } finally {
      race.end()
    }
  }

  const survey = (facts: PieceFacts, signal: AbortSignal): ReturnType<typeof surveyOf> => surveyOf(ranked(), facts, { concurrency: probeConcurrency, stat: calls.stat, patience: { clock, ms: patienceMs }, signal })

  const openOrRefuse = async (facts: PieceFacts, signal: AbortSignal): Promise<Outcome> => {
    for (let attempt = 1; ; attempt++) {
      const { source, failures } = await openNow(facts, signal)
      if (source !== undefined) return { source, refusal: undefined }
      const found = failures.length > 0 ? undefined : await survey(facts, signal)
      // it has come since it was asked for
      if (found?.best?.unsealed === 'yes' && attempt === 1) continue
      return { source: undefined, refusal: refusalOf(facts.cid, { count: named.length, failures, found }) }
    }
  }

  const close = async (): Promise<void> => {
    lifetime.abort()
    await Promise.all([...open].map((source) => source.close()))
  }

  return {
    stat: (piece, call = {}) => during(piece, call, async (facts, signal): Promise<PieceStat> => {
      const found = await survey(facts, signal)
      if (found.best !== undefined) return found.best
      throw absenceOf(found, facts.cid)
    }),
    open: (piece, call: OpenPieceOptions = {}) => during(piece, call, async (facts, signal) => {
      let { source, refusal } = await openOrRefuse(facts, signal)
      if (refusal?.code === 'PIECE_SEALED' && await sealedPieces.unsealed(facts.cid, call.sealed ?? policy, signal)) {
        absence.forget(facts.cid.toString())
        ;({ source, refusal } = await openOrRefuse(facts, signal))
      }
      if (source === undefined) throw refusal
      if (signal.aborted) {
        await source.close()
        throw signal.reason
      }
      return tracked(source, open)
    }),
    explain: (piece, call = {}) => during(piece, call, (facts, signal) => explanationOf(ranked(), facts.cid, { signal })),
    forget: (piece) => { absence.forget(piece === undefined ? undefined : factsOf(piece).cid.toString()) },
    scores: () => ranked().map(({ name }) => scores.score(name)),
    close,
    [Symbol.asyncDispose]: close,
  }
}

type Outcome = { readonly source: ByteSource, readonly refusal: undefined } | { readonly source: undefined, readonly refusal: PieceLoaderError }

interface Settings extends Pick<PieceLoaderOptions, 'onSealed' | 'ready'> {
  readonly probeConcurrency: number
  readonly negativeTtlMs: number
  readonly patienceMs: number
  readonly sealed: SealedPolicy
  readonly metrics: PieceMetrics
  readonly clock: Clock
}

const settingsOf = (options: PieceLoaderOptions): Settings => {
  const { onSealed, ready, metrics = NO_PIECE_METRICS, clock = systemClock } = options
  const { probeConcurrency, negativeTtlMs, patienceMs, sealed } = withDefaults(options)
  createSlots(probeConcurrency) // refuses what is no limit
  for (const [name, ms] of Object.entries({ negativeTtlMs, patienceMs })) if (!(ms >= 0)) throw new RangeError(`${name}; want=a number from 0 got=${ms}`)
  if (sealed === 'ask' && onSealed === undefined) throw new TypeError('sealed: ask needs onSealed')
  return { probeConcurrency, negativeTtlMs, patienceMs, sealed, onSealed, ready, metrics, clock }
}

const withDefaults = ({ probeConcurrency, negativeTtlMs, patienceMs, sealed }: PieceLoaderOptions): Pick<Settings, 'probeConcurrency' | 'negativeTtlMs' | 'patienceMs' | 'sealed'> => ({
  probeConcurrency: probeConcurrency ?? PIECE_LOADER_DEFAULTS.probeConcurrency,
  negativeTtlMs: negativeTtlMs ?? PIECE_LOADER_DEFAULTS.negativeTtlMs,
  patienceMs: patienceMs ?? PIECE_LOADER_DEFAULTS.patienceMs,
  sealed: sealed ?? PIECE_LOADER_DEFAULTS.sealed,
})

/** Names tell them apart, in messages and in what is remembered of them. */
const withNames = (sources: readonly PieceSource[]): readonly PieceSource[] => {
  const seen = new Map<string, number>()
  return sources.toSorted((a, b) => a.cost - b.cost).map((source) => {
    const count = (seen.get(source.name) ?? 0) + 1
    seen.set(source.name, count)
    return count === 1 ? source : renamed(source, `${source.name} (${count})`)
  })
}

const renamed = (source: PieceSource, name: string): PieceSource => ({
  name,
  cost: source.cost,
  absenceTtlMs: source.absenceTtlMs,
  stat: (...call) => source.stat(...call),
  open: (...call) => source.open(...call),
  ...(source.sizes === undefined ? {} : { sizes: (...call) => source.sizes!(...call) }),
  ...(source.unseal === undefined ? {} : { unseal: (...call) => source.unseal!(...call) }),
  ...(source.explain === undefined ? {} : { explain: (...call) => source.explain!(...call) }),
})

/** @throws {PieceError} `PIECE_BAD_CID` */
const factsOf = (piece: AnyPieceCid): PieceFacts => {
  const { commitment, paddedBytes, payloadBytes } = parsePieceCid(piece)
  return { cid: pieceCidV1(commitment), pieceBytes: paddedBytes === undefined ? undefined : unpaddedBytes(paddedBytes), payloadBytes }
}

/** The same source, in `open` until it is closed. */
const tracked = (source: ByteSource, open: Set<ByteSource>): ByteSource => {
  const close = async (): Promise<void> => {
    open.delete(entry)
    await source.close()
  }
  const entry: ByteSource = {
    sizeBytes: source.sizeBytes,
    identity: source.identity,
    get cost () { return source.cost },
    read: (at, length, call) => source.read(at, length, call),
    peek: (at, length) => source.peek(at, length),
    close,
    [Symbol.asyncDispose]: close,
  }
  open.add(entry)
  return entry
}
