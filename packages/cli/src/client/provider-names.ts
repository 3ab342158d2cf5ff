/** Who providers are, as the configuration and the deals of this store say. */
import type { CallOptions } from '@dagstore/io'
import type { ClientDealFacts, ProviderNames } from '@dagstore/rpc/handlers'
import type { CID } from 'multiformats/cid'
import type { Config } from '../config/config.ts'
import { readProvider } from '../config/client-keys.ts'

export interface KnownProviders extends ProviderNames {
  /** URLs of those that may have it: of its deals first, then all of the configuration, gateways last. */
  of (root: CID, options: CallOptions): Promise<readonly string[]>
}

/** After these nobody has the data. */
const LOST: ReadonlySet<string> = new Set(['StorageDealError', 'StorageDealFailing', 'StorageDealProposalRejected', 'StorageDealRejecting', 'StorageDealExpired', 'StorageDealSlashed'])

/** @param isSilent - who does not answer now, and is not asked who has something */
export const createProviders = ({ clientProviders, clientGateways }: Pick<Config, 'clientProviders' | 'clientGateways'>, deals: (options: CallOptions) => AsyncIterable<ClientDealFacts>, isSilent: (url: string) => boolean = () => false): KnownProviders => {
  const configured = clientProviders.flatMap((text) => readProvider(text) ?? [])
  return {
    urlOf: async (address, options) => {
      // one network's prefix stands for the other's
      const isIt = (other: string): boolean => other.slice(1) === address.slice(1)
      const known = configured.find((provider) => isIt(provider.address))
      if (known !== undefined) return known.url
      let newest: ClientDealFacts | undefined
      for await (const deal of deals(options)) if (isIt(deal.proposal.provider) && deal.createdAt >= (newest?.createdAt ?? 0)) newest = deal
      return newest?.provider
    },
    addressOf: async (url, options) => {
      const known = configured.find((provider) => same(provider.url, url))
      if (known !== undefined) return known.address
      for await (const deal of deals(options)) if (same(deal.provider, url)) return deal.proposal.provider
      return clientGateways.some((gateway) => same(gateway, url)) ? '' : undefined
    },
    of: async (root, options) => {
      const urls: string[] = []
      for await (const deal of deals(options)) if (deal.root?.equals(root) === true && !LOST.has(deal.state) && !isSilent(deal.provider)) urls.push(deal.provider)
      const all = [...urls, ...configured.map(({ url }) => url), ...clientGateways]
      return all.filter((url, at) => all.findIndex((other) => same(other, url)) === at)
    },
  }
}

const same = (a: string, b: string): boolean => new URL(a).href.replace(/\/$/, '') === new URL(b).href.replace(/\/$/, '')
