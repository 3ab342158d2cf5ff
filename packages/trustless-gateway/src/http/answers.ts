/** What answers have in common. */
import type { GatewayAnswer } from '../exchange.ts'

/** Of every answer: pages of any origin may ask, and see these headers. */
export const OPEN_TO_ALL: Readonly<Record<string, string>> = Object.freeze({
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Content-Length, Content-Range, Content-Disposition, Content-Location, Etag, Retry-After, X-Error-Code, X-Ipfs-Path, X-Ipfs-Roots',
})

export const IMMUTABLE = 'public, max-age=29030400, immutable'
/** What is there today may be elsewhere tomorrow, and the other way round. */
const PASSING = 'no-store'

const ALLOWED = 'GET, HEAD, OPTIONS'
const textEncoder = new TextEncoder()

/** An error in words: one sentence, and a code for programs. @param more - headers, names in lower case */
export const refusal = (status: number, code: string, message: string, more: Readonly<Record<string, string>> = {}): GatewayAnswer => {
  const body = textEncoder.encode(`${message}\n`)
  return {
    status,
    headers: {
      'content-type': 'text/plain; charset=utf-8', 'content-length': `${body.byteLength}`, 'cache-control': PASSING, 'x-content-type-options': 'nosniff',
      'x-error-code': code, ...OPEN_TO_ALL, ...more,
    },
    body,
  }
}

/** @param tag - of what has not changed */
export const notModified = (tag: string, more: Readonly<Record<string, string>> = {}): GatewayAnswer =>
  ({ status: 304, headers: { etag: tag, 'cache-control': IMMUTABLE, ...OPEN_TO_ALL, ...more }, body: undefined })

/** 405 to all but GET and HEAD, the answer to a preflight to OPTIONS; `undefined`: go on. */
export const answerMethod = (method: string): GatewayAnswer | undefined => {
  if (method === 'GET' || method === 'HEAD') return undefined
  if (method !== 'OPTIONS') return refusal(405, 'GATEWAY_BAD_METHOD', 'Only GET and HEAD are answered here.', { allow: ALLOWED })
  return {
    status: 204,
    headers: {
      allow: ALLOWED, 'access-control-allow-methods': ALLOWED, 'access-control-max-age': '86400',
      'access-control-allow-headers': 'Accept, Cache-Control, Content-Type, If-None-Match, If-Range, Range, User-Agent, X-Requested-With', ...OPEN_TO_ALL,
    },
    body: undefined,
  }
}
