/** Whether a CAR is whole and true: structure, hashes, roots, index, and if asked for the links between blocks. */
import type { Hashes } from '@dagstore/hashes'
import { type ByteProgress, type ByteSource, type CallOptions, createWindow } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import type { BuiltIndex } from './built-index.ts'
import { CarV2Error } from './errors.ts'
import { IndexColumns } from './index-builder.ts'
import { compareIndex } from './index-compare.ts'
import { type CarLayout, type CarLimits, readLayout } from './layout.ts'
import { MissingLinks } from './missing-links.ts'
import { RootWatch } from './root-watch.ts'
import { checkSectionHash } from './section-hash.ts'
import { eachSection, type ScanOptions, SectionReader } from './section-reader.ts'

export interface VerifyOptions extends CarLimits, CallOptions {
  /** The CIDs that a block names; what it throws counts as `undecodable`. @default links are not followed */
  readonly linksOf?: ((cid: CID, data: Uint8Array) => Iterable<CID>) | undefined
  /** Refuse a CAR in which a link leads out of it. Needs `linksOf`. @default false */
  readonly complete?: boolean | undefined
  /** Block the thread for each read, where the source can: only for workers and one-shot commands. @default false */
  readonly blocking?: boolean | undefined
  /** With `linksOf` the payload is read twice and counted twice. */
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

export interface VerifyReport {
  readonly layout: CarLayout
  /** Sections, repeats included. */
  readonly blockCount: number
  /** End of the last section, from the start of the payload. */
  readonly payloadEnd: number
  /** Links to blocks that are not there, each once, the first 1000 of them; empty without `linksOf`. */
  readonly missing: readonly CID[]
  readonly missingCount: number
  /** Blocks whose links could not be read. */
  readonly undecodable: number
}

/**
 * Check everything about a CAR that can be checked by reading it: every section, every hash, the zeros behind the last
 * one, that there are roots and that they are there, and that an attached index lists every block but those with identity
 * CIDs, which it may list, and nothing else. Rejects at the first damage.
 *
 * Memory: one window, and some 100 to 200 bytes for each block where there is an index or `linksOf`.
 *
 * @throws {CarV2Error} as {@link readLayout}, {@link scanSections} and {@link openIndex}; `CARV2_HASH_MISMATCH`,
 *   `CARV2_UNKNOWN_HASH`; `CARV2_NO_ROOTS`, `CARV2_ROOT_MISSING`; `CARV2_INDEX_INCOMPLETE`: a block is not in the index at its
 *   offset; `CARV2_BAD_INDEX`: the index lists what is not there; `CARV2_INCOMPLETE`: with `complete`. `offset` counts from
 *   the start of the file.
 */
export const verifyCar = async (source: ByteSource, hashes: Hashes, options: VerifyOptions = {}): Promise<VerifyReport> => {
  const { linksOf, signal, onProgress, maxSectionBytes, maxCidBytes, blocking } = options
  if (options.complete === true && linksOf === undefined) throw new TypeError('complete needs linksOf')
  const layout = await readLayout(source, options)
  if (layout.roots.length === 0) throw new CarV2Error('CARV2_NO_ROOTS', 'CAR without roots', { offset: layout.payloadStart })
  const passes = linksOf === undefined ? 1 : 2
  const scan = (pass: number): ScanOptions => ({
    maxSectionBytes,
    maxCidBytes,
    signal,
    blocking,
    data: true,
    onProgress: onProgress && (({ doneBytes }) => { onProgress({ doneBytes: doneBytes + pass * layout.payloadBytes, totalBytes: passes * layout.payloadBytes }) }),
  })
  const columns = layout.indexOffset !== undefined || linksOf !== undefined ? new IndexColumns('included') : undefined
  const roots = new RootWatch(layout.roots)
  let blockCount = 0
  const first = new SectionReader(source, layout, scan(0))
  await eachSection(first, (cursor) => {
    checkSectionHash(cursor, hashes)
    roots.see(cursor.window, cursor.cidAt, cursor.dataAt)
    columns?.add(cursor.window, cursor.cid, cursor.sectionOffset, cursor.headBytes, cursor.dataBytes)
    blockCount++
  })
  const { payloadEnd } = await first.finish(true)
  const [missingRoot] = roots.missing()
  if (missingRoot !== undefined) {
    throw new CarV2Error('CARV2_ROOT_MISSING', `root is not among the blocks; cid=${missingRoot.toString()}`, { offset: layout.payloadStart, cid: missingRoot.bytes })
  }
  const built = columns?.finish({ payloadStart: layout.payloadStart, payloadEnd, carV1Header: undefined, source: undefined })
  if (built !== undefined) await checkIndex(source, layout, built, signal)
  const links = new MissingLinks()
  if (linksOf !== undefined && built !== undefined) {
    const view = built.view()
    const second = new SectionReader(source, layout, scan(1))
    await eachSection(second, ({ window, cidAt, dataAt, dataBytes }) => {
      links.block(CID.decode(window.slice(cidAt, dataAt)), window.subarray(dataAt, dataAt + dataBytes), linksOf, view)
    })
    await second.finish()
  }
  const { missing, missingCount, undecodable } = links
  if (options.complete === true && missingCount > 0) {
    throw new CarV2Error('CARV2_INCOMPLETE', `links lead out of the CAR; blocks=${missingCount} first=${String(missing[0])}`, { cid: missing[0]?.bytes })
  }
  return { layout, blockCount, payloadEnd, missing, missingCount, undecodable }
}

const checkIndex = async (source: ByteSource, { indexOffset, payloadStart }: CarLayout, built: BuiltIndex, signal: AbortSignal | undefined): Promise<void> => {
  if (indexOffset === undefined) return
  try {
    await compareIndex(createWindow(source, indexOffset, source.sizeBytes - indexOffset), built, payloadStart, { signal })
  } catch (error) {
    if (!(error instanceof CarV2Error) || error.offset === undefined || error.code === 'CARV2_INDEX_INCOMPLETE') throw error
    // what is said about the index counts from its start
    throw new CarV2Error(error.code, error.message, { cause: error, offset: indexOffset + error.offset, cid: error.cid })
  }
}
