/** The retrievals of a client, as the handlers of the RPC ask for them. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Retrieval, RetrievalClient } from '@dagstore/deal-client'
import type { CallOptions } from '@dagstore/io'
import type { ClientRetrievalParts, RetrievalFacts } from '@dagstore/rpc/handlers'
import { CommandError } from '../failure.ts'
import type { OpenStore } from './export-parts.ts'
import type { KnownProviders } from './provider-names.ts'

export interface RetrievalPartsOptions extends Pick<ClientRetrievalParts, 'export' | 'openExport'> {
  readonly client: RetrievalClient
  readonly providers: KnownProviders
  /** Of the files, absolute. */
  readonly folder: string
  /** Where blocks go of which nobody has said where. */
  readonly into: 'file' | 'ipfs'
}

export const retrievalParts = ({ client, providers, folder, into, export: exportIt, openExport }: RetrievalPartsOptions): ClientRetrievalParts => {
  // one whose file somebody has taken away is told as one that has none, so that it is fetched again
  const facts = ({ file, ...retrieval }: Retrieval): RetrievalFacts => ({ ...retrieval, filePath: file === undefined || !existsSync(join(folder, file)) ? undefined : join(folder, file) })
  return {
    query: (provider, { root, piece }, options) => client.query(provider, { root, piece }, options),
    providersOf: (root, options) => providers.of(root, options),
    start: async (order, options) => {
      // one that is there already goes where it went before
      const before = order.into !== undefined || order.id === undefined ? undefined : await client.retrieval(order.id, options)
      return facts(await client.start({ ...order, into: order.into ?? before?.into ?? into, join: true }, options))
    },
    settled: async (id, options) => facts(await client.settled(id, options)),
    retrievals: async function * (options) { for await (const retrieval of client.retrievals(options)) yield facts(retrieval) },
    retrieval: async (id, options) => {
      const found = await client.retrieval(id, options)
      return found === undefined ? undefined : facts(found)
    },
    updates: async function * (options) { for await (const news of client.updates(options)) yield news.type === 'retrieval' ? { type: 'retrieval', retrieval: facts(news.retrieval) } : news },
    cancel: (id, options) => client.cancel(id, options),
    remove: (id, options) => client.remove(id, options),
    prune: (how, options) => client.prune({ ...how, ...options }),
    export: exportIt,
    openExport,
  }
}

/** @throws {CommandError} `COMMAND_REFUSED`: no such retrieval, or it is not whole */
export const openRetrieved = async (client: RetrievalClient, id: bigint, { signal }: CallOptions): Promise<OpenStore | undefined> => {
  const found = await client.retrieval(id, { signal })
  if (found === undefined) throw new CommandError('COMMAND_REFUSED', `no such retrieval; id=${id}`)
  if (found.state !== 'DealStatusCompleted') throw new CommandError('COMMAND_REFUSED', `the retrieval is not whole; id=${id} state=${found.state}`)
  if (found.file === undefined) return undefined
  const { blockstore, close } = await client.files.open(found.file, { signal })
  return { store: blockstore, close }
}
