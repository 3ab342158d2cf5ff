/// <reference lib="esnext.disposable" preserve="true" />
/** A piece loader over any number of sources, cheapest first. */
import { type ByteSource, type CallOptions, type Clock, onAbort, systemClock, withdrawable } from '@dagstore/io'
import { openFirstOf, retryOf } from '@dagstore/mounts'
import { type AnyPieceCid, parsePieceCid, pieceCidV1, unpaddedBytes } from '@dagstore/piece'
import { createAbsenceMemory } from './absence-memory.ts'
import { PieceLoaderError } from './errors.ts'
import { explanationOf } from './explanation.ts'
import { NO_PIECE_METRICS, type PieceMetrics } from './metrics.ts'
import { withNames } from './named-sources.ts'
import { createOpeningRace } from './opening-race.ts'
import type { OpenPieceOptions, PieceLoader, PieceSource, PieceStat, SealedPolicy } from './piece-loader.ts'
import { PIECE_LOADER_DEFAULTS, type PieceLimits } from './piece-limits.ts'
import { createSealedPieces } from './sealed-pieces.ts'
import { createSlots } from './slots.ts'
import { createSourceCalls, type PieceFacts } from './source-calls.ts'
import { createSourceScores, DOWN } from './source-scores.ts'
import { absenceOf, refusalOf, surveyOf, type Unsure } from './survey.ts'

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

  const openNow = async (facts: PieceFacts, signal: AbortSignal): Promise<{ readonly source: ByteSource | undefined, readonly failures: readonly unknown[], readonly failed: ReadonlyMap<string, unknown> }> => {
    /** By source. */
    const failed = new Map<string, unknown>()
    /** Where it was found, in every place of the same size. */
    let known = facts
    const race = createOpeningRace({
      order: scores.order([...named.keys()], (at) => named[at]!.name),
      concurrency: probeConcurrency,
      open: (at, call) => calls.open(named[at]!, known, call),
    })
    try {
      const opened = await openFirstOf(named.map(({ name }, at) => ({ name, open: async (call: CallOptions) => {
        failed.delete(name)
        try {
          return await race.open(at, call)
        } catch (error) {
          failed.set(name, error)
          throw error
        }
      } })), {
        signal,
        memory: scores,
        patience: { clock, ms: patienceMs },
        sizeBytes: facts.pieceBytes,
        identity: (sizeBytes) => ({ kind: 'content', cid: facts.cid.toString(), sizeBytes }),
      })
      known = { ...facts, pieceBytes: opened.source?.sizeBytes ?? facts.pieceBytes }
      return { ...opened, failed }
    } finally {
      race.end()
    }
  }

  const survey = (facts: PieceFacts, signal: AbortSignal, failed?: ReadonlyMap<string, unknown>): ReturnType<typeof surveyOf> => surveyOf(ranked().filter(({ name }) => failed?.has(name) !== true), facts, { concurrency: probeConcurrency, stat: calls.stat, patience: { clock, ms: patienceMs }, signal })

  const openOrRefuse = async (facts: PieceFacts, signal: AbortSignal): Promise<Outcome> => {
    for (let attempt = 1; ; attempt++) {
      const { source, failures, failed } = await openNow(facts, signal)
      if (source !== undefined) return { source, refusal: undefined }
      const found = await survey(facts, signal, failed)
      // it has come since it was asked for
      if (failures.length === 0 && found.best?.unsealed === 'yes' && attempt === 1) continue
      // it is kept with the shard
      const lost = failures.length === 0 && found.best?.unsealed === 'lost' ? shortened(await explanationOf(found.lostAt, facts.cid, { signal })) : ''
      return {
        source: undefined,
        refusal: refusalOf(facts.cid, { count: named.length, failures, found, lost }),
        isSealed: found.isSealed && found.best?.unsealed !== 'yes',
        unsure: [...found.unsure, ...[...failed].map(([name, error]) => ({ name, error }))],
      }
    }
  }

  /** Those who did not answer are asked again for a while; who is down then, or refuses for good, holds up nobody. */
  const openOrKnowSealed = async (facts: PieceFacts, wanted: SealedPolicy, signal: AbortSignal): Promise<Outcome> => {
    for (let tries = 1; ; tries++) {
      const outcome = await openOrRefuse(facts, signal)
      if (outcome.source !== undefined || wanted === 'reject' || !outcome.isSealed || !named.some(({ unseal }) => unseal !== undefined)) return outcome
      const waitedFor = outcome.unsure.filter(({ name, error }) => !scores.isDown(name) && (error === undefined || retryOf([error]) === 'later'))
      if (waitedFor.length === 0 || tries > TRIES) return { ...outcome, unsure: [] }
      await clock.sleep(DOWN.ms / TRIES, { signal })
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
      const wanted = call.sealed ?? policy
      let outcome = await openOrKnowSealed(facts, wanted, signal)
      if (outcome.source === undefined && outcome.isSealed && outcome.unsure.length === 0 && await sealedPieces.unsealed(facts.cid, wanted, signal)) {
        absence.forget(facts.cid.toString())
        outcome = await openOrRefuse(facts, signal)
      }
      if (outcome.source === undefined) throw outcome.refusal
      const { source } = outcome
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

type Outcome = { readonly source: ByteSource, readonly refusal: undefined } | {
  readonly source: undefined
  readonly refusal: PieceLoaderError
  /** Somebody knows of a sealed copy, and nobody of one that is not. */
  readonly isSealed: boolean
  /** Who may have it unsealed all the same. */
  readonly unsure: readonly Unsure[]
}

/** Of a message. */
const MAX_CHARACTERS = 500
const shortened = (text: string): string => text.length <= MAX_CHARACTERS ? text : `${text.slice(0, MAX_CHARACTERS)}…`

/** How often those who do not answer are asked again before a piece is unsealed. */
const TRIES = DOWN.failures

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
