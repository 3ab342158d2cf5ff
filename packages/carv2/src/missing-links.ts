/**
 * Links that lead out of a set of blocks: the links are collected while the blocks are read, and when all blocks are known both are
 * merged in the order of their digests.
 */
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { IDENTITY_CODE } from './cid.ts'
import { compareDigests, EntryRows } from './entry-rows.ts'
import { CarV2Error } from './errors.ts'
import { MAX_BUCKETS } from './index-directory.ts'

export type LinksOf = (cid: CID, data: Uint8Array) => Iterable<CID>

export interface MissingReport {
  /** Each once, in the order in which they are linked to, the first 1000 of them. */
  readonly missing: readonly CID[]
  readonly missingCount: number
}

/** More are counted, not listed. */
const MAX_LISTED = 1000
/** Repeats are taken out when there are twice as many links as after the last time, but not before. */
const MIN_COMPACT_ROWS = 1 << 20
const CHUNK_BYTES = 1 << 18
const MAX_U32 = 0xffff_ffff

/** A row holds the digest, when the link was met first, its codec and its version. */
export class MissingLinks {
  undecodable = 0
  readonly #byKind = new Map<number, Map<number, EntryRows>>()
  readonly #compactRows: number
  #kinds = 0
  #rows = 0
  #compactAt: number
  /** Links so far. */
  #order = 0
  #last: EntryRows = new EntryRows(-1, 0)

  /** @param compactRows - for tests */
  constructor (compactRows: number = MIN_COMPACT_ROWS) {
    this.#compactRows = compactRows
    this.#compactAt = compactRows
  }

  /** @throws {CarV2Error} `CARV2_TOO_LARGE`: links of more than 65,536 pairs of multihash code and digest length */
  block (cid: CID, data: Uint8Array, linksOf: LinksOf): void {
    let links: readonly CID[]
    try {
      links = [...linksOf(cid, data)]
    } catch {
      this.undecodable++
      return
    }
    for (const link of links) this.#link(link)
  }

  #link ({ version, code: codec, multihash: { code, digest } }: CID): void {
    if (code === IDENTITY_CODE) return
    const rows = this.#last.code === code && this.#last.digestBytes === digest.byteLength ? this.#last : this.#rowsOf(code, digest.byteLength)
    if (codec > MAX_U32) throw new CarV2Error('CARV2_TOO_LARGE', `codec of a link; max=${MAX_U32} got=${codec}`)
    rows.push(digest, 0, this.#order++, codec, version)
    if (++this.#rows >= this.#compactAt) this.#compact()
  }

  #rowsOf (code: number, digestBytes: number): EntryRows {
    let byLength = this.#byKind.get(code)
    if (byLength === undefined) this.#byKind.set(code, byLength = new Map())
    let rows = byLength.get(digestBytes)
    if (rows === undefined) {
      if (++this.#kinds > MAX_BUCKETS) throw new CarV2Error('CARV2_TOO_LARGE', `kinds of multihash among the links; max=${MAX_BUCKETS}`)
      byLength.set(digestBytes, rows = new EntryRows(code, digestBytes))
    }
    return this.#last = rows
  }

  #compact (): void {
    this.#rows = 0
    for (const byLength of this.#byKind.values()) {
      for (const [digestBytes, rows] of byLength) {
        const firsts = new EntryRows(rows.code, digestBytes)
        for (const cursor = new RowCursor(rows); cursor.chunk !== undefined; cursor.nextDigest()) {
          firsts.push(cursor.chunk, cursor.at, cursor.order, cursor.codec, cursor.version)
        }
        byLength.set(digestBytes, firsts)
        this.#rows += firsts.count
      }
    }
    this.#last = new EntryRows(-1, 0)
    this.#compactAt = Math.max(this.#compactRows, 2 * this.#rows)
  }

  /** @param blocks - one for each kind of multihash */
  finish (blocks: readonly EntryRows[]): MissingReport {
    const found = new FirstLinks()
    for (const [code, byLength] of this.#byKind) {
      for (const [digestBytes, rows] of byLength) {
        const have = new RowCursor(blocks.find((group) => group.code === code && group.digestBytes === digestBytes) ?? new EntryRows(code, digestBytes))
        for (const link = new RowCursor(rows); link.chunk !== undefined; link.nextDigest()) {
          while (have.chunk !== undefined && have.compare(link) < 0) have.nextDigest()
          if (have.chunk === undefined || have.compare(link) !== 0) found.add(link, code)
        }
      }
    }
    return { missing: found.cids(), missingCount: found.count }
  }
}

/** Goes over rows in the order of their digests, by way of the first of each. */
class RowCursor {
  /** `undefined`: no more. */
  chunk: Uint8Array | undefined
  at = 0
  #view: DataView = new DataView(new ArrayBuffer(0))
  readonly #chunks: Iterator<Uint8Array>
  readonly #rowBytes: number
  readonly #digestBytes: number
  readonly #digest: DataView

  constructor (rows: EntryRows) {
    this.#rowBytes = rows.rowBytes
    this.#digestBytes = rows.digestBytes
    this.#chunks = rows.sortedRows(CHUNK_BYTES)[Symbol.iterator]()
    this.#digest = new DataView(new ArrayBuffer(rows.digestBytes))
    this.#pull()
  }

  get order (): number { return this.#view.getUint32(this.at + this.#digestBytes + 4, true) * 2 ** 32 + this.#view.getUint32(this.at + this.#digestBytes, true) }
  get codec (): number { return this.#view.getUint32(this.at + this.#digestBytes + 8, true) }
  get version (): number { return this.#view.getUint8(this.at + this.#digestBytes + 12) }
  digest (): Uint8Array { return new Uint8Array(this.#view.buffer, this.#view.byteOffset + this.at, this.#digestBytes).slice() }

  /** By digest. */
  compare (other: RowCursor): number { return compareDigests(this.#view, this.at, other.#view, other.at, this.#digestBytes) }

  nextDigest (): void {
    // the memory of a chunk is used again for the next
    for (let i = 0; i < this.#digestBytes; i++) this.#digest.setUint8(i, this.#view.getUint8(this.at + i))
    do this.#step()
    while (this.chunk !== undefined && compareDigests(this.#view, this.at, this.#digest, 0, this.#digestBytes) === 0)
  }

  #step (): void {
    this.at += this.#rowBytes
    if (this.at === this.chunk?.byteLength) this.#pull()
  }

  #pull (): void {
    const { value, done } = this.#chunks.next()
    this.chunk = done === true ? undefined : value
    this.at = 0
    if (this.chunk !== undefined) this.#view = new DataView(this.chunk.buffer, this.chunk.byteOffset, this.chunk.byteLength)
  }
}

/** Counts links, and keeps those that were met first. */
class FirstLinks {
  count = 0
  #kept: { readonly order: number, readonly cid: CID }[] = []

  add (link: RowCursor, code: number): void {
    this.count++
    this.#kept.push({ order: link.order, cid: CID.create(link.version === 0 ? 0 : 1, link.codec, create(code, link.digest())) })
    if (this.#kept.length === 2 * MAX_LISTED) this.#cut()
  }

  cids (): CID[] {
    this.#cut()
    return this.#kept.map(({ cid }) => cid)
  }

  #cut (): void {
    this.#kept = this.#kept.sort((a, b) => a.order - b.order).slice(0, MAX_LISTED)
  }
}
