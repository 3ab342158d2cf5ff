/** Imports, deals and retrievals on the root of a store, as the handlers of the RPC ask for them. */
import { join } from 'node:path'
import { openImports } from '@dagstore/imports'
import { nodeSourceFiles } from '@dagstore/imports/node'
import type { Clock } from '@dagstore/io'
import type { ClientDataParts, ClientImportParts, ClientParts } from '@dagstore/rpc/handlers'
import type { ShardStore } from '../compose.ts'
import type { Config } from '../config/config.ts'
import type { Logs } from '../log/logs.ts'
import { dataParts } from './data-parts.ts'
import { importParts } from './import-parts.ts'
import { createIpfsNode } from './ipfs-node.ts'
import { createDags } from './open-dags.ts'

export interface ClientSideOptions {
  readonly config: Config
  readonly logs: Logs
  readonly clock: Clock
  /** Whether deals and retrievals go on by themselves; else until a call answers. */
  readonly background: boolean
  readonly env: Readonly<Record<string, string | undefined>>
}

export interface ClientSide {
  readonly parts: ClientParts & { readonly imports: ClientImportParts, readonly data: ClientDataParts }
  /** Ends what is under way; what was passed in stays open. */
  close (): Promise<void>
}

/** Of our own CARs, below the root. */
const IMPORTS = 'imports'

export const openClientSide = async ({ root, dagstore, files, hashes }: ShardStore, { config, clock, env }: ClientSideOptions): Promise<ClientSide> => {
  const closing: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => { for (const end of closing.splice(0).reverse()) await end() }
  try {
    const sources = nodeSourceFiles({ allow: config.referencedFolders.length === 0 ? 'all' : config.referencedFolders, leftOut: [root.path] })
    const imports = await openImports({ db: dagstore.db, directory: files.child(IMPORTS), hashes, clock, sources })
    closing.push(() => imports.close())
    const ipfs = config.useIpfs ? createIpfsNode(config, hashes, env) : undefined
    if (ipfs !== undefined) closing.push(() => ipfs.close())
    const dags = createDags(imports, ipfs)
    return {
      parts: {
        imports: importParts(imports, join(root.path, IMPORTS)),
        data: dataParts({ imports, dags, sources, hashes, commP: async () => { throw new Error('not yet') }, retrieved: async () => undefined }),
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
