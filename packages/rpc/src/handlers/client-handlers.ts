/** The methods of the client's side over the parts that are there. */
import type { LotusClientApi } from '@dagstore/lotus-api'
import { dataHandlers } from './client/data-handlers.ts'
import { importHandlers } from './client/import-handlers.ts'
import type { ClientDataParts, ClientImportParts } from './client/import-parts.ts'

export interface ClientParts {
  readonly imports?: ClientImportParts | undefined
  readonly data?: ClientDataParts | undefined
}

export const clientHandlers = ({ imports, data }: ClientParts): Partial<LotusClientApi> => ({
  ...(imports === undefined ? {} : importHandlers(imports)),
  ...(data === undefined ? {} : dataHandlers(data)),
})
