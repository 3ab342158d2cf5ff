/** Index a CAR by reading it once. */
import type { ByteProgress, ByteSource, CallOptions } from '@dagstore/io'
import type { BuiltIndex } from './built-index.ts'
import { IndexColumns } from './index-builder.ts'
import type { IndexSubject } from './index-facts.ts'
import { type CarLayout, type CarLimits, readLayout } from './layout.ts'
import { eachSection, SectionReader } from './section-reader.ts'

export interface BuildIndexOptions extends CarLimits, CallOptions {
  /** Where the parts of the source lie, when that is known already. */
  readonly layout?: CarLayout | undefined
  /** @default 'included' */
  readonly identityCids?: 'included' | 'excluded' | undefined
  /** Block the thread for each read, where the source can: only for workers and one-shot commands. @default false */
  readonly blocking?: boolean | undefined
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

/**
 * Scan a CAR and index every section, repeats included. Looks at the structure only: nothing is hashed. Skips over data
 * where the source makes that worth while. Memory: one window, and the entries.
 *
 * @throws {CarV2Error} as {@link readLayout} and {@link scanSections}; `IO_*`
 */
export const buildIndex = async (source: ByteSource, options: BuildIndexOptions = {}): Promise<BuiltIndex> => {
  const layout = options.layout ?? await readLayout(source, options)
  const { columns, subject } = await collectIndex(source, layout, options, false)
  return columns.finish({ ...subject, source: source.identity })
}

/** The scan of {@link buildIndex}, for those that describe the payload as part of another file. @param allZeros - check all of the padding */
export const collectIndex = async (source: ByteSource, layout: CarLayout, options: BuildIndexOptions, allZeros: boolean): Promise<{ columns: IndexColumns, subject: Omit<IndexSubject, 'source'> }> => {
  const { maxSectionBytes, maxCidBytes, signal, onProgress, blocking } = options
  const reader = new SectionReader(source, layout, { maxSectionBytes, maxCidBytes, signal, onProgress, blocking })
  const columns = new IndexColumns(options.identityCids ?? 'included')
  await eachSection(reader, ({ window, cid, sectionOffset, headBytes, dataBytes }) => {
    columns.add(window, cid, sectionOffset, headBytes, dataBytes)
  })
  const { payloadEnd } = await reader.finish(allZeros)
  const { payloadStart, headerBytes } = layout
  const carV1Header = await source.read(payloadStart, headerBytes, { signal })
  return { columns, subject: { payloadStart, payloadEnd, carV1Header } }
}
