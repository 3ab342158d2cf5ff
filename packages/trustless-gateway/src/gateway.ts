/** A gateway: the parts that answer, behind one door. */
import { createHashes, type Hashes } from '@dagstore/hashes'
import { type Clock, systemClock } from '@dagstore/io'
import type { ReadBlockstore } from '@dagstore/read-blockstore'
import type { Call } from './call.ts'
import type { Denylist } from './denylist/denylist.ts'
import type { GatewayEvent, GatewayRoute } from './events.ts'
import type { GatewayAnswer, GatewayRequest } from './exchange.ts'
import { answerOfError, codeOf } from './failures.ts'
import { answerMethod } from './http/answers.ts'
import { createCheckDenied } from './ipfs/denials.ts'
import { createReader } from './ipfs/reader.ts'
import { answerIpfs, type IpfsParts } from './ipfs/route.ts'
import { IPFS } from './ipfs/target.ts'
import { createAdmission } from './limits/create-admission.ts'
import type { GatewayLimits } from './limits/limits.ts'
import { createGatewayMeter, type GatewayMetrics } from './metrics.ts'
import type { GatewayPieces } from './pieces/gateway-pieces.ts'
import { answerPiece, PIECE } from './pieces/route.ts'
import { GatewayRefusal } from './refusal.ts'
import { checkedProviders, type ProviderRecordOptions } from './routing/provider-record.ts'
import { answerRouting, ROUTING, type RoutingParts } from './routing/route.ts'
import { ToldBody } from './told-body.ts'
import { createPatience, type UnindexedOptions } from './unindexed.ts'
import { answerWeb, type WebContext } from './web.ts'

export interface GatewayOptions {
  /** Its optional powers, `bytes` and `size`, are used where it has them. */
  readonly blockstore: ReadBlockstore
  /** What blocks are verified with. @default createHashes() */
  readonly hashes?: Hashes | undefined
  /** `never`: the store verifies itself, as ours do. @default 'always' */
  readonly verify?: 'always' | 'never' | undefined
  /** Blocks of a CAR that the store is asked for before it is their turn. 0: none, for a store that itself reads ahead. @default 64 */
  readonly lookAhead?: number | undefined
  /** What `/piece/` serves. @default no such path */
  readonly pieces?: GatewayPieces | undefined
  /** How `/routing/v1/` names this gateway. @default by where it was asked */
  readonly providers?: ProviderRecordOptions | undefined
  /** What becomes of blocks that may be in shards without an index yet. */
  readonly unindexed?: UnindexedOptions | undefined
  /** What is not served. @default nothing */
  readonly denylist?: Denylist | undefined
  /** @default those of a public gateway on one machine */
  readonly limits?: GatewayLimits | undefined
  /** @default systemClock */
  readonly clock?: Clock | undefined
  /** Told of each request when it is finished; what it throws counts for nothing. */
  readonly onEvent?: ((event: GatewayEvent) => void) | undefined
}

export interface Gateway {
  /** Answers in the form of the web; 404 where {@link Gateway.answer} has no answer. Never rejects. */
  (request: Request, context?: WebContext): Promise<Response>
  /** `undefined`: not one of its paths. Never rejects; whoever has the answer must consume its body, or end it by `return`. */
  answer (request: GatewayRequest): Promise<GatewayAnswer | undefined>
  /** Whether a path, with or without a query, is one of its own. */
  claims (target: string): boolean
  /** Counts since it was made, and requests at this moment; `serveRpc` and `serveGateway` show them as they are. */
  metrics (): GatewayMetrics
}

type Route = (request: GatewayRequest, call: Call) => Promise<GatewayAnswer>

interface Door {
  readonly prefix: string
  readonly name: GatewayRoute
  readonly answers: Route
}

const IPNS = '/ipns/'
/** The most reads ahead of the block that is sent. */
const LOOK_AHEAD = 64

