/**
 * `/routing/v1/…`: who has a block. This gateway knows of itself alone.
 *
 *     providers/{cid}           itself, where it has the block
 *     peers/{peer id}           itself, where it is that
 *     dht/closest/peers/{key}   nobody, for there is no DHT here
 *
 * What is not known is 200 with an empty list. Source: IPFS delegated routing V1; IPIP-484, IPIP-513, IPIP-476.
 */
import type { Hashes } from '@dagstore/hashes'
import type { Clock } from '@dagstore/io'
import { BlockNotFoundError } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import type { Call } from '../call.ts'
import type { GatewayAnswer, GatewayRequest } from '../exchange.ts'
import { OPEN_TO_ALL } from '../http/answers.ts'
import { cidOf } from '../ipfs/cid-text.ts'
import type { CheckDenied } from '../ipfs/denials.ts'
import type { Admission, Ticket } from '../limits/admission.ts'
import { GatewayRefusal } from '../refusal.ts'
import { filtered } from './filters.ts'
import { peerHash } from './peer-hash.ts'
import { type PeerRecord, type ProviderRecordOptions, recordOf } from './provider-record.ts'

export const ROUTING = '/routing/v1/'

export interface RoutingParts {
  readonly record: ProviderRecordOptions
  readonly hashes: Hashes
  readonly clock: Clock
  readonly admission: Admission
  readonly checkDenied: CheckDenied
  /** Resolves where the block is here. @throws {BlockNotFoundError}, and the store's other errors */
  readonly find: (cid: CID, ticket: Ticket) => Promise<unknown>
}

type List = 'Providers' | 'Peers'

/** What is here is so for a while, and an old answer is better than none; what is not may come soon. */
const FOUND = 'public, max-age=300, stale-while-revalidate=3600, stale-if-error=3600'
const ABSENT = 'public, max-age=15'

const textEncoder = new TextEncoder()

/** @throws {GatewayRefusal}, and what the store throws */
export const answerRouting = async (parts: RoutingParts, request: GatewayRequest, call: Call): Promise<GatewayAnswer> => {
  call.route = 'routing'
  const [path = '', query = ''] = request.target.slice(ROUTING.length).split('?')
  const [, kind, name = ''] = /^(providers|peers|dht\/closest\/peers|ipns)\/([^/]+)$/.exec(path) ?? []
  if (kind === undefined) throw new GatewayRefusal('GATEWAY_BAD_PATH', 400, 'Providers and peers are asked for here: /routing/v1/providers/{cid}.')
  if (kind === 'ipns') throw new GatewayRefusal('GATEWAY_NO_IPNS', 501, 'This gateway resolves no IPNS names.')
  const record = recordOf(parts.record, request.origin, parts.hashes)
  const list = kind === 'providers' ? 'Providers' : 'Peers'
  const asked = kind === 'providers' ? await has(parts, cidIn(name), request, call) : kind === 'peers' && isPeer(name, record.ID)
  const answer = asked ? filtered(record, new URLSearchParams(query)) : undefined
  return answerWith(list, answer === undefined ? [] : [answer], request, parts.clock)
}

const has = async ({ admission, checkDenied, find }: RoutingParts, cid: CID, { client, signal }: GatewayRequest, call: Call): Promise<boolean> => {
  const ticket = call.ticket = await admission.enter({ client, signal })
  try {
    await checkDenied(cid)
    await find(cid, ticket)
    return true
  } catch (error) {
    if (error instanceof BlockNotFoundError || (error instanceof GatewayRefusal && error.code === 'GATEWAY_DENIED')) return false
    throw error
  }
}

const answerWith = (list: List, records: readonly PeerRecord[], request: GatewayRequest, clock: Clock): GatewayAnswer => {
  const byLine = (request.header('accept') ?? '').split(',').some(takesLines)
  const body = textEncoder.encode(byLine ? records.map((record) => `${JSON.stringify(record)}\n`).join('') : JSON.stringify({ [list]: records }))
  return {
    status: 200,
    headers: {
      'content-type': byLine ? 'application/x-ndjson' : 'application/json', 'content-length': `${body.byteLength}`,
      'cache-control': records.length === 0 ? ABSENT : FOUND,
      'last-modified': new Date(clock.now()).toUTCString(), vary: 'Accept', 'x-content-type-options': 'nosniff', ...OPEN_TO_ALL,
    },
    body,
  }
}

/** Whether one of the types that are accepted is that of lines. */
const takesLines = (type: string): boolean => /^\s*application\/x-ndjson\s*(?:;|$)/i.test(type) && !/;\s*q\s*=\s*0(?:\.0*)?\s*(?:;|$)/i.test(type)

const cidIn = (name: string): CID => {
  try {
    return cidOf(decodeURIComponent(name))
  } catch (cause) {
    throw new GatewayRefusal('GATEWAY_BAD_CID', 422, 'There is no CID behind /routing/v1/providers/.', { cause })
  }
}

const isPeer = (name: string, id: string): boolean => {
  const asked = peerHash(name)
  if (asked === undefined) throw new GatewayRefusal('GATEWAY_BAD_CID', 422, 'There is no peer ID behind /routing/v1/peers/.')
  return asked === peerHash(id)
}
