/** Providers as callers name them. */
import { encodeAddress } from '@dagstore/deal-protocol'
import type { CallOptions } from '@dagstore/io'
import type { LotusCallOptions } from '@dagstore/lotus-api'
import { badParams, refusal } from '../failures.ts'
import type { ProviderNames } from './deal-parts.ts'

/** The peer id of nobody, for a field that Go's clients refuse to read when it is empty. */
export const NOBODY = '11'

const MAX_NAME_LENGTH = 2048

/** What Go's clients write where there is no address. Source: go-address `UndefAddressString`. */
const NO_ADDRESS = '<empty>'

/** What may be said again: no passwords. */
const SHOWN = /^[\w.:/-]{1,100}$/u

export const isNamed = (address: string): boolean => address !== '' && address !== NO_ADDRESS

/** `undefined`: none was given. @throws {RpcError} `RPC_BAD_PARAMS`: no address of Filecoin */
export const givenAddress = (text: string, name: string): string | undefined => {
  if (!isNamed(text)) return undefined
  try {
    encodeAddress(text)
  } catch {
    throw badParams(`${name}; want=an address of Filecoin got=${JSON.stringify(text.slice(0, 100))}`)
  }
  return text
}

/** @throws {RpcError} `RPC_BAD_PARAMS`: no URL of HTTP, or one with a name, a password, a query or a fragment */
export const httpUrl = (text: string, name: string): string => {
  const url = text.length <= MAX_NAME_LENGTH && URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '' || /[?#]/.test(text)) throw badParams(`${name}; want=the URL of a provider, http:// or https://`)
  return text
}

/**
 * The URL of the first of several names that says something: a URL, or an address that is known. Whoever may only read sends nobody to
 * places of his own choice.
 *
 * @throws {RpcError}
 */
export const providerUrl = async (names: ProviderNames, given: readonly (readonly [name: string, text: string])[], { signal, permissions = [] }: LotusCallOptions): Promise<string> => {
  const options: CallOptions = { signal }
  for (const [name, text] of given) {
    if (!isNamed(text) || text === NOBODY) continue
    if (!/^https?:/i.test(text)) {
      const url = text.length > MAX_NAME_LENGTH ? undefined : await names.urlOf(text, options)
      if (url !== undefined) return url
      continue
    }
    const url = httpUrl(text, name)
    if (permissions.includes('write') || await names.addressOf(url, options) !== undefined) return url
    throw refusal('whoever may only read asks those providers that are known here', undefined, 'RPC_FORBIDDEN')
  }
  const [first = ['miner', '']] = given
  const [name, text] = given.find(([, other]) => isNamed(other) && other !== NOBODY) ?? first
  throw badParams(`${name}; want=the URL of a provider, or an address of those that are known: of deals, or in [Client] Providers of the configuration${SHOWN.test(text) ? ` got=${text}` : ''}`)
}
