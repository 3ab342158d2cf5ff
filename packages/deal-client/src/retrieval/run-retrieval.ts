/** One retrieval, from where it stands to its end. */
import { type RetrievalDealState } from '@dagstore/deal-protocol'
import type { Hashes } from '@dagstore/hashes'
import { type CallOptions, type Clock, type FairFlow } from '@dagstore/io'
import { type AnyCid, oneChunk, type ReadBlockstore, readBlock, toCid } from '@dagstore/read-blockstore'
import { carStream, type Retrievals, type WalkedSource } from '@dagstore/retrievals'
import { type DagPart, type FetchEvent, fetchingStore, parseSelector, TransferError } from '@dagstore/transfer'
import type { CID } from 'multiformats/cid'
import { base64url } from 'multiformats/bases/base64'
import { DealClientError } from '../errors.ts'
import { type ProviderSource, providerSource } from './provider-source.ts'
import type { Retrieval } from './retrieval.ts'
import type { LocalDag, RetrievalNode } from './retrieval-client.ts'
import type { StoredRetrieval } from './retrieval-table.ts'

export interface RunParts {
  readonly files: Retrievals
  readonly hashes: Hashes
  readonly fetch: typeof fetch
  readonly clock: Clock
  readonly flow: FairFlow | undefined
  readonly attempts: number | undefined
  readonly stalledMs: number | undefined
  readonly local: ((root: CID, options: CallOptions) => Promise<LocalDag | undefined>) | undefined
  readonly node: RetrievalNode | undefined
  readonly onEvent: ((event: FetchEvent & { readonly id: bigint }) => void) | undefined
}

export type Change = Partial<Pick<Retrieval, 'state' | 'message' | 'code' | 'from' | 'receivedBytes' | 'totalBytes' | 'pricePerByte' | 'unsealPrice' | 'file'>>

export interface Told extends CallOptions {
  /** What is new; of bytes alone very often. */
  readonly tell: (change: Change) => void
}

const SHA2_256 = 0x12
/** For goodbyes. */
const END_MS = 5000

/** @throws whatever keeps it from being whole; what is there stays */
export const runRetrieval = async (retrieval: StoredRetrieval, parts: RunParts, { tell, signal }: Told): Promise<void> => {
  const { root, providers, localFirst } = retrieval
  const part = partOf(retrieval)
  if (localFirst && await copyLocal(retrieval, parts, part, { tell, signal })) return
  if (providers.length === 0) throw new DealClientError('DEAL_CLIENT_NO_DATA', `nobody to ask, and nothing here; root=${root.toString()}`)
  const { clock, fetch: send, flow, hashes, stalledMs, attempts, onEvent } = parts
  const sources = providers.map((url) => providerSource(url, { ...retrieval, part, token: tokenOf(retrieval.secret, url, hashes) }, {
    fetch: send, clock, flow, stalledMs, signal,
    onAgreement: (how, from, { pricePerByte, unsealPrice }) => { tell({ state: how === 'proposed' ? 'DealStatusWaitForAcceptance' : 'DealStatusAccepted', from, pricePerByte, unsealPrice }) },
  }))
  const store = fetchingStore({
    root, selector: part, sources, hashes, clock, attempts, signal,
    onEvent: (event) => {
      if (event.type === 'asked') tell({ from: event.source })
      onEvent?.({ ...event, id: retrieval.id })
    },
  })
  try {
    await copyInto(retrieval, parts, part, store, { tell, signal })
    await soon(clock, (call) => store.finish(call))
  } finally {
    await store.close()
    if (signal?.reason !== CLOSED) await endAll(sources, clock)
  }
}

/** Why what is under way stops without being given up. */
export const CLOSED: symbol = Symbol('closed')

/** Done or given up: the providers need not keep the piece at hand. */
const endAll = (sources: readonly ProviderSource[], clock: Clock): Promise<unknown> => soon(clock, (call) => Promise.all(sources.map((source) => source.end(call).catch(() => {}))))

/** Politeness does not last for ever. */
const soon = async <T>(clock: Clock, work: (options: CallOptions) => Promise<T>): Promise<T> => {
  const over = new AbortController()
  clock.sleep(END_MS, { signal: over.signal }).then(() => { over.abort() }, () => {})
  try {
    return await work({ signal: over.signal })
  } finally {
    over.abort()
  }
}

