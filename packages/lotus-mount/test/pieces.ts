/** Pieces to test with, and sources of them whose behaviour a test can change. */
import { type ByteSource, createBytesSource, IoError } from '@dagstore/io'
import { createCommP } from '@dagstore/piece'
import { seededBytes } from '@dagstore-tooling/fixtures'
import type { CID } from 'multiformats/cid'
import type { PieceSource, PieceStat } from '../src/index.ts'

export interface TestPiece {
  readonly v1: CID
  readonly v2: CID
  readonly payload: Uint8Array
  /** The whole unpadded piece. */
  readonly bytes: Uint8Array
  readonly paddedBytes: number
}

export const makePiece = (seed: number, payloadBytes = 1500): TestPiece => {
  const payload = seededBytes(seed, payloadBytes)
  const commp = createCommP()
  commp.write(payload)
  const { cidV1, cidV2, paddedBytes } = commp.finish()
  const bytes = new Uint8Array(paddedBytes / 128 * 127)
  bytes.set(payload)
  return { v1: cidV1, v2: cidV2, payload, bytes, paddedBytes }
}

/** A piece source that can be broken; counts what is open. */
export interface TestSource extends PieceSource {
  sizes?: NonNullable<PieceSource['sizes']>
  unsealed: PieceStat['unsealed']
  pieces: TestPiece[]
  /** Thrown by stat and open. */
  broken: unknown
  /** Thrown by reads, as long as it is set. */
  lost: unknown
  /** Bytes given in place of the piece's. */
  bytes: Uint8Array | undefined
  /** Awaited by open. */
  gate: Promise<void> | undefined
  opens: number
  openNow: number
  closes: number
  reads: number
}

export const testSource = (name: string, cost: number, pieces: TestPiece[]): TestSource => {
  const source: TestSource = {
    name,
    cost,
    absenceTtlMs: 0,
    pieces,
    unsealed: 'yes',
    broken: undefined,
    lost: undefined,
    bytes: undefined,
    gate: undefined,
    opens: 0,
    openNow: 0,
    closes: 0,
    reads: 0,
    stat: async (piece) => {
      if (source.broken !== undefined) throw source.broken
      const known = source.pieces.find(({ v1 }) => v1.equals(piece))
      return known === undefined ? undefined : { unsealed: source.unsealed, pieceBytes: known.bytes.byteLength }
    },
    open: async (piece, { signal } = {}) => {
      await source.gate
      signal?.throwIfAborted()
      if (source.broken !== undefined) throw source.broken
      const known = source.pieces.find(({ v1 }) => v1.equals(piece))
      if (known === undefined || source.unsealed !== 'yes') return undefined
      source.opens++
      source.openNow++
      const inner = createBytesSource(source.bytes ?? known.bytes)
      let closed = false
      const opened: ByteSource = {
        ...inner,
        cost: { kind: 'remote', seekBytes: source.cost },
        read: async (at, length, call) => {
          source.reads++
          if (source.lost !== undefined) throw source.lost
          return inner.read(at, length, call)
        },
        peek: () => undefined,
        close: async () => {
          source.closes++
          if (!closed) source.openNow--
          closed = true
          await inner.close()
        },
      }
      return opened
    },
  }
  return source
}

export const ioError = (code: ConstructorParameters<typeof IoError>[0], retry: 'never' | 'later' = 'later'): IoError => new IoError(code, 'test', { retry })
