/**
 * The retrievals in a part of their own of a key-value database, as JSON under their ids of 20 decimal digits; described in
 * docs/formats/retrievals.md.
 */
import { FINAL_RETRIEVAL_STATES, RETRIEVAL_DEAL_STATES } from '@dagstore/deal-protocol'
import type { AnyLevel, CallOptions } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { DealClientError } from '../errors.ts'
import type { Retrieval } from './retrieval.ts'

/** What is written down: the retrieval, and what its tokens are made of. */
export interface StoredRetrieval extends Retrieval {
  /** 43 characters; is sent to nobody. */
  readonly secret: string
}

export interface RetrievalTable {
  /** @throws {DealClientError} `DEAL_CLIENT_BAD_RECORD` */
  get(id: bigint): Promise<StoredRetrieval | undefined>
  /** In the order of their ids; one that is damaged goes to `onDamage`. */
  all(options?: CallOptions & { readonly onDamage?: ((id: bigint, error: unknown) => void) | undefined }): AsyncGenerator<StoredRetrieval, void, undefined>
  /** The greatest one; 0: there is none. */
  lastId(): Promise<bigint>
  put(retrieval: StoredRetrieval): Promise<void>
  remove(id: bigint): Promise<void>
}

const DIGITS = 20
const VERSION = 1
const PAGE = 64
const TEXT = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const
/** An option of the engines that have a disk; others ignore it. */
const SYNC = { ...TEXT, sync: true }
const STATES = new Set(Object.keys(RETRIEVAL_DEAL_STATES))
const INTO = new Set(['file', 'ipfs', 'ipfs-pinned'])

interface Level {
  open(): Promise<void>
  get(key: string, options: object): Promise<string | undefined>
  put(key: string, value: string, options: object): Promise<void>
  del(key: string, options: object): Promise<void>
  iterator(options: object): { all(): Promise<[string, string][]>, close(): Promise<void> }
}

/** Every change is durable on return. @throws {DealClientError} `DEAL_CLIENT_STORAGE_FAILED` */
export const openRetrievalTable = async (db: AnyLevel): Promise<RetrievalTable> => {
  const level = db.sublevel('client-retrievals', TEXT) as Level
  await guard('open', () => level.open())
  return {
    get: async (id) => {
      const text = await guard('get', () => level.get(keyOf(id), TEXT))
      return text === undefined ? undefined : decode(id, text)
    },
    all: async function * ({ signal, onDamage } = {}) {
      for (let gt = ''; ;) {
        signal?.throwIfAborted()
        const page = await guard('list', () => level.iterator({ gt, limit: PAGE, ...TEXT }).all())
        for (const [key, text] of page) {
          let found: StoredRetrieval
          try {
            found = decode(BigInt(key), text)
          } catch (error) {
            onDamage?.(BigInt(key), error)
            continue
          }
          yield found
        }
        const last = page.at(-1)
        if (last === undefined || page.length < PAGE) return
        gt = last[0]
      }
    },
    lastId: async () => {
      const [last] = await guard('list', () => level.iterator({ reverse: true, limit: 1, ...TEXT }).all())
      return last === undefined ? 0n : BigInt(last[0])
    },
    put: (retrieval) => guard('put', () => level.put(keyOf(retrieval.id), encode(retrieval), SYNC)),
    remove: (id) => guard('del', () => level.del(keyOf(id), SYNC)),
  }
}

export const isOver = ({ state }: Pick<Retrieval, 'state'>): boolean => FINAL_RETRIEVAL_STATES.has(state)

const keyOf = (id: bigint): string => id.toString().padStart(DIGITS, '0')

const encode = (retrieval: StoredRetrieval): string => JSON.stringify({
  v: VERSION,
  ...retrieval,
  id: undefined,
  root: retrieval.root.toString(),
  pieceCid: retrieval.pieceCid?.toString(),
  maxPrice: retrieval.maxPrice.toString(),
  pricePerByte: retrieval.pricePerByte.toString(),
  unsealPrice: retrieval.unsealPrice.toString(),
})

/** @throws {DealClientError} `DEAL_CLIENT_BAD_FORMAT`, `DEAL_CLIENT_BAD_RECORD` */
const decode = (id: bigint, text: string): StoredRetrieval => {
  try {
    const record = JSON.parse(text) as Record<string, unknown>
    if (record['v'] !== VERSION) throw new DealClientError('DEAL_CLIENT_BAD_FORMAT', `a retrieval of an unknown version; want=${VERSION} id=${id}`)
    const textOf = (name: string): string => typed(record[name], 'string', name)
    const countOf = (name: string): number => whole(record[name], name)
    const amountOf = (name: string): bigint => BigInt(textOf(name))
    const orNone = <T>(name: string, read: (name: string) => T): T | undefined => (record[name] === undefined ? undefined : read(name))
    const oneOf = (name: string, known: ReadonlySet<string>): string => {
      if (known.has(textOf(name))) return textOf(name)
      throw new TypeError(`member=${name}`)
    }
    const providers = record['providers']
    if (!Array.isArray(providers)) throw new TypeError('member=providers')
    return {
      id,
      root: CID.parse(textOf('root')),
      pieceCid: orNone('pieceCid', (name) => CID.parse(textOf(name))),
      selector: orNone('selector', textOf),
      providers: providers.map((one, n) => typed<string>(one, 'string', `providers[${n}]`)),
      localFirst: typed(record['localFirst'], 'boolean', 'localFirst'),
      maxPrice: amountOf('maxPrice'),
      into: oneOf('into', INTO) as StoredRetrieval['into'],
      state: oneOf('state', STATES) as StoredRetrieval['state'],
      message: textOf('message'),
      code: orNone('code', textOf),
      from: orNone('from', textOf),
      receivedBytes: countOf('receivedBytes'),
      totalBytes: orNone('totalBytes', countOf),
      pricePerByte: amountOf('pricePerByte'),
      unsealPrice: amountOf('unsealPrice'),
      file: orNone('file', textOf),
      createdAt: countOf('createdAt'),
      updatedAt: countOf('updatedAt'),
      secret: textOf('secret'),
    }
  } catch (cause) {
    if (cause instanceof DealClientError) throw cause
    throw new DealClientError('DEAL_CLIENT_BAD_RECORD', `a retrieval that cannot be read; id=${id}`, { cause })
  }
}

const typed = <T>(value: unknown, type: 'string' | 'boolean', name: string): T => {
  if (typeof value === type) return value as T
  throw new TypeError(`member=${name}`)
}

const whole = (value: unknown, name: string): number => {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  throw new TypeError(`member=${name}`)
}

const guard = async <T>(what: string, run: () => Promise<T>): Promise<T> => {
  try {
    return await run()
  } catch (cause) {
    throw new DealClientError('DEAL_CLIENT_STORAGE_FAILED', `database of retrievals failed; at=${what}`, { cause, retry: 'later' })
  }
}
