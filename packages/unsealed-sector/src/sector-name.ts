/** Names of sector files. Source: lotus extern/sector-storage/storiface/filetype.go `SectorName`. */

const NAME = /^s-t0(0|[1-9][0-9]{0,19})-(0|[1-9][0-9]{0,19})$/
const MAX_U64 = 0xffff_ffff_ffff_ffffn

export interface SectorName {
  /** Actor id of the miner. */
  readonly miner: bigint
  readonly sector: bigint
}

/** 's-t01000-1' for sector 1 of miner t01000. @throws {RangeError} not two u64 */
export const sectorFileName = (miner: bigint | number, sector: bigint | number): string => `s-t0${toU64(miner)}-${toU64(sector)}`

/** `undefined`: not the name of a sector file. */
export const parseSectorFileName = (name: string): SectorName | undefined => {
  const [, miner, sector] = NAME.exec(name) ?? []
  if (miner === undefined || sector === undefined) return undefined
  const parsed = { miner: BigInt(miner), sector: BigInt(sector) }
  return parsed.miner <= MAX_U64 && parsed.sector <= MAX_U64 ? parsed : undefined
}

const toU64 = (value: bigint | number): bigint => {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new RangeError(`not a u64; got=${value}`)
  const id = BigInt(value)
  if (id < 0n || id > MAX_U64) throw new RangeError(`not a u64; got=${value}`)
  return id
}
