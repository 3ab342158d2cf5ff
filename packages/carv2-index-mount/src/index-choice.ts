/** Which index a mount uses: the one it was given, the one in the file, or one it builds. */
import { type CarLayout, CarV2Error, type IndexFacts, type IndexView, openIndex, type PageCache } from '@dagstore/carv2'
import { type ByteSource, compareIdentity, createBytesSource, createWindow } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import type { IndexOrigin } from './mounted-index.ts'
import { sampleIndex } from './sample.ts'
import type { SectionBytes } from './section-read.ts'

/** Over a network an index up to this long is brought by one request, not page by page. */
const WHOLE_REMOTE_BYTES = 1 << 20

/**
 * How much an index is believed. `use`: as it is, as long as it is not known to be of other bytes. `verify`: after 64 of its
 * sections were compared. `regenerate`: not at all, a new one is built.
 */
export type IndexTrust = 'use' | 'verify' | 'regenerate'

export interface IndexChoice {
  readonly view: IndexView
  readonly origin: IndexOrigin
  readonly whole: boolean
}

export interface ChoiceOptions {
  /** `undefined`: `verify`, but not for an index whose trailer says that it is of these very bytes. */
  readonly trust: IndexTrust | undefined
  readonly pages: PageCache | undefined
  readonly onNotice: (text: string) => void
  readonly signal: AbortSignal | undefined
}

/** Open and judge a given index. `undefined`: it is of no use, and that was said; what was opened here is closed. */
export const chooseGiven = async (given: IndexView | ByteSource, from: SectionBytes, options: ChoiceOptions): Promise<IndexChoice | undefined> => {
  if (options.trust === 'regenerate') return undefined
  if (isView(given)) return judge(given, 'given', from, options)
  return openAndJudge(given, 'given', from, options)
}

/** The same for the index at the end of a CARv2. */
export const chooseAttached = async (from: SectionBytes, options: ChoiceOptions): Promise<IndexChoice | undefined> => {
  const { source, layout: { indexOffset } } = from
  if (options.trust === 'regenerate' || indexOffset === undefined) return undefined
  return openAndJudge(createWindow(source, indexOffset, source.sizeBytes - indexOffset), 'attached', from, options)
}

export const isView = (index: IndexView | ByteSource): index is IndexView => 'find' in index

const openAndJudge = async (bytes: ByteSource, origin: IndexOrigin, from: SectionBytes, options: ChoiceOptions): Promise<IndexChoice | undefined> => {
  const near = bytes.cost.kind === 'remote' && bytes.sizeBytes <= WHOLE_REMOTE_BYTES
    ? createBytesSource(await bytes.read(0, bytes.sizeBytes, { signal: options.signal }), { identity: bytes.identity })
    : bytes
  let view: IndexView
  try {
    view = await openIndex(near, { pages: options.pages, signal: options.signal })
  } catch (error) {
    if (!(error instanceof CarV2Error)) throw error
    options.onNotice(`${origin} index is not used: ${error.message}`)
    return undefined
  }
  let choice: IndexChoice | undefined
  try {
    choice = await judge(view, origin, from, options)
  } finally {
    if (choice === undefined) await view.close()
  }
  return choice
}

const judge = async (view: IndexView, origin: IndexOrigin, from: SectionBytes, options: ChoiceOptions): Promise<IndexChoice | undefined> => {
  const { facts } = view
  const hasTrailer = facts.payloadEnd !== undefined
  const contradiction = hasTrailer ? contradictionOf(facts, from.layout) : undefined
  const verdict = contradiction !== undefined ? 'different' : verdictOf(facts, origin, from.source)
  let fault = contradiction ?? (verdict === 'different' ? 'it was built from other bytes' : undefined)
  if (fault === undefined && (options.trust === 'verify' || (options.trust === undefined && verdict !== 'same'))) {
    fault = await sampleIndex(view, from, options.signal)
  }
  if (fault !== undefined) {
    options.onNotice(`${origin} index is not used: ${fault}`)
    return undefined
  }
  // without a trailer nothing says that every section is listed
  return { view, origin, whole: hasTrailer || options.trust === 'use' }
}

const verdictOf = (facts: IndexFacts, origin: IndexOrigin, source: ByteSource): ReturnType<typeof compareIdentity> => {
  if (facts.payloadEnd === undefined) return 'unknown'
  // in the file itself: what it is about cannot have been exchanged without it
  if (origin === 'attached') return 'same'
  return facts.source === undefined ? 'unknown' : compareIdentity(facts.source, source.identity)
}

const contradictionOf = (facts: IndexFacts, layout: CarLayout): string | undefined => {
  const { payloadStart, payloadEnd = 0, roots } = facts
  if (payloadStart !== layout.payloadStart || payloadEnd > layout.payloadBytes || payloadEnd < layout.headerBytes) return 'it is of a payload at another place'
  if (roots !== undefined && (roots.length !== layout.roots.length || roots.some((root, i) => !CID.asCID(root)?.equals(layout.roots[i])))) return 'it is of a CAR with other roots'
  return undefined
}
