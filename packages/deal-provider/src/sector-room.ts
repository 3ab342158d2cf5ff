/**
 * Where in the sectors of one provider a new piece has room. The sectors and the piece store are read once, and again only when somebody else
 * has added copies: a new piece costs the same however many there are. Of full sectors nothing stays in memory.
 */
import type { PiecePlace } from '@dagstore/deal-protocol'
import type { Directory } from '@dagstore/io'
import type { PieceStore } from '@dagstore/piece-store'
import { parseSectorFileName, type PlacedSector, planPlacement, type SectorRange } from '@dagstore/unsealed-sector'
import type { CID } from 'multiformats/cid'
import type { PlannedPlace, PlannedPlaces } from './planned-places.ts'
import { isSamePlace, nameOf, readSector, type SectorContents, UNSEALED } from './sector-files.ts'

export interface SectorRoomParts {
  readonly files: Directory
  readonly pieces: Pick<PieceStore, 'get' | 'list' | 'additions'>
  readonly miner: bigint
  readonly places: Pick<PlannedPlaces, 'all'>
}

type Sector = PlacedSector<bigint>

interface OpenSector extends Sector {
  /** Padded bytes of the largest piece that it has room for. */
  readonly room: number
}

interface HeldPlace { readonly pieceCid: CID, readonly place: PiecePlace }

interface State {
  /** By number: sectors that have room. */
  readonly open: Map<bigint, OpenSector>
  /** By place: freed, and its piece still has its record. It is given to nobody before that goes, so that it is not freed again under another. */
  readonly held: Map<string, HeldPlace>
  /** The highest number of a sector of this provider, here or elsewhere. */
  highest: bigint
  /** Of the piece store, when all of it was known. */
  additions: number
}

/** Calls follow one another; whoever has it sees to that. */
export class SectorRoom {
  readonly #parts: SectorRoomParts
  #state: State | undefined

