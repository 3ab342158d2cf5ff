/** The table that tells, for an entry of known hash code and digest length, how long the section's head is. */
import { varintBytes } from './varint.ts'

/** What stands before the multihash. */
export interface CidPrefix {
  readonly version: 0 | 1
  readonly codec: number
}

/** The row that means: the table does not say, read the section. */
export const UNKNOWN_ROW = 255
/** Rows of a table at most; a CAR has one to three. */
export const MAX_PREFIXES = 64

/** Varint and CID of a section. */
export const headLength = (prefix: CidPrefix, code: number, digestBytes: number, dataBytes: number): number => {
  const multihash = varintBytes(code) + varintBytes(digestBytes) + digestBytes
  const cid = prefix.version === 0 ? multihash : 1 + varintBytes(prefix.codec) + multihash
  return varintBytes(cid + dataBytes) + cid
}

/** Rows in order of first use. */
export class PrefixTable {
  readonly rows: CidPrefix[] = []

  /** The row of a prefix, added where it is new; {@link UNKNOWN_ROW} when the table is full. */
  row (version: 0 | 1, codec: number): number {
    const { rows } = this
    for (let i = 0; i < rows.length; i++) {
      if (rows[i]!.codec === codec && rows[i]!.version === version) return i
    }
    if (rows.length === MAX_PREFIXES) return UNKNOWN_ROW
    return rows.push({ version, codec }) - 1
  }
}
