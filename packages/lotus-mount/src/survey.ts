/** What all sources together know of a piece, and what follows where none could open it. */
import { type CallOptions, type Clock, IoError, onAbort, withdrawable } from '@dagstore/io'
import { causeOf, retryOf } from '@dagstore/mounts'
import type { CID } from 'multiformats/cid'
import { PieceLoaderError } from './errors.ts'
import type { PieceSource, PieceStat } from './piece-loader.ts'
import { createSlots } from './slots.ts'
import type { PieceFacts } from './source-calls.ts'

export interface Survey {
  /** `undefined`: no record anywhere that answered. */
  readonly best: PieceStat | undefined
  readonly answers: number
  readonly failures: readonly unknown[]
  /** Who could not say whether the piece is there, so that it may be. */
  readonly unsure: readonly Unsure[]
  /** Who has records that lead nowhere. */
  readonly lostAt: readonly PieceSource[]
  /** Whether somebody knows of a sealed copy. */
  readonly isSealed: boolean
}

export interface Unsure {
  /** Of the source. */
  readonly name: string
  /** `undefined`: it could not look just now. */
  readonly error: unknown
}

export interface SurveyOptions {
  readonly concurrency: number
  readonly stat: (source: PieceSource, facts: PieceFacts, options: CallOptions) => Promise<PieceStat | undefined>
  /** One that has not answered by then has failed. */
  readonly patience: Patience
  readonly signal: AbortSignal
}

export interface Patience {
  readonly clock: Clock
  /** 0: as long as it takes. */
  readonly ms: number
}

/** Ask the first one, then the others, so many at a time, until one has the piece unsealed. */
export const surveyOf = async (sources: readonly PieceSource[], facts: PieceFacts, { concurrency, stat, patience, signal }: SurveyOptions): Promise<Survey> => {
  const slots = createSlots(concurrency)
  const enough = new AbortController()
  const records: PieceStat[] = []
  const failures: unknown[] = []
  const unsure: Unsure[] = []
  const lostAt: PieceSource[] = []
  let answers = 0
  let found: PieceStat | undefined
  const ask = async (source: PieceSource): Promise<void> => {
    try {
      const record = await inTime(stat(source, facts, { signal: enough.signal }), patience, source.name)
      answers++
      if (record === undefined) return
      records.push(record)
      if (record.unsealed === 'yes') found ??= record
      else if (record.unsealed === 'unknown') unsure.push({ name: source.name, error: undefined })
      else if (record.unsealed === 'lost') lostAt.push(source)
    } catch (error) {
      if (enough.signal.aborted) return
      failures.push(error)
      unsure.push({ name: source.name, error })
    }
  }
  const unwatch = onAbort(signal, () => { enough.abort() })
  try {
    const [first, ...others] = sources
    // whoever costs least often has it
    if (first !== undefined) await withdrawable(ask(first), signal)
    if (found === undefined) {
      const settled = Promise.all(others.map((source) => slots.run(async () => {
        await ask(source)
        if (found !== undefined) enough.abort()
      }, { signal: enough.signal }).catch(() => {}))) // it was not asked any more
      await withdrawable(settled, enough.signal).catch(() => {}) // found, or nobody waits
    }
  } finally {
    unwatch()
    enough.abort()
  }
  signal.throwIfAborted()
  const payloadBytes = facts.payloadBytes ?? records.find((record) => record.payloadBytes !== undefined)?.payloadBytes
  const first = found ?? records[0]
  const isSealed = records.some(({ unsealed }) => unsealed === 'sealed')
  const rest = { answers, failures, unsure, lostAt, isSealed }
  if (first === undefined) return { best: undefined, ...rest }
  // sealed or lost only if everybody who might know says so
  const unsealed = found !== undefined ? 'yes' : unsure.length > 0 ? 'unknown' : isSealed ? 'sealed' : 'lost'
  return { best: { unsealed, pieceBytes: first.pieceBytes, ...(payloadBytes === undefined ? {} : { payloadBytes }) }, ...rest }
}

const inTime = async <T>(work: Promise<T>, { clock, ms }: Patience, name: string): Promise<T> => {
  if (ms === 0) return work
  const answered = new AbortController()
  const late = clock.sleep(ms, { signal: answered.signal }).then(() => { throw new IoError('IO_FAILED', `no answer for too long; source=${name} ms=${ms}`, { retry: 'later' }) })
  late.catch(() => {}) // it was answered
  try {
    return await Promise.race([work, late])
  } finally {
    answered.abort()
  }
}

export const absenceOf = ({ answers, failures }: Survey, piece: CID): PieceLoaderError => {
  const cause = causeOf(failures)
  if (answers === 0) return new PieceLoaderError('PIECE_NO_SOURCE', `no source answered; sources=${failures.length}`, piece.toString(), { ...cause, retry: retryOf(failures) })
  // absence is proven only when everybody has answered
  return new PieceLoaderError('PIECE_UNKNOWN', `no record of it; asked=${answers} unanswered=${failures.length}`, piece.toString(), { ...cause, retry: failures.length > 0 ? 'later' : 'never' })
}

export interface Refused {
  /** How many sources there are. */
  readonly count: number
  /** Of the openings. */
  readonly failures: readonly unknown[]
  /** Of those whose opening did not fail. */
  readonly found: Survey
  /** What those say who have records that lead nowhere. */
  readonly lost: string
}

/** Why nobody could open the piece. */
export const refusalOf = (cid: CID, { count, failures, found, lost }: Refused): PieceLoaderError => {
  const noSource = (causes: readonly unknown[]): PieceLoaderError =>
    new PieceLoaderError('PIECE_NO_SOURCE', `no source could open it; sources=${count} failed=${causes.length}`, cid.toString(), { ...causeOf(causes), retry: causes.length === 0 ? 'later' : retryOf(causes) })
  if (failures.length > 0) return noSource([...failures, ...found.failures])
  if (found.best === undefined) return absenceOf(found, cid)
  if (found.best.unsealed === 'lost') return new PieceLoaderError('PIECE_LOST', lost, cid.toString(), { retry: 'later' })
  if (found.best.unsealed !== 'sealed') return noSource(found.failures)
  return new PieceLoaderError('PIECE_SEALED', 'only sealed copies are known', cid.toString(), { retry: 'later' })
}
