/// <reference lib="esnext.disposable" preserve="true" />
/** CAR bytes and their index, mounted as a read blockstore. */
import {
  buildIndex, CAR_LIMITS, type CarLayout, type CarLimits, type IdentityPolicy, type IdentityPolicyName, type IndexView, type PageCache, readLayout, resolveIdentityPolicy,
  type ResolvedLimits, scanSections,
} from '@dagstore/carv2'
import { createHashes, type Hashes } from '@dagstore/hashes'
import { type ByteProgress, type ByteSource, type CallOptions, readChunks } from '@dagstore/io'
import { type BlockStretches, BlockstoreError, createGate, type ShardBlockstore } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import { createMountedBlockstore } from './blockstore.ts'
import { chooseIndex, type IndexChoice, type IndexTrust, isView, openGiven } from './index-choice.ts'
import { withMergedReads } from './merged-source.ts'
import { createMountedIndex, type IndexOrigin, type MountedIndex } from './mounted-index.ts'

export interface MountParts {
  /** A CARv1 or CARv2. */
  readonly data: ByteSource
  /** Of these bytes: a view, or a detached index file. */
  readonly index?: IndexView | ByteSource | undefined
}

export interface MountOptions extends CarLimits {
  /** @default createHashes() */
  readonly hashes?: Hashes | undefined
  /** `never`: blocks are given as they are in the file. @default 'always' */
  readonly verify?: 'always' | 'never' | undefined
  /** Blocks compare by their whole CID, not by multihash. @default false */
  readonly wholeCid?: boolean | undefined
  /** Shared by all mounts of a program. @default a cache of 64 MiB of its own */
  readonly pages?: PageCache | undefined
  /** @default `verify`, but not for an index whose trailer says that it is of these very bytes */
  readonly indexTrust?: IndexTrust | undefined
  /** Where the parts of the CAR lie, when that is known already. @default read from its first bytes */
  readonly layout?: CarLayout | undefined
  /**
   * Blocks come with those behind them: by one read up to so many bytes, growing while they are asked for in the order of the
   * CAR, and found without the index. Twice that is held, and one lookup or read made at a time. For walks where requests are few,
   * or far: 1 to 8 MiB. @default 0, nothing is read ahead
   */
  readonly readAheadBytes?: number | undefined
  /** Of it counts here whether an identity CID that is not stored is answered from itself. @default 'full': it is */
  readonly identity?: IdentityPolicyName | IdentityPolicy | undefined
  /** Where an index that lists every section comes from when another one was found wanting; closed with the mount. @default built from the CAR, in memory */
  readonly replaceIndex?: ((options: CallOptions) => Promise<IndexView>) | undefined
  /** Told, in words for people, when an index is not used or is rebuilt. @default nobody */
  readonly onNotice?: ((text: string) => void) | undefined
  /** Told how far the CAR is read while an index of it is built, on opening or later. @default nobody */
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
  /** Closing the mount closes data and index. @default true */
  readonly owns?: boolean | undefined
}

/** Blocks of a CAR by CID. Belongs to whoever opened it. */
export interface IndexMount extends AsyncDisposable {
  /** One object for the life of the mount. */
  readonly blockstore: ShardBlockstore & BlockStretches
  /** The one in use; another one after an index without trailer was found wanting. */
  readonly index: IndexView
  readonly indexOrigin: IndexOrigin
  /** The bytes given, unverified. */
  readonly source: ByteSource
  readonly layout: CarLayout
  /** Of the CARv1 header. */
  readonly roots: readonly CID[]
  /** The CARv1 payload without zero padding behind it, unverified. @throws `BLOCKSTORE_CLOSED`, `IO_*` */
  carStream(options?: CallOptions): AsyncIterable<Uint8Array>
  /** Idempotent. Calls under way finish, later ones reject with `BLOCKSTORE_CLOSED`. */
  close(): Promise<void>
}

/**
 * Mount a CAR. The index given is used if it is of these bytes, else the one in the file, else one is built by reading the
 * file once, in memory. An index without our trailer answers at once where it has a block, each section compared; where it
 * has none, one is built before the block is called absent. When it rejects, data and index stay the caller's.
 *
 * @throws {CarV2Error} `data` is no CAR, or a damaged one, found while an index was built
 * @throws {IoError}
 * @throws {RangeError} `readAheadBytes`
 */
export const openIndexMount = (parts: MountParts, options: MountOptions & CallOptions = {}): Promise<IndexMount> => openMount(parts, options, false)

