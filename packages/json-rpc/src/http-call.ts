/** A call by HTTP POST. */
import { fromWireError, RpcError } from './errors.ts'
import { parseJson, toJson } from './json.ts'

export interface HttpOptions {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly fetch: typeof fetch
  readonly maxAnswerLength: number
}

/** @throws {RpcError} as `RpcClient.call`; the signal's reason */
export const httpCall = async ({ url, headers, fetch, maxAnswerLength }: HttpOptions, method: string, params: readonly unknown[], signal: AbortSignal): Promise<unknown> => {
  const body = toJson({ jsonrpc: '2.0', id: 1, method, params })
  let status: number
  let text: string
  try {
    const response = await fetch(url, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body, signal })
    status = response.status
    text = await readText(response, maxAnswerLength)
  } catch (cause) {
    signal.throwIfAborted()
    if (cause instanceof RpcError) throw cause
    throw new RpcError('RPC_UNREACHABLE', `no answer; method=${method} host=${url.host}`, { cause })
  }
  if (status === 401 || status === 403) throw new RpcError('RPC_FORBIDDEN', `token is not taken; method=${method} status=${status}`)
  return resultOf(readAnswer(text, `method=${method} status=${status}`), method)
}

const readText = async (response: Response, most: number): Promise<string> => {
  const decoder = new TextDecoder()
  let text = ''
  const reader = response.body?.getReader()
  if (reader === undefined) return text
  try {
    for (;;) {
      const { done, value } = await reader.read()
      text += decoder.decode(value, { stream: !done })
      if (text.length > most) throw new RpcError('RPC_BAD_ANSWER', `answer is too long; most=${most}`)
      if (done) return text
    }
  } catch (error) {
    await reader.cancel().catch(() => {}) // the first error counts
    throw error
  }
}

const readAnswer = (text: string, what: string): object => {
  try {
    const answer = parseJson(text)
    if (typeof answer === 'object' && answer !== null && !Array.isArray(answer)) return answer
  } catch (cause) {
    throw new RpcError('RPC_BAD_ANSWER', `not an answer; ${what}`, { cause })
  }
  throw new RpcError('RPC_BAD_ANSWER', `not an answer; ${what}`)
}

/** Lotus leaves `result` out where there is none. @throws {RpcError} what the method failed with */
export const resultOf = (answer: object, method: string): unknown => {
  if ('error' in answer && answer.error !== undefined && answer.error !== null) {
    throw fromWireError(answer.error) ?? new RpcError('RPC_BAD_ANSWER', `not an error; method=${method}`)
  }
  return 'result' in answer ? answer.result : undefined
}
