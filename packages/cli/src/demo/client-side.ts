/** The client of the demo: imports, deals and retrievals, and where it finds the provider. */
import { type DealClient, openDealClient, openRetrievalClient, type RetrievalClient } from '@dagstore/deal-client'
import { type Imports, openImports } from '@dagstore/imports'
import { nodeSourceFiles } from '@dagstore/imports/node'
import { type Clock, systemRandom } from '@dagstore/io'
import { openRetrievals, type Retrievals } from '@dagstore/retrievals'
import type { CID } from 'multiformats/cid'
import { isOwnProvider } from '../client/own-provider.ts'
import type { ShardStore } from '../compose.ts'
import { createThreadedCommP } from '../hash-threads.ts'

export interface ClientSide {
  readonly imports: Imports
  readonly deals: DealClient
  readonly retrievals: RetrievalClient
  /** Those of the retrievals. */
  readonly files: Retrievals
  /** Which import the data of a root are read from, now. */
  readFrom (root: CID, importId: bigint): void
  close (): Promise<void>
}

export interface ClientSideOptions {
  /** Of the provider. */
  readonly origin: string
  readonly clock: Clock
  readonly onProblem: (error: unknown) => void
}

const RETRY = { firstMs: 1000, maxMs: 5000 } as const

export const openClientSide = async ({ root: { path }, dagstore: { db }, files: rootFiles, hashes }: ShardStore, { origin, clock, onProblem }: ClientSideOptions): Promise<ClientSide> => {
  const closing: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => { for (const end of closing.splice(0).reverse()) await end() }
  try {
    const imports = await openImports({ db, directory: rootFiles.child('imports'), hashes, clock, sources: nodeSourceFiles({ leftOut: [path] }) })
    closing.push(() => imports.close())
    let from: { readonly root: CID, readonly id: bigint } | undefined
    const asked: typeof fetch = (input, init) => fetch(at(origin, input), init)
    const common = { db, hashes, fetch: asked, clock, random: systemRandom, background: false } as const
    const deals = await openDealClient({
      ...common, openCommP: createThreadedCommP(), retry: RETRY,
      sources: {
        open: async (root, options) => {
          if (from?.root.equals(root) !== true) return undefined
          const { id } = from
          const { blockstore: store, record: { piece }, close: end } = await imports.open(id, options)
          return { store, verified: true, piece, setPiece: (next) => imports.setPiece(id, next, { root }), close: end } // the import has hashed what it gives
        },
      },
      onProblem: ({ error }) => { onProblem(error) },
    })
    closing.push(() => deals.close())
    const files = openRetrievals({ directory: rootFiles.child('retrievals'), hashes, clock })
    const retrievals = await openRetrievalClient({ ...common, retrievals: files, attempts: 1, onProblem: ({ error }) => { onProblem(error) } })
    closing.push(() => retrievals.close())
    return { imports, deals, retrievals, files, close, readFrom: (root, id) => { from = { root, id } } }
  } catch (error) {
    await close()
    throw error
  }
}

/** The same at the provider. */
const at = (origin: string, input: Parameters<typeof fetch>[0]): URL => {
  if (typeof input !== 'string' && !(input instanceof URL)) throw new TypeError('want=a URL')
  if (!isOwnProvider(input)) throw new TypeError('nobody else is asked')
  const { pathname, search } = new URL(input)
  return new URL(pathname + search, origin)
}
