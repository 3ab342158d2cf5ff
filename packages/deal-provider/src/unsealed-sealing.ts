/**
 * The stand-in for sealing: a piece is written, fr32-padded, where Lotus keeps unsealed sectors, and recorded in the piece
 * store. Nothing is sealed, and nothing is proved: whoever has to prove storage uses another subsystem. The order of the steps is decision 5.
 */
import type { AddPieceRequest, PiecePlace, SealingEvent, SealingSubsystem } from '@dagstore/deal-protocol'
import { type AnyLevel, createEventHub, createKeyLock, type Directory, IoError } from '@dagstore/io'
import { type PieceEngine, toPieceCidV1 } from '@dagstore/piece'
import type { PieceStore } from '@dagstore/piece-store'
import { openSectorWriter, SECTOR_SIZES, SectorError, type SectorRange } from '@dagstore/unsealed-sector'
import { openPlannedPlaces, type PlannedPlace } from './planned-places.ts'
import { isAllocated, isSamePlace, nameOf, readSector, type SectorContents } from './sector-files.ts'
import { SectorRoom } from './sector-room.ts'

export interface UnsealedSealingOptions {
  /** Opened; any engine. Sublevel `sector-places` is the subsystem's. */
  readonly db: AnyLevel
  /** `unsealed/` in it is the subsystem's. */
  readonly files: Directory
  readonly pieces: Pick<PieceStore, 'add' | 'get' | 'remove' | 'list' | 'additions'>
  /** Actor id of the provider whose sectors are written. */
  readonly miner: bigint
  /** What pads: that of `@dagstore/piece/node` is fast. @default plain JavaScript */
  readonly engine?: PieceEngine | undefined
  /** The chain's epoch now; deals end by it. @default none: deals never end by themselves */
  readonly epoch?: (() => bigint) | undefined
}

/** Where a piece is, and whether it was there. */
export interface UnsealedPlace extends PiecePlace {
  /** Name below the directory. */
  readonly fileName: string
  readonly sectorBytes: number
  /** Nothing was written: an earlier call has, for this deal or for another with the same piece. */
  readonly reused: boolean
}

export interface UnsealedSealing extends SealingSubsystem {
  addPiece(request: Omit<AddPieceRequest, 'deal'> & Partial<Pick<AddPieceRequest, 'deal'>>): Promise<UnsealedPlace>
  removePiece(...args: Parameters<NonNullable<SealingSubsystem['removePiece']>>): ReturnType<NonNullable<SealingSubsystem['removePiece']>>
}

/**
 * Sectors that are written and never sealed. Deals with the same piece share one place. A deal is active as soon as its piece is in
 * its sector, and expires with the epoch that was agreed on. One for each database and miner at a time.
 */
