/**
 * Which bytes of a file are the payload of a piece: all of them, or, of a CARv2, its CARv1 payload. Their commitment, with zeros up to the
 * size that was agreed on, decides.
 *
 * Source: go-fil-markets storagemarket/impl/provider.go `ImportDataForDeal`, provider_states.go `VerifyData`. Looser: of a CARv2 that
 * was given as a file Lotus takes the whole alone.
 */
import { readLayout, refuseReferences } from '@dagstore/carv2'
import { type ByteProgress, type ByteSource, type CallOptions, createWindow, readChunks } from '@dagstore/io'
import { type CommPWriter, type OpenCommP, padCommitment, parsePieceCid, PieceError, unpaddedBytes } from '@dagstore/piece'
import type { DealProposal } from '@dagstore/deal-protocol'
import { DealProviderError } from './errors.ts'
import { codeOf } from './failure.ts'

export interface PieceWindow { readonly start: number, readonly length: number }

export interface MatchOptions extends CallOptions {
  readonly openCommP: OpenCommP
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

type Wanted = Pick<DealProposal, 'pieceCid' | 'pieceSize'>

/**
 * Windows that could be the payload, most likely first; none that the piece has no room for. Reads a few bytes.
 *
 * @throws {CarV2Error} `CARV2_REFERENCES`: sealed, it would be a piece whose data are elsewhere
 */
export const candidateWindows = async (source: ByteSource, { pieceSize }: Wanted, { signal }: CallOptions): Promise<PieceWindow[]> => {
  const whole = { start: 0, length: source.sizeBytes }
  const inside = await payloadOfCarV2(source, signal)
  return [...inside === undefined ? [] : [inside], whole].filter(({ length }) => length > 0 && length <= unpaddedBytes(pieceSize))
}

/** `undefined`: no CARv2, or one that is none after all. */
const payloadOfCarV2 = async (source: ByteSource, signal: AbortSignal | undefined): Promise<PieceWindow | undefined> => {
  try {
    const layout = await readLayout(source, { signal, badIndex: 'report' })
    await refuseReferences(source, layout, 'the file', { signal })
    const { version, payloadStart, payloadBytes } = layout
    return version === 2 ? { start: payloadStart, length: payloadBytes } : undefined
  } catch (error) {
    if (isCarError(error) && codeOf(error) !== 'CARV2_REFERENCES') return undefined
    throw error
  }
}

/** Why the window begins like no CAR; `undefined`: it does like one. */
export const carFault = async (source: ByteSource, { start, length }: PieceWindow, { signal }: CallOptions): Promise<DealProviderError | undefined> => {
  try {
    await readLayout(createWindow(source, start, length), { signal, badIndex: 'report' })
    return undefined
  } catch (cause) {
    if (isCarError(cause)) return new DealProviderError('DEAL_NOT_A_CAR', 'the piece is no CAR, so that it can be no shard', { cause })
    throw cause
  }
}

const isCarError = (error: unknown): boolean => error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('CARV2_')

/** Takes the payload in order, and says at the end whether it was that of the piece. */
export interface PieceCheck extends Pick<CommPWriter, 'write' | 'close'> {
  /** @throws {DealProviderError} `DEAL_PIECE_MISMATCH` */
  finish(): Promise<void>
}

export const createPieceCheck = (wanted: Wanted, openCommP: OpenCommP, options: CallOptions): PieceCheck => {
  const commp = openCommP(options)
  return {
    write: (bytes) => commp.write(bytes),
    finish: async () => { if (!await isPiece(commp, wanted)) throw mismatch(wanted) },
    close: () => commp.close(),
  }
}

/**
 * The first candidate whose bytes are the piece. The likeliest is read alone, and the other only if that one is not it: hashing costs
 * many times what reading does.
 *
 * @throws {DealProviderError} `DEAL_PIECE_MISMATCH`. {CarV2Error} `CARV2_REFERENCES`
 */
export const matchPiece = async (source: ByteSource, wanted: Wanted, options: MatchOptions): Promise<PieceWindow> => {
  const { signal, openCommP, onProgress } = options
  for (const window of await candidateWindows(source, wanted, { signal })) {
    const commp = openCommP({ signal })
    try {
      let doneBytes = 0
      for await (const chunk of readChunks(source, window.start, window.start + window.length, { signal })) {
        await commp.write(chunk)
        doneBytes += chunk.byteLength
        onProgress?.({ doneBytes, totalBytes: window.length })
      }
      if (await isPiece(commp, wanted)) return window
    } finally {
      await commp.close()
    }
  }
  throw mismatch(wanted)
}

const isPiece = async (commp: CommPWriter, { pieceCid, pieceSize }: Wanted): Promise<boolean> => {
  let result
  try {
    result = await commp.finish()
  } catch (error) {
    if (error instanceof PieceError && error.code === 'PIECE_TOO_SMALL') return false
    throw error
  }
  if (result.paddedBytes > pieceSize) return false
  const commitment = padCommitment(result.commitment, result.paddedBytes, pieceSize)
  const want = parsePieceCid(pieceCid).commitment
  return commitment.every((byte, index) => byte === want[index])
}

const mismatch = ({ pieceCid, pieceSize }: Wanted): DealProviderError =>
  new DealProviderError('DEAL_PIECE_MISMATCH', `not the bytes of the piece; want=${pieceCid.toString()} padded=${pieceSize}`)
