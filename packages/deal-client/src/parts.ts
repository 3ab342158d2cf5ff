/** What the steps of a deal work with. */
import type { ClientDeal } from '@dagstore/deal-protocol'
import type { Hashes } from '@dagstore/hashes'
import type { Clock, FairFlow, FairSlots } from '@dagstore/io'
import type { Chain } from './chain.ts'
import type { DealTable } from './deal-table.ts'
import type { Deals } from './deals.ts'
import type { RetryPauses } from './failure.ts'
import type { ProviderApi } from './provider-api.ts'
import type { DealSources } from './sources.ts'

export interface Parts {
  readonly deals: Deals
  readonly table: DealTable
  readonly sources: DealSources
  readonly chain: Chain
  readonly hashes: Hashes
  readonly clock: Clock
  readonly retry: RetryPauses
  readonly fetch: typeof fetch
  /** Of a provider by its URL. */
  readonly api: (url: string) => ProviderApi
  /** Below which our payloads can be fetched; ends with `/`. */
  readonly publicUrl: URL | undefined
  /** Requests, and transfers, at a time. */
  readonly requests: FairSlots
  readonly transfers: FairSlots
  readonly flow: FairFlow | undefined
  /** Of a transfer under way: so many bytes are at the provider. */
  readonly told: (deal: ClientDeal, sentBytes: number) => void
  /** Fires when the client closes. */
  readonly ending: AbortSignal
}
