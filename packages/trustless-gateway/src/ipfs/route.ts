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
import { headOf, tagOf } from './head.ts'
import { answerRaw, type Question } from './raw.ts'
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
const LOOK_AHEAD_BYTES = 128 << 20
const MOST_LOOK_AHEAD_BYTES = 2 << 20
const LEAST_LOOK_AHEAD_BYTES = 1 << 19

const impatient: Patience = (find) => find()
/** Codes of what is not here now. */
const ABSENT: ReadonlySet<string> = new Set(['BLOCKSTORE_NOT_FOUND', 'GATEWAY_UNINDEXED'])

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
  const isHead = request.method === 'HEAD'
  if (onlyIfCached) {
    const length = await ticket.within(reader.length(path.root, { signal })).catch((cause: unknown) => {
      if (!ABSENT.has(codeOf(cause))) throw cause
      throw new GatewayRefusal('GATEWAY_NOT_CACHED', 412, 'The block is not here.', { cause })
    })
    // nothing is read for it, not even what is on the way along the path
    if (isHead) return isKnown ? unchanged() : { status: 200, headers: headOf(path, wanted, tag, wanted.car === undefined ? length : undefined), body: undefined }
  }
  // of `*` what HEAD finds out is enough
  const question: Question = { request, path, wanted, tag, ticket, call, headOnly: isHead || isKnown }
  const answered = await (wanted.car === undefined ? answerRaw(reader, question) : answerCar(reader, question, wanted.car, {
    hashes, verify: parts.verify, checkDenied, lookAhead: parts.lookAhead,
    lookAheadBytes: Math.max(LEAST_LOOK_AHEAD_BYTES, Math.min(LOOK_AHEAD_BYTES / admission.active, MOST_LOOK_AHEAD_BYTES)),
  }))
  return isKnown ? unchanged() : answered
}
