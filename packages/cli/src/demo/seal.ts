/**
 * The stand-in for sealing: a piece is written, fr32-padded, where Lotus keeps unsealed sectors, and recorded in the piece
 * store. Nothing is proved or sealed. The order of the steps is decision 5.
 */
import { type Directory, IoError } from '@dagstore/io'
import { createPieceEngine } from '@dagstore/piece/node'
import type { PieceLocation, PieceStore } from '@dagstore/piece-store'
import { openSector, openSectorWriter, parseSectorFileName, type PlacedSector, planPlacement, sectorFileName, type SectorRange } from '@dagstore/unsealed-sector'
import { showBytes } from '../text.ts'
import type { Journal, PieceRecord, PlannedPlace } from './journal.ts'

export interface SealedPiece extends PieceLocation {
  /** Name below the root. */
  readonly fileName: string
  readonly sectorBytes: number
  readonly reused: boolean
}

export interface SealParts {
  readonly pieces: PieceStore
  readonly journal: Journal
  readonly files: Directory
  readonly miner: bigint
}

export interface SealOptions {
  readonly signal: AbortSignal
  readonly onProgress: (done: number, total: number | undefined) => void
}

const UNSEALED = 'unsealed'

/** The piece at its place in a sector; written there unless an earlier run has. Durable on return. */
export const sealPiece = async (parts: SealParts, piece: PieceRecord, payload: () => AsyncIterable<Uint8Array>, options: SealOptions): Promise<SealedPiece> => {
  const { pieces, journal, files } = parts
  for (const location of await pieces.get(piece.pieceCid)) {
    const fileName = `${UNSEALED}/${sectorFileName(location.miner, location.sector)}`
    const sector = await readSector(files, fileName)
    if (sector !== undefined && isAllocated(sector.allocated, location.offsetPadded, location.lengthPadded)) return { ...location, fileName, sectorBytes: sector.sectorBytes, reused: true }
    await pieces.remove(piece.pieceCid, location)
  }

  const key = piece.pieceCid.toString()
  const place = await journal.plannedPlace(key) ?? await planPlace(parts, piece, key)
  const fileName = `${UNSEALED}/${sectorFileName(place.miner, place.sector)}`
  const written = await readSector(files, fileName)
  // a crash may have come between the last write and the record: then only the record is missing
  if (written === undefined || !isAllocated(written.allocated, place.offsetPadded, piece.paddedBytes)) await writePiece(parts, fileName, place, piece, payload, options)
  const location: PieceLocation = { miner: place.miner, sector: place.sector, offsetPadded: place.offsetPadded, lengthPadded: piece.paddedBytes, payloadBytes: piece.payloadBytes }
  await pieces.add(piece.pieceCid, location)
  await journal.forgetPlace(key)
  return { ...location, fileName, sectorBytes: place.sectorBytes, reused: false }
}

/** First fit among the sectors that are there, around what they hold and what is planned; recorded before anything is written. */
const planPlace = async ({ journal, files, miner }: SealParts, piece: PieceRecord, key: string): Promise<PlannedPlace> => {
  const planned = (await journal.plannedPlaces()).filter((place) => place.miner === miner)
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
  const ascending = [...sectors.values()].sort((a, b) => (a.number < b.number ? -1 : 1))
  const { sector, sectorBytes, offset } = planPlacement(ascending, piece.paddedBytes)
  const place: PlannedPlace = { miner, sector: sector === 'new' ? highest + 1n : sector, sectorBytes, offsetPadded: offset, lengthPadded: piece.paddedBytes }
  await journal.planPlace(key, place)
  return place
}

const writePiece = async ({ pieces, files }: SealParts, fileName: string, place: PlannedPlace, piece: PieceRecord, payload: () => AsyncIterable<Uint8Array>, { signal, onProgress }: SealOptions): Promise<void> => {
  // the tail of the piece stays a hole, so only the payload counts
  const neededBytes = Math.ceil(piece.payloadBytes / 127) * 128 + (1 << 20)
  const freeBytes = await files.freeBytes()
  if (freeBytes !== undefined && freeBytes < neededBytes) {
    throw new IoError('IO_FULL', `not enough space for the sector file ${fileName}: ${showBytes(neededBytes)} needed, ${showBytes(freeBytes)} free`, { retry: 'later' })
  }
  const repair: SectorRange[] = []
  for await (const { locations } of pieces.list()) {
    for (const { miner, sector, offsetPadded, lengthPadded } of locations) {
      if (miner === place.miner && sector === place.sector) repair.push({ start: offsetPadded, length: lengthPadded })
    }
  }
  const file = await files.openWritable(fileName, 'any')
  try {
    const writer = await openSectorWriter(file, { sectorBytes: place.sectorBytes, repair, fr32: createPieceEngine() })
    await writer.writePiece(place.offsetPadded, piece.paddedBytes, payload(), { signal, onProgress: ({ doneBytes }) => { onProgress(doneBytes, piece.payloadBytes) } })
  } finally {
    await file.close()
  }
}

/** Size and ranges of a sector file; `undefined` when it is not there, or not whole after a crash. */
const readSector = async (files: Directory, fileName: string): Promise<{ readonly sectorBytes: number, readonly allocated: readonly SectorRange[] } | undefined> => {
  const stat = await files.stat(fileName)
  if (stat === undefined || stat.sizeBytes === 0) return undefined
  const source = await files.openSource(fileName)
  try {
    const { sectorBytes, allocated } = await openSector(source)
    return { sectorBytes, allocated }
  } catch (error) {
    if (error instanceof IoError) throw error
    return undefined
  } finally {
    await source.close()
  }
}

const isAllocated = (ranges: readonly SectorRange[], start: number, length: number): boolean =>
  ranges.some((range) => range.start <= start && start + length <= range.start + range.length)
