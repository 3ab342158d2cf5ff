import { type Chain, type ClientDeal, DealClientError, type DealSources, openDealClient } from '@dagstore/deal-client'
import type { Hashes } from '@dagstore/hashes'
import type { AnyLevel } from '@dagstore/io'
import type { CID } from 'multiformats/cid'

export const firstUse = async (db: AnyLevel, sources: DealSources, hashes: Hashes, chain: Chain, root: CID): Promise<ClientDeal | undefined> => {
  const client = await openDealClient({ db, sources, hashes, chain, publicUrl: 'http://localhost:2351' })
  try {
    const { proposalCid } = await client.start({ provider: 'http://localhost:2350', root, price: 0n, verified: true })
    return await client.settled(proposalCid, { until: 'active' })
  } catch (error) {
    if (error instanceof DealClientError && error.code === 'DEAL_CLIENT_TOO_DEAR') return undefined
    throw error
  } finally {
    await client.close()
  }
}
