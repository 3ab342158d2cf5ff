/** A raw block: one lookup, one read, one hash, one write. */
import type { Call } from '../call.ts'
import type { GatewayAnswer, GatewayRequest } from '../exchange.ts'
import { refusal } from '../http/answers.ts'
import { allowsPart } from '../http/conditional.ts'
import { partOf } from '../http/range.ts'
import type { Ticket } from '../limits/admission.ts'
import { headOf } from './head.ts'
import type { Reader } from './reader.ts'
import type { ContentPath } from './target.ts'
import type { Wanted } from './wanted.ts'

export interface Question {
  readonly request: GatewayRequest
  readonly path: ContentPath
  readonly wanted: Wanted
  readonly tag: string
  readonly ticket: Ticket
  readonly call: Call
  /** Whether a body is not wanted. */
  readonly headOnly: boolean
}

/** @throws as `Reader.whole`; {GatewayRefusal} of the ticket */
export const answerRaw = async (reader: Reader, { request, path, wanted, tag, ticket, call, headOnly }: Question): Promise<GatewayAnswer> => {
  const { signal } = request
  if (headOnly) return { status: 200, headers: headOf(path, wanted, tag, await ticket.within(reader.length(path.root, { signal }))), body: undefined }
  const block = await ticket.within(reader.whole(path.root, { signal, memory: request.memory }))
  const size = block.byteLength
  const range = request.header('range')
  // a part has to be verified too, so the block is read whole
  const part = range === undefined || !allowsPart(request.header('if-range'), tag) ? undefined : partOf(range, size)
  if (part === 'outside') return refusal(416, 'GATEWAY_OUTSIDE', 'The block has no byte of the range.', { 'content-range': `bytes */${size}` })
  const body = part === undefined ? block : block.subarray(part.from, part.to + 1)
  const spent = ticket.spend(body.byteLength)
  if (spent !== undefined) await spent
  call.blocks = 1
  const headers = headOf(path, wanted, tag, body.byteLength)
  if (part === undefined) return { status: 200, headers, body }
  headers['content-range'] = `bytes ${part.from}-${part.to}/${size}`
  return { status: 206, headers, body }
}
