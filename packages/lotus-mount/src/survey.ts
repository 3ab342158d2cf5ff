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
  let answers = 0
  let found: PieceStat | undefined
  const ask = async (source: PieceSource): Promise<void> => {
    try {
      const record = await inTime(stat(source, facts, { signal: enough.signal }), patience, source.name)
      answers++
      if (record === undefined) return
      records.push(record)
      if (record.unsealed === 'yes') found ??= record
    } catch (error) {
      if (!enough.signal.aborted) failures.push(error)
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
  if (first === undefined) return { best: undefined, answers, failures }
  // sealed only if everybody who might know says so
  const sealed = failures.length === 0 && records.every(({ unsealed }) => unsealed === 'sealed')
  return { best: { unsealed: found !== undefined ? 'yes' : sealed ? 'sealed' : 'unknown', pieceBytes: first.pieceBytes, ...(payloadBytes === undefined ? {} : { payloadBytes }) }, answers, failures }
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
  /** Made where no opening failed. */
  readonly found: Survey | undefined
}

/** Why nobody could open the piece. */
export const refusalOf = (cid: CID, { count, failures, found }: Refused): PieceLoaderError => {
  const noSource = (causes: readonly unknown[]): PieceLoaderError =>
    new PieceLoaderError('PIECE_NO_SOURCE', `no source could open it; sources=${count} failed=${causes.length}`, cid.toString(), { ...causeOf(causes), retry: causes.length === 0 ? 'later' : retryOf(causes) })
  if (found === undefined) return noSource(failures)
  if (found.best === undefined) return absenceOf(found, cid)
  if (found.best.unsealed !== 'sealed') return noSource(found.failures)
  return new PieceLoaderError('PIECE_SEALED', 'only sealed copies are known', cid.toString(), { retry: 'later' })
}
