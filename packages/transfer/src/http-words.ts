/** The words of the protocol: names of headers, and what codes are as statuses. */
import { IoError } from '@dagstore/io'
import { TransferError, type TransferErrorCode } from './errors.ts'

export const TOKEN = 'x-transfer-token'
export const CODE = 'x-error-code'
export const OFFSET = 'upload-offset'
export const LENGTH = 'upload-length'

const STATUS: Readonly<Partial<Record<TransferErrorCode, number>>> = {
  TRANSFER_BUSY: 429,
  TRANSFER_EXPIRED: 403,
  TRANSFER_GAP: 409,
  TRANSFER_REFUSED: 400,
  TRANSFER_STALLED: 408,
  TRANSFER_TOO_LARGE: 413,
  TRANSFER_TRUNCATED: 400,
  TRANSFER_UNAUTHORIZED: 401,
  TRANSFER_BAD_SECTION: 422,
  TRANSFER_HASH_MISMATCH: 422,
  TRANSFER_OTHER: 422,
  TRANSFER_UNREQUESTED: 422,
}

/** An answer without a body: a failure is told by its code alone, so that nothing of this side gets out. */
export const failure = (error: unknown, headers: Record<string, string> = {}): Response => {
  if (error instanceof TransferError) {
    const retry = error.retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(error.retryAfterMs / 1000)) }
    return answer(STATUS[error.code] ?? 500, { ...headers, ...retry, [CODE]: error.code })
  }
  if (error instanceof IoError && error.code === 'IO_FULL') return answer(507, { ...headers, 'retry-after': '60', [CODE]: error.code })
  return answer(500, { ...headers, [CODE]: 'TRANSFER_OTHER' })
}

export const answer = (status: number, headers: Record<string, string> = {}): Response =>
  new Response(null, { status, headers: { 'cache-control': 'no-store', ...headers } })

/** `undefined`: another path. */
export const idOf = (request: Request, prefix: string): string | undefined => {
  const { pathname } = new URL(request.url)
  if (!pathname.startsWith(prefix)) return undefined
  const id = pathname.slice(prefix.length)
  return /^[A-Za-z0-9._~-]{1,200}$/.test(id) ? id : undefined
}

/** What keeps a request out. */
export const refusalOf = (found: 'unauthorized' | 'expired' | 'busy' | undefined): Response => {
  if (found === undefined) return answer(404)
  if (found === 'unauthorized') return failure(new TransferError('TRANSFER_UNAUTHORIZED', 'no such token'))
  if (found === 'expired') return failure(new TransferError('TRANSFER_EXPIRED', 'the token has expired'))
  return failure(new TransferError('TRANSFER_BUSY', 'another transfer is under way', { retryAfterMs: 5000 }))
}
