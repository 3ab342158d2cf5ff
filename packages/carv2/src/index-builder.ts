/** Collects sections and makes an index of them. */
import { buildIndexBody, type BuiltIndex } from './built-index.ts'
import { CID_CUT, CidCursor, IDENTITY_CODE } from './cid.ts'
import { PrefixTable, UNKNOWN_ROW } from './cid-prefixes.ts'
import { EntryRows } from './entry-rows.ts'
import { CarV2Error } from './errors.ts'
import { MAX_BUCKETS } from './index-directory.ts'
import type { IndexSubject } from './index-facts.ts'
import { varintBytes } from './varint.ts'

/** What the index of a section needs to know. */
export interface IndexedSection {
  /** From the start of the CARv1 payload to the length varint. */
  readonly sectionOffset: number
  /** Varint and CID. */
  readonly headBytes: number
  /** At most 2^32 - 1. */
  readonly dataBytes: number
  /** Binary CID. */
  readonly cid: Uint8Array
}

export interface IndexBuilderOptions {
  /** go-car leaves them out unless told otherwise. @default 'included' */
  readonly identityCids?: 'included' | 'excluded'
}

/** Entries are held in typed arrays: 13 bytes and the digest for each, up to three times that while they grow. */
export interface IndexBuilder {
  /** Entries so far; identity CIDs that are left out do not count. */
  readonly entryCount: number
  /**
   * In any order. Keeps no reference.
   *
   * @throws {CarV2Error} `CARV2_BAD_CID`. `CARV2_TOO_LARGE`: more than 65,536 pairs of multihash code and digest length
   * @throws {RangeError} a number out of range
   */
  add(section: IndexedSection): void
  /** The index of what was added so far; more may be added for a later one. */
  finish(subject: IndexSubject): BuiltIndex
}

export const createIndexBuilder = (options: IndexBuilderOptions = {}): IndexBuilder => {
  const columns = new IndexColumns(options.identityCids ?? 'included')
  const cursor = new CidCursor()
  return {
    get entryCount () { return columns.entryCount },
    add: ({ cid, sectionOffset, headBytes, dataBytes }) => {
      const length = cursor.read(cid, 0, cid.byteLength)
      if (length !== cid.byteLength) throw new CarV2Error('CARV2_BAD_CID', `not a CID; ${length <= CID_CUT ? 'malformed' : 'bytes follow'}`, { cid })
      if (!Number.isSafeInteger(sectionOffset) || sectionOffset < 0) throw new RangeError(`sectionOffset; got=${sectionOffset}`)
      if (!Number.isInteger(dataBytes) || dataBytes < 0 || dataBytes > 0xffff_ffff) throw new RangeError(`dataBytes; got=${dataBytes}`)
      columns.add(cid, cursor, sectionOffset, headBytes, dataBytes)
    },
    finish: (subject) => columns.finish(subject),
  }
}

/** The builder's inside, which scans feed without an object per section. */
export class IndexColumns {
  readonly #identityCids: 'included' | 'excluded'
  readonly #byCode = new Map<number, Map<number, EntryRows>>()
  readonly #prefixes = new PrefixTable()
  #last: EntryRows = new EntryRows(-1, 0)
  #groupCount = 0
  entryCount = 0

  constructor (identityCids: 'included' | 'excluded') {
    this.#identityCids = identityCids
  }

  /** `cursor` tells where the CID's parts lie in `bytes`. */
  add (bytes: Uint8Array, cursor: CidCursor, sectionOffset: number, headBytes: number, dataBytes: number): void {
    const { hashCode, digestBytes } = cursor
    if (hashCode === IDENTITY_CODE && this.#identityCids === 'excluded') return
    const columns = this.#last.code === hashCode && this.#last.digestBytes === digestBytes ? this.#last : this.#columns(hashCode, digestBytes)
    const { length } = cursor
    const row = varintBytes(length + dataBytes) + length === headBytes ? this.#prefixes.row(cursor.version, cursor.codec) : UNKNOWN_ROW
    columns.push(bytes, cursor.digestAt, sectionOffset, dataBytes, row)
    this.entryCount++
  }

  #columns (code: number, digestBytes: number): EntryRows {
    let byLength = this.#byCode.get(code)
    if (byLength === undefined) this.#byCode.set(code, byLength = new Map())
    let columns = byLength.get(digestBytes)
    if (columns === undefined) {
      if (++this.#groupCount > MAX_BUCKETS) throw new CarV2Error('CARV2_TOO_LARGE', `kinds of multihash in one index; max=${MAX_BUCKETS}`)
      byLength.set(digestBytes, columns = new EntryRows(code, digestBytes))
    }
    return this.#last = columns
  }

  finish (subject: IndexSubject): BuiltIndex {
    const groups = [...this.#byCode.values()].flatMap((byLength) => [...byLength.values()])
      .sort((a, b) => a.code - b.code || a.digestBytes - b.digestBytes)
    return buildIndexBody(groups, { ...subject, identityCids: this.#identityCids, prefixes: [...this.#prefixes.rows] })
  }
}
