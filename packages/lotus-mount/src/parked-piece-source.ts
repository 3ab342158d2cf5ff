/** Parked pieces of Curio: their payload in a file of its own, `piece/s-t00-<id>`. */
import type { ByteSource, CallOptions } from '@dagstore/io'
import { unpaddedBytes } from '@dagstore/piece'
import type { PieceStore } from '@dagstore/piece-store'
import { sectorFileName } from '@dagstore/unsealed-sector'
import { copiesSource } from './copies-source.ts'
import { isParked } from './parked-piece.ts'
import type { PieceSource } from './piece-loader.ts'
import { asWholePiece } from './zero-tail.ts'

/** Opens the raw file of a parked piece for reading alone; the caller closes. `undefined`: there is none here. */
export interface OpenPieceFile {
  (id: bigint, options?: CallOptions): Promise<ByteSource | undefined>
  /** Where it looks, for messages. */
  readonly places?: readonly string[]
}

export interface ParkedPieceSourceOptions {
  readonly pieceStore: Pick<PieceStore, 'get'>
  readonly openPieceFile: OpenPieceFile
  /** @default 'parked pieces' */
  readonly name?: string | undefined
  /** @default 0 */
  readonly cost?: number | undefined
}

/** A file of another length than the payload is still being written, and counts as a failure that passes. */
export const parkedPieceSource = ({ pieceStore, openPieceFile, name = 'parked pieces', cost = 0 }: ParkedPieceSourceOptions): PieceSource => copiesSource({
  name,
  cost,
  absenceTtlMs: 0, // looking is quick
  locationsOf: async (piece) => (await pieceStore.get(piece)).filter(isParked),
  copiesOf: async (_, { sector, lengthPadded, payloadBytes }) => [{
    name: `${name} ${sector}`,
    open: async (call) => {
      const file = await openPieceFile(sector, call)
      return file === undefined ? undefined : asWholePiece(file, { pieceBytes: unpaddedBytes(lengthPadded), payloadBytes })
    },
    describe: async (call) => {
      const file = sectorFileName(0n, sector)
      const found = await openPieceFile(sector, call)
      await found?.close()
      return found === undefined ? `${file} not in ${openPieceFile.places?.join(', ') ?? name}` : `${file} is there`
    },
  }],
})
