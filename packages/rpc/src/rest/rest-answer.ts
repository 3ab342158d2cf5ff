/** Answers of the paths beside the RPC: JSON, with Lotus's `Error` and the code of ours beside it. */
import { RpcError, toJson } from '@dagstore/json-rpc'
import type { Permission } from '@dagstore/lotus-api'
import { codeOf, told } from '../handlers/failures.ts'

export const answer = (status: number, body: object, headers: Readonly<Record<string, string>> = {}): Response =>
  new Response(toJson(body), { status, headers: { 'content-type': 'application/json', ...headers } })

export const wrongMethod = (allow: string): Response => answer(405, { Error: `${allow.replace(', HEAD', '')} is taken here` }, { allow })

export const lacks = (permission: Permission): Response =>
  answer(401, { Error: `unauthorized: missing ${permission} permission`, code: 'RPC_FORBIDDEN' })

/** Words that are not ours go to the log alone. @param what - has failed: `an upload` */
export const failure = (error: unknown, what: string, onNotice: (text: string) => void): Response => {
  if (codeOf(error) === undefined) onNotice(`${what} failed unexpectedly; error=${wordsOf(error)}`)
  const said = told(error)
  if (!(said instanceof RpcError)) return answer(500, { Error: 'internal error' })
  return answer(said.code === 'RPC_BAD_PARAMS' ? 400 : 500, { Error: said.message, code: codeIn(said.data) ?? said.code })
}

/** For the log. */
export const wordsOf = (error: unknown): string => error instanceof Error ? (codeOf(error) === undefined ? error.stack : undefined) ?? error.message : String(error)

const codeIn = (data: unknown): unknown => typeof data === 'object' && data !== null && 'code' in data ? data.code : undefined
