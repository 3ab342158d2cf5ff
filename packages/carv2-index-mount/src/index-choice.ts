/** Which index a mount uses: the one it was given, the one in the file, or one it builds. */
import { type CarLayout, CarV2Error, type IndexFacts, type IndexView, openIndex, type PageCache } from '@dagstore/carv2'
import { type ByteSource, compareIdentity, createBytesSource, createWindow, IoError } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import type { IndexOrigin } from './mounted-index.ts'
import { sampleIndex } from './sample.ts'
import type { SectionBytes } from './section-read.ts'

/** Over a network an index up to this long is brought by one request, not page by page. */
const WHOLE_REMOTE_BYTES = 1 << 20

/**
 * How much an index is believed. `use`: as it is, as long as it is not known to be of other bytes; what it does not list is
 * absent. `verify`: after 64 of its sections were compared, and nothing is absent for it before a new one was built. `hits`:
 * as `verify`, and no section is compared before one is asked for. `regenerate`: not at all, a new one is built.
 */
export type IndexTrust = 'use' | 'verify' | 'hits' | 'regenerate'

export interface IndexChoice {
  readonly view: IndexView
  readonly origin: IndexOrigin
  readonly whole: boolean
}

export interface ChoiceOptions {
  /** `undefined`: `verify`, but not for an index whose trailer says that it is of these very bytes. */
  readonly trust: IndexTrust | undefined
  readonly pages: PageCache | undefined
  /** Whether an index whose bytes can not be read is of no use, as a broken one is; else that is a failure. */
  readonly dispensable: boolean
  readonly onNotice: (text: string) => void
  readonly signal: AbortSignal | undefined
}

/**
 * Open a given index, so that its bytes can come while those of the CAR do. `undefined`: it is of no use, and that was said.
 *
 * @throws {IoError} unless it is dispensable
 */
export const openGiven = async (given: IndexView | ByteSource, options: ChoiceOptions): Promise<IndexView | undefined> =>
  options.trust === 'regenerate' ? undefined : isView(given) ? given : openOrSay(given, 'given', options)

/** The index to use of the one given and the one at the end of a CARv2. `undefined`: neither; what was opened here is closed. */
export const chooseIndex = async (given: IndexView | undefined, owned: boolean, from: SectionBytes, options: ChoiceOptions): Promise<IndexChoice | undefined> => {
  const chosen = given === undefined ? undefined : await judgeOrClose(given, 'given', owned, from, options)
  if (chosen !== undefined) return chosen
  const { source, layout: { indexOffset } } = from
  if (options.trust === 'regenerate' || indexOffset === undefined) return undefined
  const attached = await openOrSay(createWindow(source, indexOffset, source.sizeBytes - indexOffset), 'attached', options)
  return attached === undefined ? undefined : judgeOrClose(attached, 'attached', true, from, options)
}

export const isView = (index: IndexView | ByteSource): index is IndexView => 'find' in index

const openOrSay = async (bytes: ByteSource, origin: IndexOrigin, { pages, dispensable, signal, onNotice }: ChoiceOptions): Promise<IndexView | undefined> => {
  try {
    const near = bytes.cost.kind === 'remote' && bytes.sizeBytes <= WHOLE_REMOTE_BYTES
      ? createBytesSource(await bytes.read(0, bytes.sizeBytes, { signal }), { identity: bytes.identity })
      : bytes
    return await openIndex(near, { pages, signal })
  } catch (error) {
    if (!(error instanceof CarV2Error || (dispensable && error instanceof IoError))) throw error
    onNotice(`${origin} index is not used: ${error.message}`)
    return undefined
  }
}

const judgeOrClose = async (view: IndexView, origin: IndexOrigin, owned: boolean, from: SectionBytes, options: ChoiceOptions): Promise<IndexChoice | undefined> => {
  let choice: IndexChoice | undefined
  try {
    choice = await judge(view, origin, from, options)
  } finally {
    if (choice === undefined && owned) await view.close()
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
    fault = await sampleIndex(view, from, options)
  }
  if (fault !== undefined) {
    options.onNotice(`${origin} index is not used: ${fault}`)
    return undefined
  }
  // without a trailer nothing says that every section is listed; with one, somebody does
  return { view, origin, whole: options.trust === 'use' || (hasTrailer && options.trust === undefined) }
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
