/// <reference lib="esnext.disposable" preserve="true" />
/** A piece loader over any number of sources, cheapest first. */
import type { ByteSource, CallOptions } from '@dagstore/io'
import { causeOf, openFirstOf, retryOf } from '@dagstore/mounts'
import { type AnyPieceCid, parsePieceCid, pieceCidV1, unpaddedBytes } from '@dagstore/piece'
import type { CID } from 'multiformats/cid'
import { PieceLoaderError } from './errors.ts'
import type { OpenPieceOptions, PieceLoader, PieceSource, PieceStat } from './piece-loader.ts'

/** Sources of equal cost are tried in the order given. The loader owns no source, only the pieces that it has opened. */
export const createPieceLoader = (sources: readonly PieceSource[]): PieceLoader => {
  const ordered = sources.toSorted((a, b) => a.cost - b.cost)
  const open = new Set<ByteSource>()
  let closed = false
  const check = (piece: CID): void => { if (closed) throw new PieceLoaderError('PIECE_LOADER_CLOSED', 'piece loader is closed', piece.toString()) }
  const close = async (): Promise<void> => {
    closed = true
    await Promise.all([...open].map((source) => source.close()))
  }
  return {
    stat: async (piece, options = {}) => {
      options.signal?.throwIfAborted()
      const { cid } = nameOf(piece)
      check(cid)
      const survey = await surveyOf(ordered, cid, options)
      if (survey.best !== undefined) return survey.best
      throw absenceOf(survey, cid)
    },
    open: async (piece, options = {}) => {
      options.signal?.throwIfAborted()
      const { cid, pieceBytes } = nameOf(piece)
      check(cid)
      const places = ordered.map((source) => ({
        name: source.name,
        open: (call: CallOptions) => source.open(cid, { ...call, sealed: options.sealed }),
      }))
      const { source, failures } = await openFirstOf(places, {
        signal: options.signal,
        sizeBytes: pieceBytes,
        identity: (sizeBytes) => ({ kind: 'content', cid: cid.toString(), sizeBytes }),
      })
      if (source === undefined) throw await refusalOf(ordered, cid, failures, options)
      if (closed) {
        await source.close()
        check(cid)
      }
      return tracked(source, open)
    },
    explain: async (piece, options = {}) => {
      options.signal?.throwIfAborted()
      const { cid } = nameOf(piece)
      check(cid)
      return explanationOf(ordered, cid, options)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** What each source says; one that cannot say why is named with its failure. */
const explanationOf = async (sources: readonly PieceSource[], piece: CID, { signal }: CallOptions): Promise<string> => {
  const said: string[] = []
  for (const source of sources) {
    signal?.throwIfAborted()
    try {
      const text = source.explain === undefined ? await shortAnswer(source, piece, { signal }) : await source.explain(piece, { signal })
      if (text !== undefined) said.push(text)
    } catch (error) {
      signal?.throwIfAborted()
      said.push(`${source.name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return said.length > 0 ? said.join('; ') : `no record of it in ${sources.map(({ name }) => name).join(', ')}`
}

const shortAnswer = async (source: PieceSource, piece: CID, options: CallOptions): Promise<string | undefined> => {
  const stat = await source.stat(piece, options)
  return stat === undefined ? undefined : `${source.name}: ${stat.unsealed === 'yes' ? 'there' : stat.unsealed}`
}

/** @throws {PieceError} `PIECE_BAD_CID` */
const nameOf = (piece: AnyPieceCid): { readonly cid: CID, readonly pieceBytes: number | undefined } => {
  const { commitment, paddedBytes } = parsePieceCid(piece)
  return { cid: pieceCidV1(commitment), pieceBytes: paddedBytes === undefined ? undefined : unpaddedBytes(paddedBytes) }
}

interface Survey {
  /** `undefined`: no record anywhere that answered. */
  readonly best: PieceStat | undefined
  readonly answers: number
  readonly failures: readonly unknown[]
}

/** Ask one after another until one has the piece unsealed. */
const surveyOf = async (sources: readonly PieceSource[], piece: CID, { signal }: CallOptions): Promise<Survey> => {
  const records: PieceStat[] = []
  const failures: unknown[] = []
  let answers = 0
  for (const source of sources) {
    signal?.throwIfAborted()
    try {
      const stat = await source.stat(piece, { signal })
      answers++
      if (stat?.unsealed === 'yes') return { best: stat, answers, failures }
      if (stat !== undefined) records.push(stat)
    } catch (error) {
      signal?.throwIfAborted()
      failures.push(error)
    }
  }
  signal?.throwIfAborted()
  const first = records[0]
  if (first === undefined) return { best: undefined, answers, failures }
  // sealed only if everybody who might know says so
  const sealed = failures.length === 0 && records.every(({ unsealed }) => unsealed === 'sealed')
  return { best: { ...first, unsealed: sealed ? 'sealed' : 'unknown' }, answers, failures }
}

const absenceOf = ({ answers, failures }: Survey, piece: CID): PieceLoaderError => {
  const cause = causeOf(failures)
  if (answers === 0) return new PieceLoaderError('PIECE_NO_SOURCE', `no source answered; sources=${failures.length}`, piece.toString(), { ...cause, retry: retryOf(failures) })
  // absence is proven only when everybody has answered
  return new PieceLoaderError('PIECE_UNKNOWN', `no record of it; asked=${answers} unanswered=${failures.length}`, piece.toString(), { ...cause, retry: failures.length > 0 ? 'later' : 'never' })
}

/** Why nobody could open the piece. */
const refusalOf = async (sources: readonly PieceSource[], piece: CID, failures: readonly unknown[], options: OpenPieceOptions): Promise<PieceLoaderError> => {
  const noSource = (causes: readonly unknown[]): PieceLoaderError =>
    new PieceLoaderError('PIECE_NO_SOURCE', `no source could open it; sources=${sources.length} failed=${causes.length}`, piece.toString(), { ...causeOf(causes), retry: causes.length === 0 ? 'later' : retryOf(causes) })
  if (failures.length > 0) return noSource(failures)
  const survey = await surveyOf(sources, piece, options)
  if (survey.best === undefined) return absenceOf(survey, piece)
  if (survey.best.unsealed !== 'sealed') return noSource(survey.failures)
  return new PieceLoaderError('PIECE_SEALED', 'only sealed copies are known', piece.toString(), { retry: 'later' })
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
