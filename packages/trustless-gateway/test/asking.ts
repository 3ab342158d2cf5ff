/** Asking a gateway itself, without a server or the web between. */
import type { Gateway, GatewayAnswer, GatewayRequest } from '../src/index.ts'

export interface Question {
  /** @default 'GET' */
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  readonly client?: string
  readonly origin?: string
}

export const requestOf = (target: string, { method = 'GET', headers = {}, signal, client, origin }: Question = {}): GatewayRequest => ({ method, target, signal, client, origin, header: (name) => headers[name] })

export interface Told {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Uint8Array
  /** What ended the body before its time. */
  readonly failure: unknown
}

export const bodyOf = async ({ body }: GatewayAnswer): Promise<Pick<Told, 'bytes' | 'failure'>> => {
  if (body === undefined || body instanceof Uint8Array) return { bytes: body ?? new Uint8Array(0), failure: undefined }
  const chunks: Uint8Array[] = []
  let failure: unknown
  try {
    for await (const chunk of body) chunks.push(chunk)
  } catch (error) {
    failure = error
  }
  return { bytes: Uint8Array.from(Buffer.concat(chunks)), failure }
}

export const ask = async (gateway: Gateway, target: string, question: Question = {}): Promise<Told> => {
  const answer = await gateway.answer(requestOf(target, question))
  if (answer === undefined) throw new Error(`no answer; target=${target}`)
  return { status: answer.status, headers: answer.headers, ...await bodyOf(answer) }
}

/** Turns of the event loop. */
export const turns = async (count: number): Promise<void> => { for (let turn = 0; turn < count; turn++) await new Promise((resolve) => { setImmediate(resolve) }) }
