/** A gateway: the parts that answer, behind one door. */
import type { Hashes } from '@dagstore/hashes'
import type { Clock } from '@dagstore/io'
import type { ReadBlockstore } from '@dagstore/read-blockstore'
import type { GatewayEvent } from './events.ts'
import type { GatewayAnswer, GatewayRequest } from './exchange.ts'
import { createIpfsRoute } from './ipfs/route.ts'
import { answerWeb, type WebContext } from './web.ts'

export interface GatewayOptions {
  /** Its optional powers, `bytes` and `size`, are used where it has them. */
  readonly blockstore: ReadBlockstore
  /** What blocks are verified with. @default createHashes() */
  readonly hashes?: Hashes | undefined
  /** `never`: the store verifies itself, as ours do. @default 'always' */
  readonly verify?: 'always' | 'never' | undefined
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
}

export const createGateway = (options: GatewayOptions): Gateway => {
  const ipfs = createIpfsRoute(options)
  const claims = (target: string): boolean => target.startsWith('/ipfs/')
  const answer = async (request: GatewayRequest): Promise<GatewayAnswer | undefined> => claims(request.target) ? ipfs(request) : undefined
  return Object.assign((request: Request, context?: WebContext) => answerWeb(answer, request, context), { answer, claims })
}
