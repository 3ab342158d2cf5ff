/** What a daemon answers at `/deals/v1`: proposals, data of deals, and giving back; and what its operator is told of them. */
import type { DealProvider } from '@dagstore/deal-provider'
import { createDealsHandler, DEALS_PREFIX, epochAt, openRetrievalDeals, type RetrievalDeals } from '@dagstore/deal-provider/http'
import type { ProviderAsk } from '@dagstore/deal-protocol'
import { type Clock, createFairFlow } from '@dagstore/io'
import type { PieceStore } from '@dagstore/piece-store'
import { type ExtraDoor, type MarketParts, webHandler } from '@dagstore/rpc'
import { createGateway, type Denylist } from '@dagstore/trustless-gateway'
import { closeAll } from '../close-all.ts'
import type { ShardStore } from '../compose.ts'
import type { Config } from '../config/config.ts'
import type { Logger } from '../log/logs.ts'
import { showBytes } from '../text.ts'

export interface DealFront {
  /** `undefined`: the configuration wants none. */
  readonly door: ExtraDoor | undefined
  /** The same for this process. */
  readonly answer: (request: Request) => Promise<Response | undefined>
  readonly market: MarketParts
  /** Ends data on their way, so that the next process goes on with them; before the deals are closed. */
  close (): Promise<void>
}

export interface DealFrontOptions {
  readonly config: Config
  readonly clock: Clock
  readonly log: Pick<Logger, 'warn' | 'debug' | 'info'>
  readonly denylist: Denylist | undefined
  /** @throws for a URL from which nothing is fetched */
  readonly checkUrl: (url: string) => void
}

/** An ask holds for so many epochs: a day. */
const ASK_EPOCHS = 2880n
/** Source: go-fil-markets retrievalmarket `DefaultPaymentInterval`. */
const INTERVAL = 1n << 20n
/** Clients come again and again, but that is said no more often. */
const QUIET_MS = 60_000
/** Served by the client's side. */
const PAYLOADS = `${DEALS_PREFIX}payloads/`

export interface ServedRetrievals {
  readonly ask: () => ProviderAsk
  readonly retrievals: RetrievalDeals
}

/** Those that are in the store; they are given back to whoever is let in. */
export const openServedRetrievals = async ({ dagstore, hashes, isUnsealed }: ShardStore, pieces: PieceStore, { config, clock, log, denylist }: Omit<DealFrontOptions, 'checkUrl'>): Promise<ServedRetrievals> => {
  const { transferBytesPerSecond: bytesPerSecond } = config
  const ask = (): ProviderAsk => ({
    provider: `f0${config.miner}`,
    pricePerEpochPerGiB: config.dealPrice,
    verifiedPricePerEpochPerGiB: config.verifiedDealPrice,
    minPieceBytes: config.minPieceBytes,
    maxPieceBytes: config.maxPieceBytes,
    expiryEpoch: epochAt(clock.now()) + ASK_EPOCHS,
    transferTypes: ['http-push', 'http-pull', 'manual'],
    retrieval: { pricePerByte: config.retrievalPrice, unsealPrice: config.unsealPrice, paymentInterval: INTERVAL, paymentIntervalIncrease: INTERVAL },
  })
  const retrievals = await openRetrievalDeals({
    db: dagstore.db, dagstore, pieces, isUnsealed, hashes, clock, terms: ask().retrieval, paymentAddress: ask().provider,
    ...(bytesPerSecond === 0 ? {} : { flow: createFairFlow(bytesPerSecond, clock) }),
    limits: { maxActive: 256, maxActivePerClient: 128 },
    gatewayOf: (blockstore) => createGateway({ blockstore, hashes, verify: 'never', denylist, clock }), // the shard does
    onProblem: (error) => { log.warn('a retrieval does not get on', { error }) },
  })
  return { ask, retrievals }
}

export const openDealFront = async (store: ShardStore, pieces: PieceStore, deals: DealProvider, options: DealFrontOptions): Promise<DealFront> => {
  const { config, clock, log, checkUrl } = options
  const { files, hashes } = store
  const { maxTransfers, transferBytesPerSecond: bytesPerSecond } = config
  const { ask, retrievals } = await openServedRetrievals(store, pieces, options)
  let quietUntil = 0
  const front = createDealsHandler({
    deals, retrievals, ask, hashes, clock, checkUrl,
    freeBytes: () => files.freeBytes(),
    onNoRoom: ({ neededBytes, freeBytes }) => {
      const now = clock.now()
      if (now < quietUntil) return
      quietUntil = now + QUIET_MS
      log.warn('a client was told to come later, since the disk has no room for the data of its deal', { needed: showBytes(neededBytes), free: showBytes(freeBytes) })
    },
    limits: {
      maxWaiting: config.maxWaitingDeals,
      tokenMs: config.transferExpiryMs,
      clientRequests: 64,
      clientProposals: 600,
      transfers: { maxActive: maxTransfers, maxActivePerClient: Math.ceil(maxTransfers / 2), bytesPerSecond },
    },
    onTransfer: ({ type, id, bytes, totalBytes, client, code }) => { if (type !== 'progress') log[type === 'refused' ? 'warn' : 'debug'](`data of a deal: ${type}`, { deal: id, bytes, totalBytes, client, code }) },
    onProblem: (error) => { log.warn('a request about a deal has failed', { error }) },
  })
  return {
    door: config.acceptDeals === 'never' ? undefined : {
      claims: (path) => path.startsWith(DEALS_PREFIX) && !path.startsWith(PAYLOADS),
      access: config.acceptDeals === 'always' ? 'everywhere' : 'loopback',
      handler: webHandler((request, { client }) => front.handler(request, { client })),
    },
    answer: (request) => front.handler(request, { client: 'this store' }),
    market: {
      ask,
      transfers: (options) => deals.online.transfers(options),
      transferUpdates: (options) => deals.online.updates(options),
      restartTransfer: (proposalCid) => deals.online.restart(proposalCid),
      cancelTransfer: (proposalCid) => deals.online.cancel(proposalCid),
      retrievals: () => retrievals.retrievals(),
      retrievalUpdates: (options) => retrievals.updates(options),
      cancelRetrieval: (dealId) => retrievals.cancel(dealId),
    },
    close: () => closeAll([() => front.close(), () => retrievals.close()]),
  }
}
