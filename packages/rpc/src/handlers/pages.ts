/** Lists in pages: where one ends is where the next begins. */
import type { PageQuery } from '@dagstore/lotus-api'
import { badParams } from './failures.ts'

export interface Page {
  readonly after: string | undefined
  readonly limit: number
}

const DEFAULT = 256
const MOST = 1000

/** @throws {RpcError} `RPC_BAD_PARAMS` */
export const readPage = ({ After, Limit = DEFAULT }: PageQuery = {}): Page => {
  if (!Number.isSafeInteger(Limit) || Limit < 1 || Limit > MOST) throw badParams(`Limit; want=1 to ${MOST} got=${Limit}`)
  return { after: After, limit: Limit }
}

/** Items that are looked at for one page: of very many that do not fit the query, a page has fewer than were asked for. */
const LOOKED_AT = 10_000

export interface Taken<T> {
  readonly items: readonly T[]
  /** The key to go on behind; `null`: there is nothing left. */
  readonly next: string | null
}

/** @param items - by key, those behind `after` */
export const takePage = async <I extends { readonly key: string }, T>(items: AsyncIterable<I>, { limit }: Page, read: (item: I) => T | undefined): Promise<Taken<T>> => {
  const taken: T[] = []
  let looked = 0
  for await (const item of items) {
    const value = read(item)
    if (value !== undefined) taken.push(value)
    if (taken.length === limit || ++looked === LOOKED_AT) return { items: taken, next: item.key }
  }
  return { items: taken, next: null }
}
