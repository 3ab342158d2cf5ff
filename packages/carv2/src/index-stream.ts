/** An index that is too large to be held: it is merged from a scratch file each time it is asked for. */
import type { CallOptions } from '@dagstore/io'
import type { BuiltIndex } from './built-index.ts'
import type { CidPrefix } from './cid-prefixes.ts'
import { RECORD_BYTES } from './entry-rows.ts'
import type { IndexDirectory } from './index-directory.ts'
import { planStandard, standardHeads } from './index-directory-codec.ts'
import { factsOf, type IndexSubject } from './index-facts.ts'
import { FenceTaker } from './index-fences.ts'
import type { IndexFooter } from './index-footer.ts'
import type { IndexRuns } from './index-runs.ts'
import { decodeRecord, readOffset } from './index-search.ts'
import { PageSums, planTrailer, trailerChunks } from './index-trailer.ts'
import type { DigestRows, IndexFacts, KeyedIndexEntry } from './index-view.ts'

/** The same index as a {@link BuiltIndex} of the same sections, byte for byte. Good as long as the scratch file is open. */
export interface IndexStream {
  readonly facts: IndexFacts
  readonly entryCount: number
  /** Length of the standard bytes. */
  readonly standardBytes: number
  /** Length of all that {@link IndexStream.encode} gives. */
  readonly sizeBytes: number
  /**
   * Standard bytes with codec 0x0401 and our trailer, in order. A chunk is the consumer's until it asks for the next. May be asked
   * for again.
   *
   * @throws {IoError} of the scratch file; the signal's reason
   */
  encode(options?: CallOptions): AsyncIterable<Uint8Array>
  /** In the order of the index. @throws as `encode` */
  entries(options?: CallOptions): AsyncIterable<KeyedIndexEntry>
  /** The digests of `entries`, many at a time. @throws as `encode` */
  digests(options?: CallOptions): AsyncIterable<DigestRows>
}

/** An index that stayed in memory. */
export const streamOfBuilt = (built: BuiltIndex): IndexStream => ({
  facts: built.facts,
  entryCount: built.entryCount,
  standardBytes: built.standardBytes,
  sizeBytes: built.sizeBytes,
  async * encode ({ signal } = {}) {
    for (const chunk of built.encode()) {
      signal?.throwIfAborted()
      yield chunk
    }
  },
  entries: (options) => built.view().entries(options),
  digests: (options) => built.view().digests(options),
})

const CHUNK_BYTES = 1 << 20

/** The index of what was spilled. @param subject - with what the footer says besides */
export const streamOfRuns = (runs: IndexRuns, subject: IndexSubject & { readonly identityCids: 'included' | 'excluded', readonly prefixes: readonly CidPrefix[] }): IndexStream => {
  const { kinds } = runs
  const directory = planStandard(kinds)
  const { standardBytes, entryCount, buckets } = directory
  const footer: Omit<IndexFooter, 'tailCrc' | 'bucketCount'> = { ...subject, standardBytes, entryCount }
  return {
    facts: factsOf(directory, footer),
    entryCount,
    standardBytes,
    sizeBytes: planTrailer(directory).sizeBytes,
    encode: (options = {}) => encodeRuns(runs, directory, footer, options),
    async * entries (options = {}) {
      for (const [i, { code, digestBytes, width }] of buckets.entries()) {
        for await (const rows of runs.merged(kinds[i]!, options)) {
          for (let at = 0; at < rows.byteLength; at += width + RECORD_BYTES) {
            const sectionOffset = readOffset(rows, at + digestBytes, at + digestBytes)
            yield { ...decodeRecord(rows, at + width, subject.prefixes, code!, digestBytes, sectionOffset), code, digest: rows.slice(at, at + digestBytes) }
          }
        }
      }
    },
    async * digests (options = {}) {
      for (const [i, { code, digestBytes, width }] of buckets.entries()) {
        for await (const rows of runs.merged(kinds[i]!, options)) yield { code, digestBytes, rows, rowBytes: width + RECORD_BYTES }
      }
    },
  }
}

const encodeRuns = async function * (runs: IndexRuns, directory: IndexDirectory, footer: Omit<IndexFooter, 'tailCrc' | 'bucketCount'>, options: CallOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const { buckets, entryCount } = directory
  const { signal } = options
  const sums = new PageSums()
  const fences = new FenceTaker(buckets, entryCount)
  const recordsAt = runs.endBytes
  const records = new Gathered(async (bytes, at) => runs.file.write(recordsAt + at, bytes))
  const out = new Gathered()
  const { start, heads } = standardHeads(buckets)
  const { kinds } = runs
  out.put(start, 0, start.byteLength)
  for (const [i, bucket] of buckets.entries()) {
    const { width } = bucket
    if (out.room < heads[i]!.byteLength) yield out.take(sums)
    out.put(heads[i]!, 0, heads[i]!.byteLength)
    let entry = 0
    for await (const rows of runs.merged(kinds[i]!, options)) {
      for (let at = 0; at < rows.byteLength; at += width + RECORD_BYTES) {
        if (out.room < width) yield out.take(sums)
        out.put(rows, at, width)
        fences.see(rows, at, bucket, entry++, 1)
        if (records.room < RECORD_BYTES) await records.flush()
        records.put(rows, at + width, RECORD_BYTES)
      }
    }
  }
  await records.flush()
  if (out.used > 0) yield out.take(sums)
  for (let at = 0; at < RECORD_BYTES * entryCount; at += CHUNK_BYTES) {
    signal?.throwIfAborted()
    const chunk = await runs.file.read(recordsAt + at, Math.min(CHUNK_BYTES, RECORD_BYTES * entryCount - at))
    sums.add(chunk)
    yield chunk
  }
  signal?.throwIfAborted()
  yield * trailerChunks(sums.finish(), fences.bytes, directory, footer)
}

/** Collects short pieces into chunks. */
class Gathered {
  #bytes: Uint8Array
  used = 0
  #flushed = 0
  readonly #write: ((bytes: Uint8Array, at: number) => Promise<void>) | undefined

  constructor (write?: (bytes: Uint8Array, at: number) => Promise<void>) {
    this.#bytes = new Uint8Array(CHUNK_BYTES)
    this.#write = write
  }

  get room (): number {
    return this.#bytes.byteLength - this.used
  }

  put (bytes: Uint8Array, at: number, length: number): void {
    // a digest may be longer than a chunk
    if (this.used === 0 && length > this.#bytes.byteLength) this.#bytes = new Uint8Array(length)
    const to = this.#bytes
    for (let i = 0, used = this.used; i < length; i++) to[used + i] = bytes[at + i]!
    this.used += length
  }

  /** What was collected, until the next `put`. */
  take (sums: PageSums): Uint8Array {
    const chunk = this.#bytes.subarray(0, this.used)
    sums.add(chunk)
    this.used = 0
    return chunk
  }

  async flush (): Promise<void> {
    const { used } = this
    this.used = 0
    await this.#write?.(this.#bytes.subarray(0, used), this.#flushed)
    this.#flushed += used
  }
}
