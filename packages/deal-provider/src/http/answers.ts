/** Answers of `/deals/v1`, and the bodies of its requests. */
import { DealError, encodeRefusal, MAX_MESSAGE_BYTES } from '@dagstore/deal-protocol'
import { type Clock, withdrawable } from '@dagstore/io'
import { codeOf } from '../failure.ts'

const COMMON = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }

/** @param text - JSON */
export const answerJson = (text: string, status = 200): Response => new Response(text, { status, headers: { ...COMMON, 'content-type': 'application/json' } })

export const answerError = (status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}): Response =>
  new Response(encodeRefusal({ code, message }), { status, headers: { ...COMMON, 'content-type': 'application/json', 'x-error-code': code, ...headers } })

export const answerNothing = (): Response => new Response(null, { status: 204, headers: COMMON })

/** What is not the caller's fault is told by its code alone, since it may name files. */
export const answerOf = (error: unknown): Response => {
  const code = codeOf(error) ?? 'DEAL_FAILED'
  if (error instanceof DealError && code !== 'DEAL_BAD_RECORD') return answerError(400, code, error.message)
  const status = STATUS[code]
  if (status !== undefined) return answerError(status, code, error instanceof Error ? error.message : code, status === 503 ? { 'retry-after': '5' } : {})
  return answerError(500, 'DEAL_FAILED', 'the provider has failed', { 'retry-after': '10' })
}

const STATUS: Readonly<Record<string, number>> = { DEAL_UNAUTHORIZED: 403, DEAL_UNKNOWN: 404, DEAL_EXISTS: 409, DEAL_WRONG_STATE: 409, DEAL_CLOSED: 503, DEAL_BUSY: 503, DEAL_NO_TRANSFER: 400 }

export type MessageText = { readonly text: string } | { readonly refusal: Response }

/** A message may take so long to come. */
const BODY_MS = 15_000

/** @throws where the stream fails, the caller leaves, or it is no UTF-8 */
export const readMessage = async (request: Request, clock: Clock): Promise<MessageText> => {
  const tooLarge = { refusal: answerError(413, 'DEAL_BAD_MESSAGE', `the message is too long; max=${MAX_MESSAGE_BYTES}`) }
  if (Number(request.headers.get('content-length') ?? 0) > MAX_MESSAGE_BYTES) return tooLarge
  const [late, done] = [new AbortController(), new AbortController()]
  clock.sleep(BODY_MS, { signal: done.signal }).then(() => { late.abort(new Error('too late')) }, () => {}) // it came in time
  const reader = request.body?.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for (;;) {
      const result = reader === undefined ? { done: true, value: undefined } as const : await withdrawable(reader.read(), late.signal)
      if (result.done) break
      size += result.value.byteLength
      if (size > MAX_MESSAGE_BYTES) return tooLarge
      chunks.push(result.value)
    }
  } catch (error) {
    if (late.signal.aborted) return { refusal: answerError(408, 'DEAL_BAD_MESSAGE', 'the message has taken too long to come') }
    throw error
  } finally {
    done.abort()
    reader?.cancel().catch(() => {}) // it has ended, or is left
  }
  const whole = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.byteLength
  }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(whole) }
  } catch {
    return { refusal: answerError(400, 'DEAL_BAD_MESSAGE', 'the message is no UTF-8') }
  }
}
