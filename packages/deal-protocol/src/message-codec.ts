/** From a message to its JSON and back; what all messages have in common. */
import { base64pad } from 'multiformats/bases/base64'
import type { CID } from 'multiformats/cid'
import { DealError } from './errors.ts'
import { Members } from './members.ts'

/** Longest message of `/deals/v1`, in bytes; a reader asks for no more. */
export const MAX_MESSAGE_BYTES: number = 64 << 10

/** Members that are `undefined` are left out; CIDs and bytes are members already. */
export const encodeMessage = (message: object): string => JSON.stringify(message, (_, value: unknown) => typeof value === 'bigint' ? value.toString() : value)

export const cidMember = (cid: CID): { readonly '/': string } => ({ '/': cid.toString() })

export const bytesMember = (bytes: Uint8Array): string => base64pad.baseEncode(bytes)

/** @throws {DealError} `DEAL_BAD_MESSAGE` */
export const decodeMessage = <T>(what: string, text: string, read: (members: Members) => T): T => {
  try {
    if (text.length > MAX_MESSAGE_BYTES) throw new TypeError(`too long; max=${MAX_MESSAGE_BYTES}`)
    return read(new Members(JSON.parse(text)))
  } catch (cause) {
    throw new DealError('DEAL_BAD_MESSAGE', `not such a message; message=${what}${cause instanceof TypeError ? ` ${cause.message}` : ''}`, { cause })
  }
}
