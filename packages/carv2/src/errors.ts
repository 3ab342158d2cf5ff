/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type CarV2ErrorCode =
  | 'CARV2_TRUNCATED'
  | 'CARV2_BAD_PRAGMA'
  | 'CARV2_BAD_VERSION'
  | 'CARV2_BAD_HEADER'
  | 'CARV2_NOT_FINALIZED'
  | 'CARV2_ALREADY_V1'
  | 'CARV2_NOT_V2'
  | 'CARV2_ROOTS_DO_NOT_FIT'
  | 'CARV2_BAD_VARINT'
  | 'CARV2_BAD_SECTION'
  | 'CARV2_BAD_CID'
  | 'CARV2_ZERO_PADDING'
  | 'CARV2_DUPLICATE'
  | 'CARV2_IDENTITY'
  | 'CARV2_TOO_LARGE'
  | 'CARV2_NO_INDEX'
  | 'CARV2_BAD_INDEX'
  | 'CARV2_UNKNOWN_INDEX'
  | 'CARV2_INDEX_DAMAGED'
  | 'CARV2_INDEX_INCOMPLETE'
  | 'CARV2_HASH_MISMATCH'
  | 'CARV2_UNKNOWN_HASH'
  | 'CARV2_NO_ROOTS'
  | 'CARV2_ROOT_MISSING'
  | 'CARV2_INCOMPLETE'
  | 'CARV2_REFERENCES'

/** The bytes are not a well-formed CAR or CAR index, or not what they claim to be. */
export class CarV2Error extends Error {
  override readonly name = 'CarV2Error'
  readonly code: CarV2ErrorCode
  /** Where, in bytes from the start of the source that was read; `undefined` when no single place is at fault. */
  readonly offset: number | undefined
  /** Binary CID of the block at fault, where one block is. */
  readonly cid: Uint8Array | undefined

  constructor (code: CarV2ErrorCode, message: string, options: ErrorOptions & { offset?: number | undefined, cid?: Uint8Array | undefined } = {}) {
    super(message, options)
    this.code = code
    this.offset = options.offset
    this.cid = options.cid
  }
}