  constructor (parts: SectorRoomParts) { this.#parts = parts }

  /** First fit; nobody else gets the place. */
  async take (pieceBytes: number): Promise<PlannedPlace> {
    const { files, miner, pieces } = this.#parts
    if (this.#state?.additions !== pieces.additions()) this.#state = await this.#read()
    const state = this.#state
    await this.#releaseHeld(state)
    let first: OpenSector | undefined
    for (const sector of state.open.values()) if (sector.room >= pieceBytes && (first === undefined || sector.number < first.number)) first = sector
    const { sector, sectorBytes, offset } = planPlacement(first === undefined ? [] : [first], pieceBytes)
    let number = sector === 'new' ? state.highest + 1n : sector
    while (sector === 'new' && await files.stat(nameOf({ miner, sector: number })) !== undefined) number++
    const place = { miner, sector: number, offsetPadded: offset, lengthPadded: pieceBytes }
    keep(state, withPiece(first ?? { number, sectorBytes, pieces: [] }, place))
    return { ...place, sectorBytes }
  }

  /** `add` makes the record of a piece at a place that was taken here. */
  async added (add: () => Promise<void>): Promise<void> {
    const { pieces } = this.#parts
    const before = pieces.additions()
    await add()
    // one more is this one
    if (this.#state?.additions === before && pieces.additions() === before + 1) this.#state.additions++
  }

  /** A place is free in its sector, and its record there still. */
  async freed (pieceCid: CID, place: PiecePlace): Promise<void> {
    if (this.#state === undefined) return
    this.#state.held.set(textOf(place), { pieceCid, place })
    await this.#readAgain(this.#state, place.sector)
  }

  /** What is there may be something else than is known. */
  forget (): void { this.#state = undefined }

  /**
   * What is in use as the piece store says it, for a sector whose file may have lost that.
   *
   * @param contents - of the file; `undefined`: it is not there, or cannot be read
   */
  async repairOf (sector: Pick<PiecePlace, 'miner' | 'sector'>, contents: SectorContents | undefined): Promise<readonly SectorRange[] | undefined> {
    const { files, miner } = this.#parts
    if (contents === undefined ? await isNew(files, nameOf(sector)) : contents.allocated.length > 0) return undefined
    // what has a record and is not in use is known, if anything is
    if (contents === undefined || this.#state === undefined || sector.miner !== miner) return this.recordedIn(sector)
    return [...this.#state.held.values()].flatMap(({ place }) => place.sector === sector.sector ? [{ start: place.offsetPadded, length: place.lengthPadded }] : [])
  }

  /** Places in a sector of which there is a record; reads all of the piece store. */
  async recordedIn ({ miner, sector }: Pick<PiecePlace, 'miner' | 'sector'>): Promise<SectorRange[]> {
    const ranges: SectorRange[] = []
    for await (const { locations } of this.#parts.pieces.list()) {
      for (const location of locations) if (location.miner === miner && location.sector === sector) ranges.push({ start: location.offsetPadded, length: location.lengthPadded })
    }
    return ranges
  }

  async #read (): Promise<State> {
    const { files, miner, pieces, places } = this.#parts
    const additions = pieces.additions()
    const state: State = { open: new Map(), held: new Map(), highest: 0n, additions }
    const known = new Map<bigint, Sector>()
    const see = (number: bigint): void => { if (number > state.highest) state.highest = number }
    for (const { name } of await files.list(UNSEALED)) {
      const parsed = parseSectorFileName(name)
      if (parsed === undefined || parsed.miner !== miner) continue
      see(parsed.sector)
      const sector = await this.#fileOf(parsed.sector)
      if (sector !== undefined) known.set(parsed.sector, sector)
    }
    for (const place of await places.all()) {
      if (place.miner !== miner) continue
      see(place.sector)
      known.set(place.sector, withPiece(known.get(place.sector) ?? { number: place.sector, sectorBytes: place.sectorBytes, pieces: [] }, place))
    }
    for await (const { piece, locations } of pieces.list()) {
      for (const { miner: of, sector, offsetPadded, lengthPadded } of locations) {
        if (of !== miner) continue
        // sectors of the same provider may lie elsewhere
        see(sector)
        const there = known.get(sector)
        const place = { miner, sector, offsetPadded, lengthPadded }
        if (there === undefined || !isFree(there, place)) continue
        state.held.set(textOf(place), { pieceCid: piece, place })
        known.set(sector, withPiece(there, place))
      }
    }
    for (const sector of known.values()) keep(state, sector)
    return state
  }

  async #fileOf (number: bigint): Promise<Sector | undefined> {
    const { files, miner } = this.#parts
    const contents = await readSector(files, nameOf({ miner, sector: number }))
    return contents && { number, sectorBytes: contents.sectorBytes, pieces: contents.allocated.map(({ start, length }) => ({ offset: start, length })) }
  }

  async #readAgain (state: State, number: bigint): Promise<void> {
    let sector = await this.#fileOf(number)
    if (sector === undefined) return
    for (const place of await this.#parts.places.all()) if (place.miner === this.#parts.miner && place.sector === number) sector = withPiece(sector, place)
    for (const { place } of state.held.values()) if (place.sector === number) sector = withPiece(sector, place)
    keep(state, sector)
  }

  async #releaseHeld (state: State): Promise<void> {
    for (const [text, { pieceCid, place }] of state.held) {
      if ((await this.#parts.pieces.get(pieceCid)).some((location) => isSamePlace(location, place))) continue
      state.held.delete(text)
      await this.#readAgain(state, place.sector)
    }
  }
}

const isNew = async (files: Directory, fileName: string): Promise<boolean> => ((await files.stat(fileName))?.sizeBytes ?? 0) === 0

const keep = (state: State, sector: Sector): void => {
  if (sector.number > state.highest) state.highest = sector.number
  const room = roomOf(sector)
  if (room > 0) state.open.set(sector.number, { ...sector, room })
  else state.open.delete(sector.number)
}

/** The largest piece that a sector takes: pieces begin at multiples of their size. */
const roomOf = (sector: Sector): number => {
  for (let size = sector.sectorBytes; size >= SMALLEST_PIECE; size /= 2) {
    if (planPlacement([sector], size).sector !== 'new') return size
  }
  return 0
}

const SMALLEST_PIECE = 128

/** With no two that touch: a list as long as the gaps. A place that is planned may have been written to. */
const withPiece = (sector: Sector, { offsetPadded, lengthPadded }: PiecePlace): Sector => {
  const joined: { offset: number, length: number }[] = []
  for (const { offset, length } of [...sector.pieces, { offset: offsetPadded, length: lengthPadded }].sort((a, b) => a.offset - b.offset)) {
    const last = joined.at(-1)
    if (last !== undefined && offset <= last.offset + last.length) last.length = Math.max(last.length, offset + length - last.offset)
    else joined.push({ offset, length })
  }
  return { ...sector, pieces: joined }
}

const isFree = ({ pieces }: Sector, { offsetPadded, lengthPadded }: PiecePlace): boolean =>
  pieces.every(({ offset, length }) => offset + length <= offsetPadded || offsetPadded + lengthPadded <= offset)

const textOf = ({ sector, offsetPadded, lengthPadded }: PiecePlace): string => `${sector} ${offsetPadded} ${lengthPadded}`