/** As {@link openIndexMount}. @param dispensable - an index that can not be read is rebuilt, as a broken one is */
export const openMount = async (parts: MountParts, options: MountOptions & CallOptions, dispensable: boolean): Promise<IndexMount> => {
  const { data: source, index: given } = parts
  const { verify = 'always', wholeCid = false, owns = true, readAheadBytes = 0, onNotice = () => {}, onProgress, pages, signal, indexTrust: trust } = options
  if (!Number.isSafeInteger(readAheadBytes) || readAheadBytes < 0) throw new RangeError(`readAheadBytes; want=whole number from 0 got=${readAheadBytes}`)
  const limits = limitsOf(options)
  const hashes = verify === 'never' ? undefined : options.hashes ?? createHashes()
  const { inline } = resolveIdentityPolicy(options.identity)
  const choiceOptions = { trust, pages, dispensable, onNotice, signal }
  const openedHere = given !== undefined && !isView(given)

  // head of the CAR and end of the index at once
  const [layoutRead, givenOpened] = await Promise.allSettled([
    options.layout ?? readLayout(source, { ...limits, signal, badIndex: 'report' }),
    given === undefined ? undefined : openGiven(given, choiceOptions),
  ])
  const opened = givenOpened.status === 'fulfilled' ? givenOpened.value : undefined
  if (layoutRead.status === 'rejected' && openedHere) await opened?.close()
  if (layoutRead.status === 'rejected') throw layoutRead.reason
  if (givenOpened.status === 'rejected') throw givenOpened.reason
  const layout = layoutRead.value
  if (layout.indexFault !== undefined) onNotice(`attached index is not used: ${layout.indexFault.message}`)
  const from = { source, layout, limits }
  const build = async (signal: AbortSignal | undefined): Promise<IndexView> => (await buildIndex(source, { ...limits, layout, signal, onProgress })).view()

  const choice: IndexChoice = await chooseIndex(opened, openedHere, from, choiceOptions) ?? { view: await build(signal), origin: 'built', whole: true }
  const gate = createGate()
  const index = createMountedIndex({
    ...choice,
    believed: trust === 'use',
    owned: choice.view !== given,
    build: options.replaceIndex === undefined ? build : (signal) => options.replaceIndex!({ signal }),
    closed: () => new BlockstoreError('BLOCKSTORE_CLOSED', 'the store is closed'),
    onNotice,
  })
  const blockstore = createMountedBlockstore({ ...from, source: withMergedReads(source), index, hashes, wholeCid, inline, readAheadBytes, gate })

  let closed: Promise<void> | undefined
  const close = (): Promise<void> => closed ??= (async () => {
    const shut = gate.shut()
    await index.close(shut)
    if (owns) await closeAll([given, source])
  })()
  return {
    blockstore,
    get index () { return index.view },
    get indexOrigin () { return index.origin },
    source,
    layout,
    roots: layout.roots,
    carStream: (call = {}) => carStream(source, layout, limits, index, gate.check, call),
    close,
    [Symbol.asyncDispose]: close,
  }
}

const limitsOf = ({ maxHeaderBytes, maxSectionBytes, maxCidBytes }: CarLimits): ResolvedLimits => ({
  maxHeaderBytes: maxHeaderBytes ?? CAR_LIMITS.maxHeaderBytes,
  maxSectionBytes: maxSectionBytes ?? CAR_LIMITS.maxSectionBytes,
  maxCidBytes: maxCidBytes ?? CAR_LIMITS.maxCidBytes,
})

async function * carStream (source: ByteSource, layout: CarLayout, limits: CarLimits, index: MountedIndex, check: () => void, { signal }: CallOptions): AsyncGenerator<Uint8Array, void, undefined> {
  signal?.throwIfAborted()
  check()
  const { payloadStart } = layout
  try {
    const payloadEnd = (index.whole ? index.view.facts.payloadEnd : undefined) ?? await scannedEnd(source, layout, limits, signal)
    check()
    for await (const chunk of readChunks(source, payloadStart, payloadStart + payloadEnd, { signal })) {
      yield chunk
      signal?.throwIfAborted()
      check()
    }
  } catch (error) {
    check() // closing the mount closes the source below a read
    throw error
  }
}

const scannedEnd = async (source: ByteSource, layout: CarLayout, limits: CarLimits, signal: AbortSignal | undefined): Promise<number> => {
  const sections = scanSections(source, layout, { ...limits, signal })
  for (;;) {
    const step = await sections.next()
    if (step.done === true) return step.value.payloadEnd
  }
}

/** All of them, whatever becomes of one. @throws the first failure */
const closeAll = async (parts: readonly ({ close(): Promise<void> } | undefined)[]): Promise<void> => {
  let failure: { readonly error: unknown } | undefined
  for (const part of parts) {
    await part?.close().catch((error: unknown) => { failure ??= { error } })
  }
  if (failure !== undefined) throw failure.error
}
