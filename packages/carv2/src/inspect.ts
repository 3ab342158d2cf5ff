/** What is in a CAR, in numbers. */
import type { Hashes } from '@dagstore/hashes'
import type { ByteProgress, ByteSource, CallOptions } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import { CarV2Error } from './errors.ts'
import { IndexColumns } from './index-builder.ts'
import { MAX_BUCKETS } from './index-directory.ts'
import { type IndexReport, reportIndex } from './index-report.ts'
import { type CarLayout, type CarLimits, readLayout } from './layout.ts'
import { RootWatch } from './root-watch.ts'
import { checkSectionHash } from './section-hash.ts'
import { eachSection, type ScanEnd, SectionReader } from './section-reader.ts'

export interface InspectOptions extends CarLimits, CallOptions {
  /** Hash every block with these; a mismatch rejects. @default structure only */
  readonly hashes?: Hashes | undefined
  /**
   * What is looked at in an attached index: what an opening reads of it, or every entry, compared with the sections, which takes
   * some 50 bytes of memory for each block. @default 'heads'
   */
  readonly index?: 'heads' | 'entries' | undefined
  /** Block the thread for each read, where the source can: only for workers and one-shot commands. @default false */
  readonly blocking?: boolean | undefined
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

/** Bytes; all 0 when there are no blocks. The mean is rounded down. */
export interface LengthRange {
  readonly min: number
  readonly mean: number
  readonly max: number
}

export interface CarReport extends ScanEnd {
  readonly layout: CarLayout
  /** Whether every root is there; true without roots. */
  readonly rootsPresent: boolean
  /** Roots that no section holds, in the order of the header. A CID that holds its data itself is never missing. */
  readonly missingRoots: readonly CID[]
  /** Sections, repeats included. */
  readonly blockCount: number
  /** Sections by multicodec code of their CID. */
  readonly codecCounts: ReadonlyMap<number, number>
  /** Sections by multihash code. */
  readonly hashCounts: ReadonlyMap<number, number>
  readonly cidBytes: LengthRange
  readonly blockBytes: LengthRange
  /** First varint of the attached index, known or not; `undefined` when there is no index, or none can be read. */
  readonly indexCodec: number | undefined
  /** The attached index, and what is wrong with it; `undefined` when the header names none. */
  readonly index: IndexReport | undefined
}

/**
 * Read a whole CAR and count. No roots, missing roots, padding, and an index that is broken, legacy or unknown are
 * reported, not refused.
 *
 * @throws {CarV2Error} as {@link readLayout}, but not for its index, and {@link scanSections}; `CARV2_TOO_LARGE`: more than 65,536
 *   codecs or hash codes; with `hashes` also `CARV2_HASH_MISMATCH` and `CARV2_UNKNOWN_HASH`. `IO_*`
 */
export const inspectCar = async (source: ByteSource, options: InspectOptions = {}): Promise<CarReport> => {
  const { hashes, maxSectionBytes, maxCidBytes, signal, onProgress, blocking } = options
  const layout = await readLayout(source, { ...options, badIndex: 'report' })
  const reader = new SectionReader(source, layout, { maxSectionBytes, maxCidBytes, signal, onProgress, blocking, data: hashes !== undefined })
  const columns = options.index === 'entries' && layout.indexOffset !== undefined ? new IndexColumns('included') : undefined
  const roots = new RootWatch(layout.roots)
  const codecCounts = new Map<number, number>()
  const hashCounts = new Map<number, number>()
  const cidLengths = new Lengths()
  const blockLengths = new Lengths()
  await eachSection(reader, (cursor) => {
    if (hashes !== undefined) checkSectionHash(cursor, hashes)
    roots.see(cursor.window, cursor.cidAt, cursor.dataAt)
    columns?.add(cursor.window, cursor.cid, cursor.sectionOffset, cursor.headBytes, cursor.dataBytes)
    count(codecCounts, cursor.cid.codec)
    count(hashCounts, cursor.cid.hashCode)
    cidLengths.add(cursor.cid.length)
    blockLengths.add(cursor.dataBytes)
  })
  const end = await reader.finish()
  const missingRoots = roots.missing()
  const built = columns?.finish({ payloadStart: layout.payloadStart, payloadEnd: end.payloadEnd, carV1Header: undefined, source: undefined })
  const index = await reportIndex(source, layout, built, signal)
  return {
    ...end,
    layout,
    rootsPresent: missingRoots.length === 0,
    missingRoots,
    blockCount: blockLengths.count,
    codecCounts,
    hashCounts,
    cidBytes: cidLengths.range(),
    blockBytes: blockLengths.range(),
    indexCodec: index?.codec,
    index,
  }
}

/** As many kinds as an index may have. */
const MAX_KINDS = MAX_BUCKETS

const count = (counts: Map<number, number>, key: number): void => {
  const before = counts.get(key)
  if (before === undefined && counts.size === MAX_KINDS) throw new CarV2Error('CARV2_TOO_LARGE', `kinds of CID in one CAR; max=${MAX_KINDS}`)
  counts.set(key, (before ?? 0) + 1)
}

class Lengths {
  count = 0
  #sum = 0
  #min = Infinity
  #max = 0

  add (length: number): void {
    this.count++
    this.#sum += length
    if (length < this.#min) this.#min = length
    if (length > this.#max) this.#max = length
  }

  range (): LengthRange {
    return this.count === 0 ? { min: 0, mean: 0, max: 0 } : { min: this.#min, mean: Math.floor(this.#sum / this.count), max: this.#max }
  }
}
