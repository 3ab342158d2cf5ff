/**
 * The client's deals in a database; described with an example in docs/formats/client-deals.md. Keys are bytes:
 *
 *     't' proposal CID              terms, written once
 *     's' proposal CID              progress
 *     'k' proposal CID              secrets, until the deal has ended
 *     'o' proposal CID              1: the deal has not ended, or something is left to do for it
 *     'n' transferId u64            proposal CID
 *     'v'                           version u8: 1
 */
import type { ClientDeal, ClientDealProgress, ClientDealTerms } from '@dagstore/deal-protocol'
import { type AnyLevel, type CallOptions, joinBytes } from '@dagstore/io'
import type { AbstractBatchOperation, AbstractLevel, AbstractSublevel } from 'abstract-level'
import { CID } from 'multiformats/cid'
import { DealClientError } from './errors.ts'
import { type DealSecrets, decodeProgress, decodeSecrets, decodeTerms, encodeProgress, encodeSecrets, encodeTerms } from './record-codec.ts'

type Level = AbstractSublevel<AbstractLevel<any, any, any>, any, Uint8Array, Uint8Array>
type Change = AbstractBatchOperation<Level, Uint8Array, Uint8Array>

const BYTES = { keyEncoding: 'view', valueEncoding: 'view' } as const
/** An option of the engines that have a disk; others ignore it. */
const SYNC = { ...BYTES, sync: true }
const VERSION = 1
const SET = Uint8Array.of(1)
const PAGE = 64
const [TERMS, PROGRESS, SECRETS, OPEN, NUMBERS, VERSION_KEY] = ['t', 's', 'k', 'o', 'n', 'v'].map((letter) => Uint8Array.of(letter.charCodeAt(0))) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array]

/** Every change is durable on return, and whole or not at all. @throws {DealClientError} `DEAL_CLIENT_STORAGE_FAILED` */
export interface DealTable {
  /** @throws {DealClientError} `DEAL_CLIENT_BAD_RECORD` */
  get(proposalCid: CID): Promise<ClientDeal | undefined>
  /** `undefined`: it has ended. @throws {DealClientError} `DEAL_CLIENT_BAD_RECORD` */
  secrets(proposalCid: CID): Promise<DealSecrets | undefined>
  /** All of them, or those for which something is left to do; by the bytes of their names. */
  names(which: 'all' | 'open', options?: CallOptions): AsyncIterable<CID>
  /** By the number of its transfer. */
  find(transferId: bigint): Promise<CID | undefined>
  add(deal: ClientDeal, secrets: DealSecrets): Promise<void>
  /** @param isOver - nothing is left to do for it */
  replace(terms: ClientDealTerms, progress: ClientDealProgress, isOver: boolean): Promise<void>
}

/** @throws {DealClientError} `DEAL_CLIENT_BAD_FORMAT`: written by a later version. `DEAL_CLIENT_STORAGE_FAILED` */
export const openDealTable = async (db: AnyLevel): Promise<DealTable> => {
  const level: Level = db.sublevel('client-deals', { ...BYTES })
  await guard('open', () => level.open())
  const version = await guard('get', () => level.get(VERSION_KEY))
  if (version === undefined) await guard('put', () => level.put<Uint8Array, Uint8Array>(VERSION_KEY, Uint8Array.of(VERSION), SYNC))
  else if (version[0] !== VERSION) throw new DealClientError('DEAL_CLIENT_BAD_FORMAT', `deals of an unknown version; want=${VERSION} got=${version[0]}`)
  const write = (changes: Change[]): Promise<void> => guard('batch', () => level.batch(changes, SYNC))
  const put = (tag: Uint8Array, name: Uint8Array, value: Uint8Array): Change => ({ type: 'put', key: joinBytes([tag, name]), value })
  const del = (tag: Uint8Array, name: Uint8Array): Change => ({ type: 'del', key: joinBytes([tag, name]) })

  return {
    get: async (proposalCid) => {
      const [terms, progress] = await guard('getMany', () => level.getMany([joinBytes([TERMS, proposalCid.bytes]), joinBytes([PROGRESS, proposalCid.bytes])]))
      return terms === undefined || progress === undefined ? undefined : { ...decodeTerms(proposalCid, terms), ...decodeProgress(proposalCid, progress) }
    },
    secrets: async (proposalCid) => {
      const bytes = await guard('get', () => level.get(joinBytes([SECRETS, proposalCid.bytes])))
      return bytes === undefined ? undefined : decodeSecrets(proposalCid, bytes)
    },
    names: async function * (which, { signal } = {}) {
      const tag = which === 'all' ? TERMS : OPEN
      const until = Uint8Array.of((tag[0] as number) + 1)
      // a page at a time, so that nothing is held open while the caller works
      for (let from: { readonly gte: Uint8Array } | { readonly gt: Uint8Array } = { gte: tag }; ;) {
        signal?.throwIfAborted()
        const page: Uint8Array[] = await guard('keys', () => level.keys<Uint8Array>({ ...from, lt: until, limit: PAGE, ...BYTES }).all())
        for (const key of page) yield nameOf(key.slice(1))
        const last = page.at(-1)
        if (last === undefined || page.length < PAGE) return
        from = { gt: last }
      }
    },
    find: async (transferId) => {
      const name = BigInt.asUintN(64, transferId) === transferId ? await guard('get', () => level.get(joinBytes([NUMBERS, u64(transferId)]))) : undefined
      return name === undefined ? undefined : nameOf(name)
    },
    add: (deal, secrets) => {
      const name = deal.proposalCid.bytes
      return write([
        put(TERMS, name, encodeTerms(deal)), put(PROGRESS, name, encodeProgress(deal)), put(SECRETS, name, encodeSecrets(secrets)),
        put(OPEN, name, SET), put(NUMBERS, u64(deal.transferId), name),
      ])
    },
    replace: ({ proposalCid: { bytes: name } }, progress, isOver) => write([put(PROGRESS, name, encodeProgress(progress)), ...isOver ? [del(OPEN, name), del(SECRETS, name)] : []]),
  }
}

const nameOf = (bytes: Uint8Array): CID => {
  try {
    return CID.decode(bytes)
  } catch (cause) {
    throw new DealClientError('DEAL_CLIENT_STORAGE_FAILED', 'a name among the deals is damaged', { cause })
  }
}

const u64 = (value: bigint): Uint8Array => {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, value)
  return bytes
}

const guard = async <T>(what: string, run: () => Promise<T>): Promise<T> => {
  try {
    return await run()
  } catch (cause) {
    throw new DealClientError('DEAL_CLIENT_STORAGE_FAILED', `database of deals failed; at=${what}`, { cause, retry: 'later' })
  }
}
