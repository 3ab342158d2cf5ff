/** Index a CAR by reading it once. */
import type { ByteProgress, ByteSource, CallOptions } from '@dagstore/io'
import type { BuiltIndex } from './built-index.ts'
import type { IdentityPolicy, IdentityPolicyName } from './identity-policy.ts'
import { identityCidsOf, IndexColumns, type ScratchOptions, SpillingColumns } from './index-builder.ts'
import type { IndexSubject } from './index-facts.ts'
import type { IndexStream } from './index-stream.ts'
import { type CarLayout, type CarLimits, readLayout } from './layout.ts'
import type { SectionInWindow } from './section-cursor.ts'
import { eachSection, SectionReader } from './section-reader.ts'

export interface BuildIndexOptions extends CarLimits, CallOptions {
  /** Where the parts of the source lie, when that is known already. */
  readonly layout?: CarLayout | undefined
  /** What becomes of identity CIDs; here only whether they are listed. @default 'full' */
  readonly identity?: IdentityPolicyName | IdentityPolicy | undefined
  /** Block the thread for each read, where the source can: only for workers and one-shot commands. @default false */
  readonly blocking?: boolean | undefined
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
  /** Shown each section before it is listed; what it throws ends the scan. @default nobody looks */
  readonly onSection?: ((section: SectionInWindow) => void) | undefined
  /** Read whole sections, for `onSection`. @default false */
  readonly data?: boolean | undefined
}

/**
 * Scan a CAR and index every section, repeats included. Looks at the structure only: nothing is hashed. Skips over data
 * where the source makes that worth while. Memory: four windows, and the entries. An index that is there already, or only
 * announced, is not looked at.
 *
 * @throws {CarV2Error} as {@link readLayout}, but not for its index, and {@link scanSections}; `IO_*`
 */
export const buildIndex = async (source: ByteSource, options: BuildIndexOptions = {}): Promise<BuiltIndex> => {
  const layout = options.layout ?? await readLayout(source, { ...options, badIndex: 'report' })
  const { columns, subject } = await collectIndex(source, layout, { ...options, identityCids: identityCidsOf(options.identity) }, false)
  return columns.finish({ ...subject, source: source.identity })
}

/**
 * The same index for any number of sections in bounded memory: what is beyond `memoryBytes` goes to a scratch file in sorted runs,
 * which the index is merged from when it is read.
 *
 * @throws {CarV2Error} as {@link buildIndex}. `IO_*`, also of the scratch file. {RangeError} `memoryBytes`
 */
export const buildIndexStream = async (source: ByteSource, options: BuildIndexOptions & ScratchOptions): Promise<IndexStream> => {
  const { signal } = options
  const layout = options.layout ?? await readLayout(source, { ...options, badIndex: 'report' })
  const columns = new SpillingColumns(identityCidsOf(options.identity), options)
  const subject = await collectInto(columns, source, layout, options, false, () => columns.makeRoom({ signal }))
  return columns.finishStream({ ...subject, source: source.identity }, { signal })
}

type CollectOptions = Omit<BuildIndexOptions, 'identity' | 'layout'>

/** The scan of {@link buildIndex}, for those that describe the payload as part of another file. @param allZeros - check all of the padding */
export const collectIndex = async (
  source: ByteSource, layout: CarLayout, options: CollectOptions & { readonly identityCids: 'included' | 'excluded' }, allZeros: boolean,
): Promise<{ columns: IndexColumns, subject: Omit<IndexSubject, 'source'> }> => {
  const columns = new IndexColumns(options.identityCids)
  return { columns, subject: await collectInto(columns, source, layout, options, allZeros, () => undefined) }
}

/** The same into columns that may have to make room. */
export const collectInto = async (
  columns: IndexColumns, source: ByteSource, layout: CarLayout, options: CollectOptions, allZeros: boolean, makeRoom: () => Promise<void> | undefined,
): Promise<Omit<IndexSubject, 'source'>> => {
  const { maxSectionBytes, maxCidBytes, signal, onProgress, blocking, data, onSection } = options
  const reader = new SectionReader(source, layout, { maxSectionBytes, maxCidBytes, signal, onProgress, blocking, data })
  await eachSection(reader, (cursor) => {
    const { window, cid, sectionOffset, headBytes, dataBytes } = cursor
    onSection?.(cursor)
    columns.add(window, cid, sectionOffset, headBytes, dataBytes)
    return makeRoom()
  })
  const { payloadEnd } = await reader.finish(allZeros)
  const { payloadStart, headerBytes } = layout
  return { payloadStart, payloadEnd, carV1Header: await reader.copy(0, headerBytes) }
}
