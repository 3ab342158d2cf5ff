/** The index of a payload as part of a CARv2, made in memory or on a scratch file. */
import type { ByteSource } from '@dagstore/io'
import { type BuildIndexOptions, collectIndex, collectInto } from './build-index.ts'
import type { IdentityPolicy } from './identity-policy.ts'
import { type ScratchOptions, SpillingColumns } from './index-builder.ts'
import { type FormedIndex, NO_INDEX, type ResolvedForm } from './index-form.ts'
import type { CarLayout } from './layout.ts'
import { eachSection, SectionReader } from './section-reader.ts'

/** How an index is made of a payload; without `scratch` it is held in memory, some 50 bytes for each block. */
export interface IndexRoom extends Partial<ScratchOptions> {}

export interface IndexedPayload {
  readonly index: FormedIndex
  /** End of the last section, from the start of the payload. */
  readonly payloadEnd: number
}

/**
 * Scan the payload once.
 *
 * @param payloadStart - where it starts in the CARv2 that the index becomes part of
 * @param allZeros - check all of the padding
 * @throws {CarV2Error} as {@link buildIndex}. `IO_*`
 * @throws {TypeError} a scratch file for codec 0x0400, whose index is made in memory
 */
export const indexPayload = async (
  source: ByteSource, layout: CarLayout, form: ResolvedForm, identity: IdentityPolicy, payloadStart: number,
  options: Omit<BuildIndexOptions, 'identity' | 'layout'> & IndexRoom, allZeros: boolean,
): Promise<IndexedPayload> => {
  const { scratch, memoryBytes, maxSectionBytes, maxCidBytes, signal, onProgress, blocking } = options
  const how = { maxSectionBytes, maxCidBytes, signal, onProgress, blocking }
  if (form.kind === 'none') {
    const reader = new SectionReader(source, layout, how)
    await eachSection(reader, () => {})
    return { index: NO_INDEX, payloadEnd: (await reader.finish(allZeros)).payloadEnd }
  }
  const identityCids = identity.index ? 'included' : 'excluded'
  if (scratch === undefined) {
    const { columns, subject } = await collectIndex(source, layout, { ...how, identityCids }, allZeros)
    return { index: form.of(columns.finish({ ...subject, payloadStart, source: undefined })), payloadEnd: subject.payloadEnd }
  }
  if (!form.streams) throw new TypeError('an index of codec 0x0400 is made in memory; got=scratch')
  const columns = new SpillingColumns(identityCids, { scratch, memoryBytes })
  const subject = await collectInto(columns, source, layout, how, allZeros, () => columns.makeRoom({ signal }))
  const stream = await columns.finishStream({ ...subject, payloadStart, source: undefined }, { signal })
  return { index: form.ofStream(stream), payloadEnd: subject.payloadEnd }
}
