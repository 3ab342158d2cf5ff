/** The sizes that sectors have. Source: lotus go-state-types abi/sector.go `RegisteredSealProof`. */

/** Padded bytes, ascending: 2 KiB, 8 MiB, 512 MiB, 32 GiB, 64 GiB. */
export const SECTOR_SIZES: readonly number[] = [2048, 8_388_608, 536_870_912, 34_359_738_368, 68_719_476_736]

/** @throws {RangeError} none of {@link SECTOR_SIZES} */
export const checkSectorSize = (bytes: number): number => {
  if (!SECTOR_SIZES.includes(bytes)) throw new RangeError(`no sector has this size; bytes=${bytes}`)
  return bytes
}
