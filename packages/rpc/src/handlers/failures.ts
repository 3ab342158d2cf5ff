/**
 * What a caller is told of a failure: words that may leave the machine, and the code beside them.
 *
 * Messages of our own errors say no secret and no path above the store's root; those of the system, of the database and of `fetch` may
 * name paths and inner addresses, so nothing of them is repeated.
 */
import { RpcError } from '@dagstore/json-rpc'

/** What stands in `data` of an answer that is an error. */
export interface FailureData {
  /** Of the error. */
  readonly code: string
  /** Whether the same call may succeed later. */
  readonly retry?: 'never' | 'later'
  /** Of what is behind it, the innermost that has one. */
  readonly cause?: string
}

export const NO_DAGSTORE = 'dagstore not available on this node'

/** What ends all of a piece of work, not only the item that met it. */
export const isFatal = (error: unknown): boolean => {
  const code = codeOf(error)
  return code === 'DAGSTORE_CLOSED' || code === 'DAGSTORE_STORAGE_FAILED'
}

export const codeOf = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' && OURS.test(error.code) ? error.code : undefined

/** Codes of our packages; those of the platform and of the database begin otherwise. */
const OURS = /^(?!ERR_|LEVEL_|E[A-Z]+$)[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/

const DEPTH = 6
const SEVERAL = 3

/** Our own messages down the chain of causes, each said once. */
const words = (error: unknown, depth = 0): readonly string[] => {
  if (!(error instanceof Error) || depth >= DEPTH) return []
  const own = codeOf(error) === undefined ? [] : [error.message]
  const members = error instanceof AggregateError ? error.errors.slice(0, SEVERAL).flatMap((member) => words(member, depth + 1)) : []
  return [...own, ...members, ...words(error.cause, depth + 1)]
}

/** `''` where there is nothing that may be said. */
const sentence = (error: unknown): string => {
  const said: string[] = []
  for (const part of words(error)) if (!said.some((other) => other.includes(part))) said.push(part)
  return said.join(': ')
}

/** Of one among several, as a text: `''` without an error, else `CODE: message`. */
export const errorText = (error: unknown): string => {
  if (error === undefined) return ''
  const code = codeOf(error)
  return code === undefined ? 'internal error' : `${code}: ${sentence(error)}`
}

/** What a record says of a failure, as far as it may be said. */
export const recordedText = ({ code, message }: { readonly code: string, readonly message: string }): string => (OURS.test(code) ? `${code}: ${message}` : code)

/** Lotus's words, what we know behind them. @param error - `undefined`: the words are all there is */
export const refusal = (lotus: string, error: unknown, code?: string): RpcError => {
  const said = sentence(error)
  const data = dataOf(error, code)
  return new RpcError('RPC_FAILED', said === '' ? lotus : `${lotus}: ${said}`, { cause: error, ...(data === undefined ? {} : { data }) })
}

const dataOf = (error: unknown, given: string | undefined): FailureData | undefined => {
  const code = given ?? codeOf(error)
  if (code === undefined) return undefined
  let inner: string | undefined
  let at = error instanceof Error ? error.cause : undefined
  for (let depth = 0; at instanceof Error && depth < DEPTH; at = at.cause, depth++) inner = codeOf(at) ?? inner
  const retry = typeof error === 'object' && error !== null && 'retry' in error && (error.retry === 'never' || error.retry === 'later') ? error.retry : undefined
  return { code, ...(retry === undefined ? {} : { retry }), ...(inner === undefined ? {} : { cause: inner }) }
}

/** A parameter that is of the right form and out of its bounds. */
export const badParams = (why: string): RpcError => new RpcError('RPC_BAD_PARAMS', why)

/** What a handler rejects with: never words that are not ours. */
export const told = (error: unknown): unknown => {
  if (error instanceof RpcError) return error
  return codeOf(error) === undefined ? new RpcError('RPC_FAILED', 'internal error', { data: { code: 'RPC_INTERNAL' }, cause: error }) : refusalOf(error)
}

const refusalOf = (error: unknown): RpcError => {
  const data = dataOf(error, undefined)
  return new RpcError('RPC_FAILED', sentence(error), { cause: error, ...(data === undefined ? {} : { data }) })
}