/** False: nothing here has it. */
const copyLocal = async (retrieval: StoredRetrieval, parts: RunParts, part: DagPart, told: Told): Promise<boolean> => {
  let dag: Awaited<ReturnType<NonNullable<RunParts['local']>>>
  try {
    dag = await parts.local?.(retrieval.root, { signal: told.signal })
    if (dag === undefined) return false
    told.tell({ from: 'import' })
    await copyInto(retrieval, parts, part, dag.blockstore, told)
    return true
  } catch (error) {
    told.signal?.throwIfAborted()
    // what is damaged here, or cannot be opened, may be had from somebody else
    if (retrieval.providers.length === 0) throw error
    return false
  } finally {
    await dag?.close()
  }
}

const copyInto = async ({ id, root, into }: StoredRetrieval, parts: RunParts, part: DagPart, from: WalkedSource, { tell, signal }: Told): Promise<void> => {
  const { files, hashes, node } = parts
  const selector = Object.keys(part).length === 0 ? undefined : part
  const onProgress = ({ doneBytes }: { readonly doneBytes: number }): void => { tell({ state: 'DealStatusOngoing', receivedBytes: doneBytes }) }
  if (into === 'file') {
    const { name, bytes } = await files.retrieve({ id: id.toString(), root, from, selector, signal, onProgress })
    return tell({ file: name, receivedBytes: bytes, totalBytes: bytes })
  }
  if (node === undefined) throw new DealClientError('DEAL_CLIENT_WRONG_STATE', 'there is no IPFS node for this')
  let doneBytes = 0
  const car = carStream(held(node, from, signal), { root, selector, hashes, signal, lookAhead: 0, onProgress: (progress) => { doneBytes = progress.doneBytes; onProgress(progress) } })
  await node.importCar(car, { pinRoots: into === 'ipfs-pinned', signal })
  tell({ totalBytes: doneBytes })
}

/** What the node has is not fetched. */
const held = (node: Pick<ReadBlockstore, 'has' | 'get'>, from: WalkedSource, signal: AbortSignal | undefined): Pick<ReadBlockstore, 'get'> => {
  from.begin?.(node)
  const read = async (cid: CID): Promise<Uint8Array> => {
    if (!await node.has(cid, signal === undefined ? {} : { signal })) return readBlock(from, cid, { signal })
    const bytes = await readBlock(node, cid, { signal })
    from.passed?.(cid, bytes)
    return bytes
  }
  return { get: (any: AnyCid) => oneChunk(() => read(toCid(any))) }
}

/** @throws {TransferError} `TRANSFER_BAD_SELECTOR` */
export const partOf = ({ selector }: { readonly selector?: string | undefined }): DagPart => (selector === undefined ? {} : parseSelector(selector))

/** Another one for each provider: one that knows its own can do nothing with it elsewhere. */
const tokenOf = (secret: string, url: string, hashes: Hashes): string => base64url.baseEncode(hashes.digest(SHA2_256, new TextEncoder().encode(`${secret}\n${url}`)))

/** What giving it up makes of the retrieval. */
export const CANCELLED_STATE: Change = Object.freeze({ state: 'DealStatusCancelled', message: '', file: undefined })

/** What a failure makes of the retrieval. */
export const failureOf = (error: unknown, { receivedBytes }: Pick<Retrieval, 'receivedBytes'>): { readonly state: RetrievalDealState, readonly message: string, readonly code: string | undefined } => {
  const told = error instanceof TransferError && error.cause instanceof DealClientError ? error.cause : error
  const message = told instanceof Error ? told.message : String(told)
  const code = told instanceof Error && 'code' in told && typeof told.code === 'string' ? told.code : undefined
  if (told instanceof DealClientError && (told.code === 'DEAL_CLIENT_REFUSED' || told.code === 'DEAL_CLIENT_TOO_DEAR')) return { state: 'DealStatusRejected', message, code }
  if (receivedBytes === 0 && told instanceof Error && told.name === 'NotFoundError') return { state: 'DealStatusDealNotFound', message, code }
  return { state: 'DealStatusErrored', message, code }
}
