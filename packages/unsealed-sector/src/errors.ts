/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type SectorErrorCode =
  | 'SECTOR_BAD_TRAILER'
  | 'SECTOR_CLOSED'
  | 'SECTOR_NOT_ALLOCATED'
  | 'SECTOR_OCCUPIED'
  | 'SECTOR_PAYLOAD_TOO_LONG'
  | 'SECTOR_TOO_SMALL'
  | 'SECTOR_TRUNCATED'

/** A sector file that cannot be what it should be, or a piece that has no place in it. */
export class SectorError extends Error {
  override readonly name = 'SectorError'
  readonly code: SectorErrorCode
  /** Where, in bytes from the start of the file; `undefined` when no single place is at fault. */
  readonly offset: number | undefined

  constructor (code: SectorErrorCode, message: string, options: ErrorOptions & { offset?: number } = {}) {
    super(message, options)
    this.code = code
    this.offset = options.offset
  }
}
