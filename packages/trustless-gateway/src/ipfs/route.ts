/** `/ipfs/{cid}[/path]`: raw blocks, and CARs. */
import type { Hashes } from '@dagstore/hashes'
import type { ReadBlockstore } from '@dagstore/read-blockstore'
import type { Call } from '../call.ts'
import type { GatewayAnswer, GatewayRequest } from '../exchange.ts'
import { codeOf } from '../failures.ts'
import { notModified } from '../http/answers.ts'
import { namesTag } from '../http/conditional.ts'
import type { Admission, Ticket } from '../limits/admission.ts'
import { GatewayRefusal } from '../refusal.ts'
import { answerCar } from './car.ts'
import type { CheckDenied } from './denials.ts'
import { tagOf } from './head.ts'
import { answerRaw } from './raw.ts'
import { createReader, type Patience } from './reader.ts'
import { contentPathOf } from './target.ts'
import { wantedOf } from './wanted.ts'

export interface IpfsParts {
  readonly blockstore: ReadBlockstore
  readonly hashes: Hashes
  readonly verify: 'always' | 'never'
  readonly lookAhead: number
  readonly admission: Admission
  readonly checkDenied: CheckDenied
  /** For one request. */
  readonly patience: (ticket: Ticket) => Patience
}

/** Blocks read ahead by all streams; each has its share, within bounds. */
const LOOK_AHEAD_BYTES = 256 << 20
const MOST_LOOK_AHEAD_BYTES = 8 << 20
const LEAST_LOOK_AHEAD_BYTES = 1 << 20

const impatient: Patience = (find) => find()

/** @throws {GatewayRefusal}, and what the store and the walk throw */
export const answerIpfs = async (parts: IpfsParts, request: GatewayRequest, call: Call): Promise<GatewayAnswer> => {
  const { admission, checkDenied, hashes } = parts
  const { client, signal } = request
  const path = contentPathOf(request.target)
  const wanted = wantedOf(path, request.header('accept'))
  call.route = wanted.car === undefined ? 'raw' : 'car'
  if (wanted.car === undefined && path.segments.length > 0) throw new GatewayRefusal('GATEWAY_RAW_PATH', 400, 'A raw block is asked for by its own CID, without a path.')
  const denied = checkDenied(path.root, path.segments.join('/'))
  if (denied !== undefined) await denied
  const tag = tagOf(path, wanted, hashes)
  const ifNoneMatch = request.header('if-none-match')?.trim()
  const isKnown = ifNoneMatch !== undefined && namesTag(ifNoneMatch, tag)
  const unchanged = (): GatewayAnswer => notModified(tag, { vary: 'Accept, Accept-Encoding', ...(wanted.location === undefined ? {} : { 'content-location': wanted.location }) })
  // what was the content of a CID is so for ever
  if (isKnown && ifNoneMatch !== '*') return unchanged()

  const entered = admission.enter({ client, signal })
  const ticket = call.ticket = 'then' in entered ? await entered : entered
  const onlyIfCached = /\bonly-if-cached\b/i.test(request.header('cache-control') ?? '')
  const reader = createReader(parts, onlyIfCached ? impatient : parts.patience(ticket), ticket.limits.maxBlockBytes)
  if (isKnown || onlyIfCached) {
    try {
      await ticket.within(reader.length(path.root, { signal }))
    } catch (error) {
      if (onlyIfCached && codeOf(error) === 'BLOCKSTORE_NOT_FOUND') throw new GatewayRefusal('GATEWAY_NOT_CACHED', 412, 'The block is not here.', { cause: error })
      throw error
    }
    if (isKnown) return unchanged()
  }
  const question = { request, path, wanted, tag, ticket, call }
  if (wanted.car === undefined) return answerRaw(reader, question)
  const lookAheadBytes = Math.max(LEAST_LOOK_AHEAD_BYTES, Math.min(LOOK_AHEAD_BYTES / admission.active, MOST_LOOK_AHEAD_BYTES))
  return answerCar(reader, question, wanted.car, { hashes, verify: parts.verify, checkDenied, lookAhead: parts.lookAhead, lookAheadBytes })
}
