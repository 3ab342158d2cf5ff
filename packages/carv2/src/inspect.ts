/** What is in a CAR, in numbers. */
import type { Hashes } from '@dagstore/hashes'
import type { ByteProgress, ByteSource, CallOptions } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import { type CarLayout, type CarLimits, readLayout } from './layout.ts'
import { RootWatch } from './root-watch.ts'
import { checkSectionHash } from './section-hash.ts'
import { eachSection, type ScanEnd, SectionReader } from './section-reader.ts'
import { MAX_VARINT_BYTES, readVarint } from './varint.ts'

export interface InspectOptions extends CarLimits, CallOptions {
  /** Hash every block with these; a mismatch rejects. @default structure only */
  readonly hashes?: Hashes | undefined
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
  /** First varint of the attached index, known or not; `undefined` when there is no index. */
  readonly indexCodec: number | undefined
}

/**
 * Read a whole CAR and count. No roots, missing roots and padding are reported, not refused.
 *
 * @throws {CarV2Error} as {@link readLayout} and {@link scanSections}; with `hashes` also `CARV2_HASH_MISMATCH` and
 *   `CARV2_UNKNOWN_HASH`. `IO_*`
 */
export const inspectCar = async (source: ByteSource, options: InspectOptions = {}): Promise<CarReport> => {
  const { hashes, maxSectionBytes, maxCidBytes, signal, onProgress, blocking } = options
  const layout = await readLayout(source, options)
  const reader = new SectionReader(source, layout, { maxSectionBytes, maxCidBytes, signal, onProgress, blocking, data: hashes !== undefined })
  const roots = new RootWatch(layout.roots)
  const codecCounts = new Map<number, number>()
  const hashCounts = new Map<number, number>()
  const cidLengths = new Lengths()
  const blockLengths = new Lengths()
  await eachSection(reader, (cursor) => {
    if (hashes !== undefined) checkSectionHash(cursor, hashes)
    roots.see(cursor.window, cursor.cidAt, cursor.dataAt)
    count(codecCounts, cursor.cid.codec)
    count(hashCounts, cursor.cid.hashCode)
    cidLengths.add(cursor.cid.length)
    blockLengths.add(cursor.dataBytes)
  })
  const end = await reader.finish()
  const missingRoots = roots.missing()
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
    indexCodec: await readIndexCodec(source, layout, signal),
  }
}

const readIndexCodec = async (source: ByteSource, { indexOffset }: CarLayout, signal: AbortSignal | undefined): Promise<number | undefined> => {
  if (indexOffset === undefined) return undefined
  const bytes = await source.read(indexOffset, Math.min(MAX_VARINT_BYTES, source.sizeBytes - indexOffset), { signal })
  const codec = readVarint(bytes, 0, bytes.byteLength)
  return codec < 0 ? undefined : codec
}

const count = (counts: Map<number, number>, key: number): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1)
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
