/** The deals in a database; described with an example in docs/formats/deals.md. */
import { decodeProgress, decodeTerms, type DealProgress, type DealTerms, encodeProgress, encodeTerms, type ProviderDeal } from '@dagstore/deal-protocol'
import type { AnyLevel, CallOptions } from '@dagstore/io'
import type { AbstractBatchOperation, AbstractLevel, AbstractSublevel } from 'abstract-level'
import type { CID } from 'multiformats/cid'
import { after, commitmentOf, DUE, IDS, join, LISTS, MAX_U64, nameAt, NOTHING, PIECES, PROGRESS, rowsOf, TERMS, TRANSFERS, u64, VERSION_KEY } from './deal-keys.ts'
import { DealProviderError } from './errors.ts'
import { codeOf } from './failure.ts'
import { decodeTransfer, encodeTransfer, type TransferRecord, withoutSource } from './online/transfer-record.ts'
import { type DealList, mayBeFetched } from './wants.ts'

type Level = AbstractSublevel<AbstractLevel<any, any, any>, any, Uint8Array, Uint8Array>
type Change = AbstractBatchOperation<Level, Uint8Array, Uint8Array>

const BYTES = { keyEncoding: 'view', valueEncoding: 'view' } as const
/** An option of the engines that have a disk; others ignore it. */
const SYNC = { ...BYTES, sync: true }
const VERSION = 1
/** The database never frees a value without bytes. */
const SET = Uint8Array.of(1)
const PAGE = 64

/** What is written under a name. */
export type Found<T> =
  | { readonly name: CID, readonly record: T, readonly damage: undefined }
  /** @param damage - `DEAL_BAD_RECORD` */
  | { readonly name: CID, readonly record: undefined, readonly damage: unknown }

export interface ListOptions extends CallOptions {
  /** Only what comes behind this name. */
  readonly after?: CID | undefined
}

/** Every change is durable on return, and whole or not at all. @throws {DealProviderError} `DEAL_STORAGE_FAILED` */
export interface DealTable {
  /** @throws {DealError} `DEAL_BAD_RECORD` */
  get(proposalCid: CID): Promise<ProviderDeal | undefined>
  /** Those of `names` that are there, in their order, many at a time. */
  deals(names: AsyncIterable<CID>): AsyncIterable<Found<ProviderDeal>>
  /** The same with less to read. */
  progress(names: AsyncIterable<CID>): AsyncIterable<Found<DealProgress>>
  /** By the chain's number. */
  find(dealId: bigint): Promise<CID | undefined>
  /** All names, by their bytes. */
  names(options?: CallOptions): AsyncIterable<CID>
  /** By their bytes. */
  listed(list: DealList, options?: ListOptions): AsyncIterable<CID>
  /** Deals whose time has come, the longest overdue first. */
  due(now: number, options?: CallOptions): AsyncIterable<CID>
  /** When the next one comes, milliseconds since 1970. */
  nextDue(): Promise<number | undefined>
  /** Deals with this piece that have not ended. */
  withPiece(pieceCid: CID): AsyncIterable<CID>
  add(deal: ProviderDeal, transfer?: TransferRecord): Promise<void>
  /** Where data are fetched, and its token, go with the state in which they may be. @param before - what is written there now */
  replace(terms: DealTerms, before: DealProgress, after: DealProgress): Promise<void>
  /** `undefined`: the deal was not proposed over the network. @throws {DealError} `DEAL_BAD_RECORD` */
  transfer(proposalCid: CID): Promise<TransferRecord | undefined>
  /** Of those that were proposed over the network. */
  transfers(names: AsyncIterable<CID>): AsyncIterable<Found<TransferRecord>>
  setTransfer(proposalCid: CID, transfer: TransferRecord): Promise<void>
  /** Deals that were proposed over the network and have come to nothing, the oldest first. */
  nothings(): AsyncIterable<CID>
  /** All that is written of it goes. */
  forget(deal: ProviderDeal): Promise<void>
}

