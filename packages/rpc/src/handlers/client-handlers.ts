/** The methods of the client's side over the parts that are there. */
import type { LotusClientApi } from '@dagstore/lotus-api'
import { dataHandlers } from './client/data-handlers.ts'
import { clientDealHandlers } from './client/deal-handlers.ts'
import type { ClientDealParts, ProviderNames } from './client/deal-parts.ts'
import { importHandlers } from './client/import-handlers.ts'
import type { ClientDataParts, ClientImportParts } from './client/import-parts.ts'
import { clientRetrievalHandlers } from './client/retrieval-handlers.ts'
import type { ClientRetrievalParts } from './client/retrieval-parts.ts'

export interface ClientParts {
  readonly imports?: ClientImportParts | undefined
  readonly data?: ClientDataParts | undefined
  readonly deals?: ClientDealParts | undefined
  readonly retrievals?: ClientRetrievalParts | undefined
  /** @default none is known */
  readonly providers?: ProviderNames | undefined
}

const NOBODY_KNOWN: ProviderNames = { urlOf: async () => undefined, addressOf: async () => undefined }

/** @param notice - told what nobody else is told */
export const clientHandlers = ({ imports, data, deals, retrievals, providers = NOBODY_KNOWN }: ClientParts, notice: (text: string) => void): Partial<LotusClientApi> => ({
  ...(imports === undefined ? {} : importHandlers(imports)),
  ...(data === undefined ? {} : dataHandlers(data)),
  ...(deals === undefined ? {} : clientDealHandlers(deals, providers, notice)),
  ...(retrievals === undefined ? {} : clientRetrievalHandlers(retrievals, providers, notice)),
})
