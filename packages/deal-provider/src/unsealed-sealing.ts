/**
 * The stand-in for sealing: a piece is written, fr32-padded, where Lotus keeps unsealed sectors, and recorded in the piece
 * store. Nothing is sealed, and nothing is proved: whoever has to prove storage uses another subsystem. The order of the steps is decision 5.
 */
import type { AddPieceRequest, PiecePlace, SealingEvent, SealingSubsystem } from '@dagstore/deal-protocol'
import { type AnyLevel, createEventHub, createKeyLock, type Directory, IoError } from '@dagstore/io'
import type { PieceEngine } from '@dagstore/piece'
import type { PieceLocation, PieceStore } from '@dagstore/piece-store'
import { openSector, openSectorWriter, parseSectorFileName, type PlacedSector, planPlacement, SECTOR_SIZES, sectorFileName, type SectorRange } from '@dagstore/unsealed-sector'
import { openPlannedPlaces, type PlannedPlace } from './planned-places.ts'

export interface UnsealedSealingOptions {
  /** Opened; any engine. Sublevel `sector-places` is the subsystem's. */
  readonly db: AnyLevel
  /** `unsealed/` in it is the subsystem's. */
  readonly files: Directory
  readonly pieces: Pick<PieceStore, 'add' | 'get' | 'remove' | 'list'>
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

const UNSEALED = 'unsealed'

/**
 * Sectors that are written and never sealed. Deals with the same piece share one place. A deal is active as soon as its piece is in
 * its sector, and expires with the epoch that was agreed on.
 */
export const createUnsealedSealing = (options: UnsealedSealingOptions): UnsealedSealing => {
  const { pieces, files, epoch } = options
  const places = openPlannedPlaces(options.db)
  const lock = createKeyLock()
  const hub = createEventHub<SealingEvent>(() => {}, () => {})

  const add = async (request: Parameters<UnsealedSealing['addPiece']>[0]): Promise<UnsealedPlace> => {
    const { pieceCid, pieceBytes, payloadBytes, signal } = request
    const key = pieceCid.toString()
    for (const location of await pieces.get(pieceCid)) {
      if (location.lengthPadded !== pieceBytes) continue
      const fileName = nameOf(location)
      const sector = await readSector(files, fileName)
      if (sector !== undefined && isAllocated(sector.allocated, location.offsetPadded, pieceBytes)) return { ...placeOf(location), fileName, sectorBytes: sector.sectorBytes, reused: true }
      // of a sector that is not here somebody else may know; in one that is here, the piece is not
      if (sector !== undefined && location.miner === options.miner) await pieces.remove(pieceCid, location)
    }
    const place = await lock('places', async () => {
      const planned = await places.get(key)
      if (planned?.lengthPadded === pieceBytes) return planned
      const found = await findPlace(options, await places.all(), pieceBytes)
      signal?.throwIfAborted()
      await places.put(key, found)
      return found
    })
    const fileName = nameOf(place)
    // one writer of a sector at a time
    await lock(fileName, async () => {
      const written = await readSector(files, fileName)
      // a crash may have come between the last write and the record: then only the record is missing
      if (written === undefined || !isAllocated(written.allocated, place.offsetPadded, pieceBytes)) await writePiece(options, fileName, place, request)
    })
    await pieces.add(pieceCid, { ...placeOf(place), payloadBytes })
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
        await withWriter(options, fileName, sectorBytes, place, (writer) => writer.free(place.offsetPadded, place.lengthPadded))
      })
    }),
    status: async ({ proposal }) => ({ status: epoch !== undefined && epoch() >= proposal.endEpoch ? 'expired' : 'active' }),
    events: async function * ({ signal } = {}) {
      for await (const event of hub.subscribe({ signal })) if ('proposalCid' in event) yield event
    },
  }
}

const nameOf = ({ miner, sector }: Pick<PiecePlace, 'miner' | 'sector'>): string => `${UNSEALED}/${sectorFileName(miner, sector)}`

const placeOf = ({ miner, sector, offsetPadded, lengthPadded }: PiecePlace): PiecePlace => ({ miner, sector, offsetPadded, lengthPadded })