/**
 * @param mayWrite - `false`: for whoever reads beside a provider, or before there was one; nothing is written then, not even the version
 * @throws {DealProviderError} `DEAL_BAD_FORMAT`: written by a later version. `DEAL_STORAGE_FAILED`
 */
export const openDealTable = async (db: AnyLevel, mayWrite = true): Promise<DealTable> => {
  const level: Level = db.sublevel('deals', { ...BYTES })
  await guard('open', () => level.open())
  const version = await guard('get', () => level.get(VERSION_KEY))
  if (version === undefined) {
    if (mayWrite) await guard('put', () => level.put<Uint8Array, Uint8Array>(VERSION_KEY, Uint8Array.of(VERSION), SYNC))
  } else if (version[0] !== VERSION) throw new DealProviderError('DEAL_BAD_FORMAT', `deals of an unknown version; want=${VERSION} got=${version[0]}`)

  const keys = async function * (prefix: Uint8Array, until: Uint8Array, { signal, after: name }: ListOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    // a page at a time, so that nothing is held open while the caller works
    let from: { readonly gte: Uint8Array } | { readonly gt: Uint8Array } = name === undefined ? { gte: prefix } : { gt: join(prefix, name.bytes) }
    for (;;) {
      signal?.throwIfAborted()
      const range = { ...from, lt: until, limit: PAGE, ...BYTES }
      const page: Uint8Array[] = await guard('keys', () => level.keys<Uint8Array>(range).all())
      yield * page
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return
      from = { gt: last }
    }
  }
  const names = async function * (prefix: Uint8Array, at: number, options: ListOptions | undefined, until: Uint8Array = after(prefix)): AsyncGenerator<CID, void, undefined> {
    for await (const key of keys(prefix, until, options)) yield nameAt(key, at)
  }
  /** @param parts - tags of the records that make one */
  const found = async function * <T>(of: AsyncIterable<CID>, parts: readonly Uint8Array[], decode: (name: CID, bytes: readonly Uint8Array[]) => T): AsyncGenerator<Found<T>, void, undefined> {
    for await (const page of paged(of)) {
      const values = await guard('getMany', () => level.getMany(page.flatMap((name) => parts.map((part) => join(part, name.bytes)))))
      for (const [at, name] of page.entries()) {
        const bytes = values.slice(at * parts.length, (at + 1) * parts.length).filter((value) => value !== undefined)
        if (bytes.length < parts.length) continue
        let one: Found<T>
        try {
          one = { name, record: decode(name, bytes), damage: undefined }
        } catch (damage) {
          if (codeOf(damage) !== 'DEAL_BAD_RECORD') throw damage
          one = { name, record: undefined, damage }
        }
        yield one
      }
    }
  }
  const dealOf = (name: CID, [terms, progress]: readonly Uint8Array[]): ProviderDeal => ({ ...decodeTerms(name, terms as Uint8Array), ...decodeProgress(progress as Uint8Array) })
  const write = (changes: Change[]): Promise<void> => guard('batch', () => level.batch(changes, SYNC))

  const transferBytes = ({ bytes }: CID): Promise<Uint8Array | undefined> => guard('get', () => level.get(join(TRANSFERS, bytes)))

  return {
    get: async (proposalCid) => {
      const [terms, progress] = await guard('getMany', () => level.getMany([join(TERMS, proposalCid.bytes), join(PROGRESS, proposalCid.bytes)]))
      if (terms === undefined || progress === undefined) return undefined
      return dealOf(proposalCid, [terms, progress])
    },
    deals: (of) => found(of, [TERMS, PROGRESS], dealOf),
    progress: (of) => found(of, [PROGRESS], (_, [progress]) => decodeProgress(progress as Uint8Array)),
    find: async (dealId) => {
      if (dealId < 0n || dealId > MAX_U64) return undefined
      const prefix = join(IDS, u64(dealId))
      for await (const name of names(prefix, prefix.byteLength, undefined)) return name
      return undefined
    },
    names: (options) => names(TERMS, 1, options),
    listed: (list, options) => names(LISTS[list], 1, options),
    due: (now, options) => names(DUE, 9, options, join(DUE, u64(BigInt(Math.max(0, now)) + 1n))),
    nextDue: async () => {
      for await (const key of keys(DUE, after(DUE))) return Number(new DataView(key.buffer, key.byteOffset).getBigUint64(1))
      return undefined
    },
    withPiece: (pieceCid) => {
      const prefix = join(PIECES, commitmentOf(pieceCid))
      return names(prefix, prefix.byteLength, undefined)
    },
    add: async (deal, transfer) => {
      const name = deal.proposalCid.bytes
      await write([
        { type: 'put', key: join(TERMS, name), value: encodeTerms(deal) },
        { type: 'put', key: join(PROGRESS, name), value: encodeProgress(deal) },
        ...transfer === undefined ? [] : [{ type: 'put', key: join(TRANSFERS, name), value: encodeTransfer(transfer) } as const],
        ...deal.dealId === undefined ? [] : [{ type: 'put', key: join(IDS, u64(deal.dealId), name), value: SET } as const],
        ...rowsOf(deal, deal, transfer !== undefined).map((key) => ({ type: 'put', key, value: SET } as const)),
      ])
    },
    replace: async (terms, before, next) => {
      const transfer = await transferBytes(terms.proposalCid)
      const isProposed = transfer !== undefined
      const cleared = transfer === undefined || mayBeFetched(next) ? undefined : clearedOf(transfer)
      const [old, now] = [new Map(rowsOf(terms, before, isProposed).map(byText)), new Map(rowsOf(terms, next, isProposed).map(byText))]
      await write([
        { type: 'put', key: join(PROGRESS, terms.proposalCid.bytes), value: encodeProgress(next) },
        ...cleared === undefined ? [] : [{ type: 'put', key: join(TRANSFERS, terms.proposalCid.bytes), value: cleared } as const],
        ...[...old].flatMap(([text, key]) => now.has(text) ? [] : [{ type: 'del', key } as const]),
        ...[...now].flatMap(([text, key]) => old.has(text) ? [] : [{ type: 'put', key, value: SET } as const]),
      ])
    },
    transfer: async (proposalCid) => {
      const bytes = await transferBytes(proposalCid)
      return bytes === undefined ? undefined : decodeTransfer(bytes)
    },
    transfers: (of) => found(of, [TRANSFERS], (_, [transfer]) => decodeTransfer(transfer as Uint8Array)),
    setTransfer: (proposalCid, transfer) => write([{ type: 'put', key: join(TRANSFERS, proposalCid.bytes), value: encodeTransfer(transfer) }]),
    nothings: () => names(NOTHING, 9, undefined),
    forget: async (deal) => {
      const name = deal.proposalCid.bytes
      const keys = [join(TERMS, name), join(PROGRESS, name), join(TRANSFERS, name), ...deal.dealId === undefined ? [] : [join(IDS, u64(deal.dealId), name)], ...rowsOf(deal, deal, await transferBytes(deal.proposalCid) !== undefined)]
      await write(keys.map((key) => ({ type: 'del', key } as const)))
    },
  }
}

/** The secret of another's server is kept as long as it is asked. `undefined`: none is there, or nobody can say. */
const clearedOf = (bytes: Uint8Array): Uint8Array | undefined => {
  try {
    const transfer = decodeTransfer(bytes)
    const cleared = withoutSource(transfer)
    return cleared === transfer ? undefined : encodeTransfer(cleared)
  } catch {
    return undefined // whoever needs the record is told that it is damaged
  }
}

/** {@link PAGE} at a time; the last ones fewer. */
const paged = async function * (names: AsyncIterable<CID>): AsyncGenerator<readonly CID[], void, undefined> {
  let page: CID[] = []
  for await (const name of names) {
    if (page.push(name) < PAGE) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}

const byText = (key: Uint8Array): [string, Uint8Array] => [String.fromCharCode(...key), key]

const guard = async <T>(what: string, run: () => Promise<T>): Promise<T> => {
  try {
    return await run()
  } catch (cause) {
    throw new DealProviderError('DEAL_STORAGE_FAILED', `database of deals failed; at=${what}`, { cause, retry: 'later' })
  }
}
