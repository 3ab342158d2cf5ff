/** Headers with credentials: they stand in no URL, and what is wrong with them is said without repeating them. */
import { type Awaitable, IoError } from '@dagstore/io'
import { guardedFetch } from '@dagstore/mounts'

/** A token of Lotus or Curio, or where it is read anew each time. */
export type BearerToken = string | (() => Awaitable<string>)

export const bearerOf = async (token: BearerToken | undefined): Promise<Readonly<Record<string, string>>> => {
  const text = (typeof token === 'function' ? await token() : token)?.trim() ?? ''
  return text === '' ? {} : checkedHeaders({ authorization: `Bearer ${text}` })
}

/** Where a redirect leads, no credentials go: fetch keeps back `authorization` alone. Every host may be asked. */
export const fetchWithSecrets = (fetch: typeof globalThis.fetch): typeof globalThis.fetch => guardedFetch({ checkUrl: () => {}, checkAddresses: () => {} }, { fetch })

/** @throws {IoError} `IO_FORBIDDEN`: the platform takes no such headers; its own message would have the value in it */
export const checkedHeaders = (headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> => {
  try {
    return Object.fromEntries(new Headers({ ...headers }))
  } catch {
    throw new IoError('IO_FORBIDDEN', `no headers; names=${Object.keys(headers).join(', ')}`)
  }
}
