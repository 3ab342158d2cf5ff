/** The places where pieces are looked for: storage folders of this machine, a Lotus node, piece servers. */
import type { PieceSource } from '@dagstore/lotus-mount'
import type { MissingStorage } from '@dagstore/lotus-mount/node'
import type { Fr32 } from '@dagstore/piece'
import type { PieceStore } from '@dagstore/piece-store'
import type { Config } from './config/config.ts'

export type PlacesConfig = Pick<Config, 'storage' | 'pieceServers' | 'lotusApiInfo'>

/** Cheapest first: what lies here, then what has to come over a network. */
const COSTS = { remote: 10, servers: 20 } as const

export interface Places {
  readonly sources: readonly PieceSource[]
  /** What the folders are, as their paths. */
  readonly folders: readonly string[]
  /** Those whose disk is not there now. */
  missing (): Promise<readonly MissingStorage[]>
  close (): Promise<void>
}

/**
 * A storage path that is not there is looked for again whenever a piece is wanted: until then none is absent.
 *
 * @param root - folder of the store, which may have sectors of its own
 */
export const openPlaces = async (root: string, { storage, pieceServers: servers, lotusApiInfo }: PlacesConfig, pieceStore: Pick<PieceStore, 'get'>, fr32: Fr32): Promise<Places> => {
  const [{ parkedPieceSource, pieceServers, remoteSectors, sectorPieceSource }, { awaitStorage, curioPieceFiles, localSectors, missingStorage }] =
    await Promise.all([import('@dagstore/lotus-mount'), import('@dagstore/lotus-mount/node')])
  const folders = storage.map(awaitStorage)
  await Promise.all(folders.map((place) => place.folders().catch(() => {}))) // who wants a piece is told
  const node = lotusApiInfo === '' ? undefined : (await import('./lotus-node.ts')).openLotusNode(lotusApiInfo)
  const unseal = node?.unseal
  return {
    sources: [
      sectorPieceSource({ pieceStore, openSectorFile: localSectors([root, ...folders]), fr32, unseal }),
      ...(folders.length === 0 ? [] : [parkedPieceSource({ pieceStore, openPieceFile: curioPieceFiles(folders) })]),
      ...(node === undefined ? [] : [remoteSectors({ pieceStore, find: node.find, token: node.token, fr32, unseal, cost: COSTS.remote })]),
      ...pieceServers(servers.map((url) => ({ url })), { cost: COSTS.servers }),
    ],
    folders: folders.flatMap(({ path, known }) => known?.map((folder) => folder.path) ?? [path]),
    missing: () => missingStorage(folders),
    close: async () => { await node?.close() },
  }
}