/** @throws {RangeError} a limit, time or `lookAhead` that is no number from 0. {TypeError} a peer ID or an address that is none */
export const createGateway = (options: GatewayOptions): Gateway => {
  const { blockstore, hashes = createHashes(), verify = 'always', lookAhead = LOOK_AHEAD, clock = systemClock, onEvent } = options
  if (!Number.isSafeInteger(lookAhead) || lookAhead < 0) throw new RangeError(`lookAhead; want=whole number from 0 got=${lookAhead}`)
  const admission = createAdmission(options.limits, clock)
  const meter = createGatewayMeter(() => admission)
  const checkDenied = createCheckDenied(options.denylist)
  const patience = createPatience(options.unindexed, clock)
  const parts: IpfsParts = { blockstore, hashes, verify, lookAhead, admission, checkDenied, patience }
  const ipfs: Route = (request, call) => answerIpfs(parts, request, call)
  const routingParts: RoutingParts = {
    record: checkedProviders(options.providers), hashes, clock, admission, checkDenied,
    find: (cid, ticket) => createReader({ ...parts, verify: 'never' }, patience(ticket), 0).length(cid, { signal: ticket.signal }),
  }
  const routing: Route = (request, call) => answerRouting(routingParts, request, call)
  const { pieces } = options
  const piece: Route | undefined = pieces === undefined ? undefined : (request, call) => answerPiece({ pieces, admission, checkDenied }, request, call)
  const ipns: Route = async () => {
    throw new GatewayRefusal('GATEWAY_NO_IPNS', 501, 'This gateway resolves no IPNS names; ask by /ipfs/.')
  }

  const routes: readonly Door[] = [
    { prefix: IPFS, name: 'ipfs', answers: ipfs },
    ...(piece === undefined ? [] : [{ prefix: PIECE, name: 'piece', answers: piece } as const]),
    { prefix: ROUTING, name: 'routing', answers: routing },
    { prefix: IPNS, name: 'ipns', answers: ipns },
  ]
  const doorOf = (target: string): Door | undefined => routes.find(({ prefix }) => target.startsWith(prefix))
  const tell = (event: GatewayEvent): void => {
    meter.note(event)
    try {
      onEvent?.(event)
    } catch {
      // a listener's mistake must not end an answer
    }
  }

  const answer = async (request: GatewayRequest): Promise<GatewayAnswer | undefined> => {
    const { method, target, client } = request
    const door = doorOf(target)
    if (door === undefined) return undefined
    const at = clock.now()
    const started = clock.monotonic()
    const call: Call = { route: door.name, blocks: 0, ticket: undefined }
    let thrown: unknown
    let answered: GatewayAnswer
    try {
      answered = answerMethod(method) ?? await door.answers(request, call)
    } catch (error) {
      const left = request.signal?.aborted === true
      answered = answerOfError(error, left)
      if (!left) thrown = error
    }
    const { status, headers, body } = answered
    const end = (bytes: number, firstByteMs: number, error: unknown): void => {
      call.ticket?.leave()
      const { route, blocks } = call
      const code = error === undefined ? headers['x-error-code'] : codeOf(error)
      tell({
        type: code !== undefined && BY_LIMITS.has(code) ? 'refused' : 'request',
        at, client, method, target, route, status, ms: clock.monotonic() - started, firstByteMs, bytes, blocks, agent: request.header('user-agent'), code, error,
      })
    }
    const headMs = clock.monotonic() - started
    if (body === undefined || body instanceof Uint8Array) {
      const sent = method === 'HEAD' ? undefined : body
      const over = (): void => { end(sent?.byteLength ?? 0, headMs, thrown) }
      if (sent !== undefined && sent.byteLength > SHORT_BYTES && request.whenOut !== undefined) request.whenOut(over)
      else over()
      return { status, headers, body: sent }
    }
    let firstByteMs = headMs
    return {
      status, headers,
      body: new ToldBody(call.ticket?.stream(body) ?? body, () => { firstByteMs = clock.monotonic() - started }, ({ bytes, error }) => {
        end(bytes, firstByteMs, request.signal?.aborted === true ? undefined : error)
      }),
    }
  }

  return Object.assign((request: Request, context?: WebContext) => answerWeb(answer, request, context), {
    answer, claims: (target: string) => doorOf(target) !== undefined, metrics: () => meter.values(),
  })
}

/** A whole body up to here keeps no place while it waits for the network: connections and what may wait on each are limited too. */
const SHORT_BYTES = 1 << 14

/** Codes of what limits do not let through. */
const BY_LIMITS: ReadonlySet<string> = new Set(['GATEWAY_CLIENT_BUSY', 'GATEWAY_BUSY', 'GATEWAY_STALLED', 'GATEWAY_TIMEOUT', 'GATEWAY_TOO_LARGE'])
