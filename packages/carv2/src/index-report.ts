/** What there is to say about the index at the end of a CARv2, be it good or bad. */
import { type ByteSource, createWindow } from '@dagstore/io'
import type { BuiltIndex } from './built-index.ts'
import { CarV2Error } from './errors.ts'
import { compareIndex } from './index-compare.ts'
import type { IndexFacts } from './index-view.ts'
import type { CarLayout } from './layout.ts'
import { openIndex } from './open-index.ts'
import { MAX_VARINT_BYTES, readVarint } from './varint.ts'

export interface IndexReport {
  /** In the file; `undefined` when the header's field cannot be one. */
  readonly offset: number | undefined
  /** From there to the end of the file, whatever that holds. */
  readonly sizeBytes: number
  /** First varint, known or not; `undefined` when there is none. */
  readonly codec: number | undefined
  /** `undefined` when it cannot be read. */
  readonly entryCount: number | undefined
  /** Whether our trailer of checksums and lengths follows the standard bytes. */
  readonly trailer: boolean
  /**
   * Why it is of no use, so that whoever needs an index has to build one: `CARV2_UNKNOWN_INDEX`, a legacy index without a
   * codec among them, `CARV2_BAD_INDEX`, `CARV2_INDEX_DAMAGED`, `CARV2_INDEX_INCOMPLETE`, `CARV2_TOO_LARGE`, `CARV2_TRUNCATED`,
   * `CARV2_BAD_HEADER`. `offset` counts from the start of the file.
   */
  readonly fault: CarV2Error | undefined
}

/** @param built - what the index should say, where every entry is to be compared */
export const reportIndex = async (source: ByteSource, layout: CarLayout, built: BuiltIndex | undefined, signal: AbortSignal | undefined): Promise<IndexReport | undefined> => {
  const { indexOffset, indexFault } = layout
  if (indexFault !== undefined) return { offset: undefined, sizeBytes: 0, codec: undefined, entryCount: undefined, trailer: false, fault: indexFault }
  if (indexOffset === undefined) return undefined
  const sizeBytes = source.sizeBytes - indexOffset
  const first = await source.read(indexOffset, Math.min(MAX_VARINT_BYTES, sizeBytes), { signal })
  const codec = readVarint(first, 0, first.byteLength)
  const found = { offset: indexOffset, sizeBytes, codec: codec < 0 ? undefined : codec }
  try {
    const view = await openIndex(createWindow(source, indexOffset, sizeBytes), { signal })
    const { entryCount, payloadEnd } = view.facts
    await view.close()
    const fault = built === undefined ? undefined : await faultOf(() => checkIndex(source, layout, built, signal))
    return { ...found, entryCount, trailer: payloadEnd !== undefined, fault }
  } catch (error) {
    return { ...found, entryCount: undefined, trailer: false, fault: inFile(error, indexOffset) }
  }
}

/**
 * Compare the index of a CARv2 with what it should say.
 *
 * @throws {CarV2Error} as {@link openIndex} and `compareIndex`; `offset` counts from the start of the file
 */
export const checkIndex = async (source: ByteSource, layout: CarLayout, built: BuiltIndex, signal: AbortSignal | undefined): Promise<void> => {
  const { indexOffset, payloadStart } = layout
  if (indexOffset === undefined) return
  try {
    checkFacts(await compareIndex(createWindow(source, indexOffset, source.sizeBytes - indexOffset), built, payloadStart, { signal }), layout, built)
  } catch (error) {
    throw inFile(error, indexOffset)
  }
}

/** What a trailer says of the whole. */
const checkFacts = ({ payloadStart, payloadEnd, roots }: IndexFacts, layout: CarLayout, built: BuiltIndex): void => {
  if (payloadEnd === undefined) return
  const bad = (what: string): CarV2Error => new CarV2Error('CARV2_BAD_INDEX', `index names ${what}`, { offset: 0 })
  if (payloadStart !== layout.payloadStart || payloadEnd !== built.facts.payloadEnd) throw bad('another payload')
  if (roots !== undefined && (roots.length !== layout.roots.length || roots.some((root, i) => !root.equals(layout.roots[i])))) throw bad('other roots')
}

const faultOf = async (work: () => Promise<void>): Promise<CarV2Error | undefined> => {
  try {
    await work()
    return undefined
  } catch (error) {
    if (error instanceof CarV2Error) return error
    throw error
  }
}

/** What is said about an index counts from its start, but for a block that it lacks. @throws what is no error of this package */
const inFile = (error: unknown, indexOffset: number): CarV2Error => {
  if (!(error instanceof CarV2Error)) throw error
  if (error.offset === undefined || error.code === 'CARV2_INDEX_INCOMPLETE') return error
  return new CarV2Error(error.code, error.message, { cause: error, offset: indexOffset + error.offset, cid: error.cid })
}