/** First fit among the sectors that are there, around what they hold and what is planned. */
const findPlace = async ({ files, pieces, miner }: UnsealedSealingOptions, allPlanned: readonly PlannedPlace[], pieceBytes: number): Promise<PlannedPlace> => {
  const planned = allPlanned.filter((place) => place.miner === miner)
  const sectors = new Map<bigint, PlacedSector<bigint>>()
  let highest = 0n
  for (const { name } of await files.list(UNSEALED)) {
    const parsed = parseSectorFileName(name)
    if (parsed === undefined || parsed.miner !== miner) continue
    if (parsed.sector > highest) highest = parsed.sector
    const sector = await readSector(files, `${UNSEALED}/${name}`)
    if (sector !== undefined) sectors.set(parsed.sector, { number: parsed.sector, sectorBytes: sector.sectorBytes, pieces: sector.allocated.map(({ start, length }) => ({ offset: start, length })) })
  }
  for (const { sector, sectorBytes, offsetPadded, lengthPadded } of planned) {
    if (sector > highest) highest = sector
    const known = sectors.get(sector) ?? { number: sector, sectorBytes, pieces: [] }
    sectors.set(sector, { ...known, pieces: [...known.pieces, { offset: offsetPadded, length: lengthPadded }] })
  }
  for await (const { locations } of pieces.list()) {
    for (const { miner: of, sector, offsetPadded, lengthPadded } of locations) {
      if (of !== miner) continue
      // sectors of the same provider may lie elsewhere
      if (sector > highest) highest = sector
      // what was freed is somebody's until its record goes, so that it is not freed again under another
      const known = sectors.get(sector)
      if (known?.pieces.every(({ offset, length }) => offset + length <= offsetPadded || offsetPadded + lengthPadded <= offset) === true) sectors.set(sector, { ...known, pieces: [...known.pieces, { offset: offsetPadded, length: lengthPadded }] })
    }
  }
  const ascending = [...sectors.values()].sort((a, b) => (a.number < b.number ? -1 : 1))
  const { sector, sectorBytes, offset } = planPlacement(ascending, pieceBytes)
  return { miner, sector: sector === 'new' ? highest + 1n : sector, sectorBytes, offsetPadded: offset, lengthPadded: pieceBytes }
}

const writePiece = async (options: UnsealedSealingOptions, fileName: string, place: PlannedPlace, { payload, payloadBytes, pieceBytes, signal, onProgress }: Omit<AddPieceRequest, 'deal'>): Promise<void> => {
  // the tail of the piece stays a hole, so only the payload counts
  const neededBytes = Math.ceil(payloadBytes / 127) * 128 + (1 << 20)
  const freeBytes = await options.files.freeBytes()
  if (freeBytes !== undefined && freeBytes < neededBytes) {
    throw new IoError('IO_FULL', `not enough space for the sector file ${fileName}; need=${neededBytes} free=${freeBytes}`, { retry: 'later' })
  }
  await withWriter(options, fileName, place.sectorBytes, place, (writer) =>
    writer.writePiece(place.offsetPadded, pieceBytes, payload(), { signal, onProgress: ({ doneBytes }) => { onProgress?.({ doneBytes, totalBytes: payloadBytes }) } }))
}

type Writer = Awaited<ReturnType<typeof openSectorWriter>>

const withWriter = async (
  { pieces, files, engine }: UnsealedSealingOptions, fileName: string, sectorBytes: number, { miner, sector }: Pick<PiecePlace, 'miner' | 'sector'>,
  work: (writer: Writer) => Promise<unknown>
): Promise<void> => {
  const repair: SectorRange[] = []
  for await (const { locations } of pieces.list()) {
    for (const location of locations) if (isIn(location, miner, sector)) repair.push({ start: location.offsetPadded, length: location.lengthPadded })
  }
  const file = await files.openWritable(fileName, 'any')
  try {
    await work(await openSectorWriter(file, { sectorBytes, repair, fr32: engine }))
  } finally {
    await file.close()
  }
}

const isSamePlace = (a: PiecePlace, b: PiecePlace): boolean =>
  a.miner === b.miner && a.sector === b.sector && a.offsetPadded === b.offsetPadded && a.lengthPadded === b.lengthPadded

const isIn = (location: PieceLocation, miner: bigint, sector: bigint): boolean => location.miner === miner && location.sector === sector

/** Size and ranges of a sector file, which may be written to meanwhile; `undefined` when it is not there, or not whole after a crash. */
const readSector = async (files: Directory, fileName: string): Promise<{ readonly sectorBytes: number, readonly allocated: readonly SectorRange[] } | undefined> => {
  const stat = await files.stat(fileName)
  if (stat === undefined || stat.sizeBytes === 0) return undefined
  try {
    // not of one source: its list and its length would be of two moments
    await using sector = await openSector((options) => files.openSource(fileName, options))
    return { sectorBytes: sector.sectorBytes, allocated: sector.allocated }
  } catch (error) {
    if (error instanceof IoError) throw error
    return undefined
  }
}

/** By the length of the file; `undefined`: there is none, or it is no sector. */
const likelySize = async (files: Directory, fileName: string): Promise<number | undefined> => {
  const sizeBytes = (await files.stat(fileName))?.sizeBytes ?? 0
  return SECTOR_SIZES.findLast((size) => size <= sizeBytes)
}

const isAllocated = (ranges: readonly SectorRange[], start: number, length: number): boolean =>
  ranges.some((range) => range.start <= start && start + length <= range.start + range.length)
