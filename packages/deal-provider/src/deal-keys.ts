/**
 * The keys under which the deals of a provider stand in a database; described with an example in docs/formats/deals.md.
 * Keys are bytes, numbers big-endian:
 *
 *     't' proposal CID                                  terms, written once
 *     's' proposal CID                                  progress
 *     'i' dealId u64, proposal CID                      1
 *     'p' commitment 32, proposal CID                   1: the deal has this piece, or is about to, and has not ended
 *     'd' milliseconds since 1970 u64, proposal CID     1: what failed is tried again then
 *     'w' 'n' 'b' 'r' 'u' proposal CID                  1: the lists that it stands in
 *     'o' proposal CID                                  1: it was proposed over the network, and its bytes come as a file
 *     'e' milliseconds since 1970 u64, proposal CID     1: it was proposed over the network, and has come to nothing then
 *     'x' proposal CID                                  its transfer, where it was proposed over the network
 *     'v'                                               version u8: 1
 */
import { type DealProgress, type DealTerms, FINAL_STATES } from '@dagstore/deal-protocol'
import { joinBytes } from '@dagstore/io'
import { parsePieceCid } from '@dagstore/piece'
import { CID } from 'multiformats/cid'
import { DealProviderError } from './errors.ts'
import { cameToNothing, type DealList, dueOf, listsOf } from './wants.ts'

const tag = (letter: string): Uint8Array => Uint8Array.of(letter.charCodeAt(0))

export const TERMS: Uint8Array = tag('t')
export const PROGRESS: Uint8Array = tag('s')
export const IDS: Uint8Array = tag('i')
export const PIECES: Uint8Array = tag('p')
export const DUE: Uint8Array = tag('d')
export const TRANSFERS: Uint8Array = tag('x')
export const NOTHING: Uint8Array = tag('e')
export const LISTS: Readonly<Record<DealList, Uint8Array>> = { waits: tag('w'), online: tag('n'), offline: tag('o'), busy: tag('b'), rest: tag('r'), unregistered: tag('u') }
export const VERSION_KEY: Uint8Array = tag('v')

/** Of a deal's number. */
export const MAX_U64 = 0xffff_ffff_ffff_ffffn

/** Rows that say where a deal stands, by its progress. */
export const rowsOf = (terms: DealTerms, progress: DealProgress, isProposed: boolean): Uint8Array[] => {
  const { proposalCid, proposal } = terms
  const name = proposalCid.bytes
  const dueAt = dueOf(progress)
  return [
    ...FINAL_STATES.has(progress.state) ? [] : [join(PIECES, commitmentOf(proposal.pieceCid), name)],
    ...dueAt === undefined ? [] : [join(DUE, u64(BigInt(dueAt)), name)],
    ...isProposed && cameToNothing(progress) ? [join(NOTHING, u64(BigInt(progress.updatedAt)), name)] : [],
    ...listsOf(terms, progress, isProposed).map((list) => join(LISTS[list], name)),
  ]
}

export const commitmentOf = (pieceCid: CID): Uint8Array => parsePieceCid(pieceCid).commitment

/** @param at - where in the key the name begins. @throws {DealProviderError} `DEAL_STORAGE_FAILED`: it is none */
export const nameAt = (key: Uint8Array, at: number): CID => {
  try {
    return CID.decode(key.slice(at))
  } catch (cause) {
    throw new DealProviderError('DEAL_STORAGE_FAILED', 'a key of the deals is damaged', { cause })
  }
}

export const u64 = (value: bigint): Uint8Array => {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, value)
  return bytes
}

export const join = (...parts: readonly Uint8Array[]): Uint8Array => joinBytes(parts)

/** The first key behind all that begin with `prefix`, whose first byte is a tag below 255. */
export const after = (prefix: Uint8Array): Uint8Array => {
  const next = prefix.slice()
  let at = next.byteLength - 1
  while (next[at] === 0xff) at--
  next[at] = (next[at] as number) + 1
  return next.subarray(0, at + 1)
}
