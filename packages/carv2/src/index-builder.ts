/** Collects sections and makes an index of them. */
import type { CallOptions, WritableFile } from '@dagstore/io'
import { buildIndexBody, type BuiltIndex } from './built-index.ts'
import { CID_CUT, CidCursor, IDENTITY_CODE } from './cid.ts'
import { type CidPrefix, PrefixTable, UNKNOWN_ROW } from './cid-prefixes.ts'
import { EntryRows } from './entry-rows.ts'
import { CarV2Error } from './errors.ts'
import { type IdentityPolicy, type IdentityPolicyName, resolveIdentityPolicy } from './identity-policy.ts'
import { MAX_BUCKETS } from './index-directory.ts'
import type { IndexSubject } from './index-facts.ts'
import { IndexRuns } from './index-runs.ts'
import { type IndexStream, streamOfBuilt, streamOfRuns } from './index-stream.ts'
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
  /** What becomes of identity CIDs; here only whether they are listed. @default 'full' */
  readonly identity?: IdentityPolicyName | IdentityPolicy | undefined
}

/** Where an index goes that is larger than memory. */
export interface ScratchOptions {
  /**
   * An empty file for this work alone, opened when it is needed first and not synced. Whoever opened it closes and removes it,
   * after the index was read for the last time.
   */
  readonly scratch: () => Promise<WritableFile>
  /** Entries that are held before they go to the file; while they are sorted, twice as much is needed. @default 32 MiB */
  readonly memoryBytes?: number | undefined
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
  const columns = new IndexColumns(identityCidsOf(options.identity))
  const cursor = new CidCursor()
  return {
    get entryCount () { return columns.entryCount },
    add: (section) => { addSection(columns, cursor, section) },
    finish: (subject) => columns.finish(subject),
  }
}

/** As {@link IndexBuilder}, for any number of sections. */
export interface IndexStreamBuilder {
  readonly entryCount: number
  /** A promise now and then, which must be awaited before the next section is added. @throws as {@link IndexBuilder.add}; `IO_*` of the scratch file */
  add(section: IndexedSection): Promise<void> | undefined
  /** Once, as the last call. */
  finish(subject: IndexSubject): Promise<IndexStream>
}

/** Entries beyond `memoryBytes` are kept in sorted runs in a scratch file, and merged when the index is read. */
export const createIndexStreamBuilder = (options: IndexBuilderOptions & ScratchOptions): IndexStreamBuilder => {
  const columns = new SpillingColumns(identityCidsOf(options.identity), options)
  const cursor = new CidCursor()
  return {
    get entryCount () { return columns.entryCount },
    add: (section) => {
      addSection(columns, cursor, section)
      return columns.makeRoom()
    },
    finish: (subject) => columns.finishStream(subject),
  }
}

export const identityCidsOf = (identity: IdentityPolicyName | IdentityPolicy | undefined): 'included' | 'excluded' =>
  resolveIdentityPolicy(identity).index ? 'included' : 'excluded'

const addSection = (columns: IndexColumns, cursor: CidCursor, { cid, sectionOffset, headBytes, dataBytes }: IndexedSection): void => {
  const length = cursor.read(cid, 0, cid.byteLength)
  if (length !== cid.byteLength) throw new CarV2Error('CARV2_BAD_CID', `not a CID; ${length <= CID_CUT ? 'malformed' : 'bytes follow'}`, { cid })
  if (!Number.isSafeInteger(sectionOffset) || sectionOffset < 0) throw new RangeError(`sectionOffset; got=${sectionOffset}`)
  if (!Number.isInteger(dataBytes) || dataBytes < 0 || dataBytes > 0xffff_ffff) throw new RangeError(`dataBytes; got=${dataBytes}`)
  columns.add(cid, cursor, sectionOffset, headBytes, dataBytes)
}

/** The builder's inside, which scans feed without an object per section. */
export class IndexColumns {
  readonly #identityCids: 'included' | 'excluded'
  readonly #byCode = new Map<number, Map<number, EntryRows>>()
  readonly #prefixes = new PrefixTable()
  #last: EntryRows = new EntryRows(-1, 0)
  #groupCount = 0
  entryCount = 0
  /** Memory that the entries take. */
  heldBytes = 0

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
    this.heldBytes += columns.push(bytes, cursor.digestAt, sectionOffset, dataBytes, row)
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

  /** All kinds that were ever added, also those that hold nothing now. Ascending by code, then by digest length. */
  groups (): readonly EntryRows[] {
    return [...this.#byCode.values()].flatMap((byLength) => [...byLength.values()]).sort((a, b) => a.code - b.code || a.digestBytes - b.digestBytes)
  }

  /** What the index says of itself besides its entries. */
  describe (subject: IndexSubject): IndexSubject & { readonly identityCids: 'included' | 'excluded', readonly prefixes: readonly CidPrefix[] } {
    return { ...subject, identityCids: this.#identityCids, prefixes: [...this.#prefixes.rows] }
  }

  finish (subject: IndexSubject): BuiltIndex {
    return buildIndexBody(this.groups(), this.describe(subject))
  }
}

const MEMORY_BYTES = 1 << 25

/** Columns that go to a scratch file when they are long. */
export class SpillingColumns extends IndexColumns {
  readonly #runs: IndexRuns
  readonly #memoryBytes: number

  /** @throws {RangeError} `memoryBytes` */
  constructor (identityCids: 'included' | 'excluded', { scratch, memoryBytes = MEMORY_BYTES }: ScratchOptions) {
    super(identityCids)
    if (!Number.isSafeInteger(memoryBytes) || memoryBytes < 0) throw new RangeError(`memoryBytes; want=safe integer from 0 got=${memoryBytes}`)
    this.#runs = new IndexRuns(scratch)
    this.#memoryBytes = memoryBytes
  }

  /** `undefined`: there is room. A promise has to be awaited before the next entry is added. */
  makeRoom (options: CallOptions = {}): Promise<void> | undefined {
    return this.heldBytes > this.#memoryBytes ? this.#spill(options) : undefined
  }

  async #spill (options: CallOptions): Promise<void> {
    await this.#runs.spill(this.groups(), options)
    this.heldBytes = 0
  }

  async finishStream (subject: IndexSubject, options: CallOptions = {}): Promise<IndexStream> {
    if (this.#runs.isEmpty) return streamOfBuilt(this.finish(subject))
    await this.#spill(options)
    return streamOfRuns(this.#runs, this.describe(subject))
  }
}
