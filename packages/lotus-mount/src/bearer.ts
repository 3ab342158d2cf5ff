/** Tokens of Lotus and Curio as headers: never in a URL. */
import type { Awaitable } from '@dagstore/io'

/** A token, or where it is read anew each time. */
export type BearerToken = string | (() => Awaitable<string>)

export const bearerOf = async (token: BearerToken | undefined): Promise<Readonly<Record<string, string>>> => {
  const text = (typeof token === 'function' ? await token() : token)?.trim() ?? ''
  return text === '' ? {} : { authorization: `Bearer ${text}` }
}
