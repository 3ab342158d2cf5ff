/** What an error is answered with, when the answer has not begun. */
import type { DagErrorCode } from '@dagstore/dag'
import type { BlockstoreErrorCode } from '@dagstore/read-blockstore'
import type { GatewayAnswer } from './exchange.ts'
import { refusal } from './http/answers.ts'
import { GatewayRefusal } from './refusal.ts'
import { unindexed } from './unindexed.ts'

interface Told {
  readonly status: 400 | 403 | 404 | 500 | 501 | 502 | 503
  readonly message: string
}

const MALFORMED: Told = { status: 404, message: 'A block on the way is not of its own format.' }
const POLICY: Told = { status: 403, message: 'The DAG is larger than this gateway serves.' }
const UNREADABLE: Told = { status: 502, message: 'The storage behind this gateway could not give the block.' }
const NO_CODEC: Told = { status: 501, message: 'The DAG has a codec or a hash function that this gateway does not know.' }
const FAULT: Told = { status: 500, message: 'The gateway has failed.' }

/** Statuses tell clients whether to ask here again: 403, 404 and 501 say no, 502 and 503 later. Messages of errors are not repeated, they may name files. */
const TOLD: Readonly<Record<DagErrorCode | BlockstoreErrorCode, Told>> = {
  BLOCKSTORE_NOT_FOUND: { status: 404, message: 'The block is not here.' },
  BLOCKSTORE_CLOSED: { status: 503, message: 'The store is closed.' },
  BLOCKSTORE_HASH_MISMATCH: UNREADABLE,
  BLOCKSTORE_UNREADABLE: UNREADABLE,
  BLOCKSTORE_UNKNOWN_HASH: NO_CODEC,
  BLOCKSTORE_TOO_LARGE: { status: 403, message: 'The block is larger than this gateway serves.' },
  BLOCKSTORE_READ_ONLY: FAULT,
  DAG_BAD_BLOCK: MALFORMED,
  DAG_BAD_UNIXFS: MALFORMED,
  DAG_BAD_PATH: { status: 400, message: 'The path is not well-formed.' },
  DAG_NO_LINK: { status: 404, message: 'The path leads to nothing.' },
  DAG_NOT_DIRECTORY: { status: 404, message: 'The path leads through something that is no directory.' },
  DAG_NOT_FILE: MALFORMED,
  DAG_OUTSIDE: { status: 400, message: 'The file has no byte of the range.' },
  DAG_BLOCK_TOO_LARGE: { status: 403, message: 'A block is larger than this gateway serves.' },
  DAG_TOO_DEEP: POLICY,
  DAG_TOO_MANY_BLOCKS: POLICY,
  DAG_TOO_MANY_BYTES: POLICY,
  DAG_TOO_MANY_CIDS: POLICY,
  DAG_TOO_MANY_LINKS: POLICY,
  DAG_HASH_MISMATCH: UNREADABLE,
  DAG_UNKNOWN_CODEC: NO_CODEC,
  DAG_UNKNOWN_HASH: NO_CODEC,
}

/** Of one who left nobody reads the answer; servers know this status as theirs. */
const LEFT = 499
/** Asking again in less than this is of no use. */
const RETRY_AFTER_S = 10

/** The code that an error is told by. Absence is told by its name, since the store may be a foreign one; what may be in shards without an index is none. */
export const codeOf = (error: unknown): string => {
  if (error instanceof Error && error.name === 'NotFoundError') return isUnindexed(error) ? 'GATEWAY_UNINDEXED' : 'BLOCKSTORE_NOT_FOUND'
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return error instanceof GatewayRefusal || (typeof code === 'string' && Object.hasOwn(TOLD, code)) ? code as string : 'GATEWAY_FAULT'
}

/** @param left - whether the asker has left; then that is why */
export const answerOfError = (error: unknown, left: boolean): GatewayAnswer => {
  if (left) return { status: LEFT, headers: {}, body: undefined }
  const code = codeOf(error)
  const told = error instanceof GatewayRefusal ? error : code === 'GATEWAY_UNINDEXED' ? unindexed(error) : undefined
  const { status, message } = told ?? TOLD[code as keyof typeof TOLD] ?? FAULT
  const retryAfterS = told?.retryAfterS ?? (status === 502 || status === 503 ? RETRY_AFTER_S : undefined)
  return refusal(status, code, message, retryAfterS === undefined ? {} : { 'retry-after': `${retryAfterS}` })
}

const isUnindexed = (error: Error): boolean => 'unindexedShards' in error && typeof error.unindexedShards === 'number' && error.unindexedShards > 0