export const createUnsealedSealing = (options: UnsealedSealingOptions): UnsealedSealing => {
  const { pieces, files, miner, epoch } = options
  const places = openPlannedPlaces(options.db)
  const room = new SectorRoom({ files, pieces, miner, places })
  const lock = createKeyLock()
  const hub = createEventHub<SealingEvent>(() => {}, () => {})

  const add = async (request: Parameters<UnsealedSealing['addPiece']>[0]): Promise<UnsealedPlace> => {
    const { pieceCid, pieceBytes, payloadBytes, signal } = request
    const key = pieceCid.toString()
    for (const location of await pieces.get(pieceCid)) {
      if (location.lengthPadded !== pieceBytes) continue
      const fileName = nameOf(location)
      const sector = await readSector(files, fileName)
      if (sector !== undefined && isAllocated(sector.allocated, location.offsetPadded, pieceBytes)) {
        // a crash may have come between the record and the end of the plan
        if (await places.get(key) !== undefined) await places.delete(key)
        return { ...placeOf(location), fileName, sectorBytes: sector.sectorBytes, reused: true }
      }
      // of a sector that is not here somebody else may know; in one that is here, the piece is not
      if (sector !== undefined && location.miner === miner) await pieces.remove(pieceCid, location)
    }
    const place = await lock('places', async () => {
      const planned = await places.get(key)
      if (planned?.lengthPadded === pieceBytes) return planned
      try {
        const found = await room.take(pieceBytes)
        signal?.throwIfAborted()
        await places.put(key, found)
        return found
      } catch (error) {
        room.forget()
        throw error
      }
    })
    const fileName = nameOf(place)
    // one writer of a sector at a time
    await lock(fileName, async () => {
      const written = await readSector(files, fileName)
      // a crash may have come between the last write and the record: then only the record is missing
      if (written === undefined || !isAllocated(written.allocated, place.offsetPadded, pieceBytes)) await writePiece(options, room, place, written, request)
    })
    await lock('places', () => room.added(() => pieces.add(pieceCid, { ...placeOf(place), payloadBytes })))
    await places.delete(key)
    return { ...placeOf(place), fileName, sectorBytes: place.sectorBytes, reused: false }
  }

  return {
    // one call for a piece at a time: the second finds what the first has written
    addPiece: async (request) => {
      const place = await lock(`piece ${request.pieceCid.toString()}`, () => add(request))
      if (request.deal !== undefined) hub.emit({ proposalCid: request.deal.proposalCid, status: 'active' })
      return place
    },
    removePiece: ({ pieceCid, place }) => lock(`piece ${pieceCid.toString()}`, async () => {
      // without its record the place was given up before, and may be another piece's by now
      if (!(await pieces.get(pieceCid)).some((location) => isSamePlace(location, place))) return
      const fileName = nameOf(place)
      await lock(fileName, async () => {
        const sector = await readSector(files, fileName)
        // one that a crash has left unreadable is mended by being written to
        const sectorBytes = sector === undefined ? await likelySize(files, fileName) : sector.sectorBytes
        if (sectorBytes === undefined || (sector !== undefined && !isAllocated(sector.allocated, place.offsetPadded, place.lengthPadded))) return
        await withWriter(options, room, { ...place, sectorBytes }, sector, (writer) => writer.free(place.offsetPadded, place.lengthPadded))
        if (place.miner === miner) await lock('places', () => room.freed(toPieceCidV1(pieceCid), place))
      })
    }),
    status: async ({ proposal }) => ({ status: epoch !== undefined && epoch() >= proposal.endEpoch ? 'expired' : 'active' }),
    events: async function * ({ signal } = {}) {
      for await (const event of hub.subscribe({ signal })) if ('proposalCid' in event) yield event
    },
  }
}

const placeOf = ({ miner, sector, offsetPadded, lengthPadded }: PiecePlace): PiecePlace => ({ miner, sector, offsetPadded, lengthPadded })

const writePiece = async (
  options: UnsealedSealingOptions, room: SectorRoom, place: PlannedPlace, there: SectorContents | undefined,
  { payload, payloadBytes, pieceBytes, signal, onProgress }: Omit<AddPieceRequest, 'deal'>
): Promise<void> => {
  // the tail of the piece stays a hole, so only the payload counts
  const neededBytes = Math.ceil(payloadBytes / 127) * 128 + (1 << 20)
  const freeBytes = await options.files.freeBytes()
  if (freeBytes !== undefined && freeBytes < neededBytes) {
    throw new IoError('IO_FULL', `not enough space for the sector file ${nameOf(place)}; need=${neededBytes} free=${freeBytes}`, { retry: 'later' })
  }
  await withWriter(options, room, place, there, (writer) =>
    writer.writePiece(place.offsetPadded, pieceBytes, payload(), { signal, onProgress: ({ doneBytes }) => { onProgress?.({ doneBytes, totalBytes: payloadBytes }) } }))
}

type Writer = Awaited<ReturnType<typeof openSectorWriter>>

/** @param there - what the file has */
const withWriter = async (
  { files, engine }: UnsealedSealingOptions, room: SectorRoom, place: Pick<PlannedPlace, 'miner' | 'sector' | 'sectorBytes'>, there: SectorContents | undefined,
  work: (writer: Writer) => Promise<unknown>
): Promise<void> => {
  const { sectorBytes } = place
  const repair = await room.repairOf(place, there)
  const file = await files.openWritable(nameOf(place), 'any')
  const open = (ranges: readonly SectorRange[] | undefined): Promise<Writer> => openSectorWriter(file, { sectorBytes, repair: ranges, fr32: engine })
  try {
    await work(await open(repair).catch(async (error: unknown) => {
      // it was whole a moment ago
      if (repair !== undefined || !(error instanceof SectorError && error.code === 'SECTOR_BAD_TRAILER')) throw error
      return open(await room.recordedIn(place))
    }))
  } catch (error) {
    room.forget()
    throw error
  } finally {
    await file.close()
  }
}

/** By the length of the file; `undefined`: there is none, or it is no sector. */
const likelySize = async (files: Directory, fileName: string): Promise<number | undefined> => {
  const sizeBytes = (await files.stat(fileName))?.sizeBytes ?? 0
  return SECTOR_SIZES.findLast((size) => size <= sizeBytes)
}
