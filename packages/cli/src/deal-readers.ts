/** Readers of the deals of other systems, by one line of text each: for `migrate`, and for a daemon that migrates at its first start. */
import { resolve } from 'node:path'
import type { PieceDealReader } from '@dagstore/piece-store'
import type { ClassicLevel } from 'classic-level'
import type { WebSocketLike } from '@dagstore/json-rpc'
import { type ApiAddress, parseApiInfo } from './api-address.ts'

export type DealSystem = 'lotus' | 'boost' | 'curio' | 'file'

export interface DealReaderOptions {
  /** Where relative paths start. */
  readonly cwd: string
  /** Actor id of the miner, where the system itself does not say. */
  readonly miner?: bigint | undefined
  /** Withdraws the copying of a database. */
  readonly signal?: AbortSignal | undefined
}

/**
 * What is opened changes nothing there: databases are copied and the copy is read. The caller closes the reader.
 *
 * @param source - lotus: `TOKEN:MULTIADDR`, a URL, or the path of a repository or of its metadata folder. boost: the `ws://` URL
 *   of boostd-data, or the path of a repository or of boost.db. curio: a `postgres://` URL. file: the path of NDJSON or CSV
 * @throws {PieceStoreError} `PIECE_STORE_NO_DRIVER`: a package that reading it needs is not installed. `PIECE_STORE_FAILED`
 */
export const openDealReader = async (system: DealSystem, source: string, { cwd, miner, signal }: DealReaderOptions): Promise<PieceDealReader> => {
  const node = (): Promise<typeof import('@dagstore/piece-store/node')> => import('@dagstore/piece-store/node')
  switch (system) {
    case 'lotus': {
      const address = addressOf(source)
      if (address === undefined) {
        const [{ openLotusMetadata }, { ClassicLevel }] = await Promise.all([node(), import('classic-level')])
        return openLotusMetadata(resolve(cwd, source), { openLevel: async (folder) => openLevel(new ClassicLevel(folder)), miner, signal })
      }
      const [{ createLotusReader }, { createRpcClient }] = await Promise.all([import('@dagstore/piece-store/lotus'), import('@dagstore/json-rpc')])
      const client = createRpcClient({ url: `${address.url}/rpc/v0`, token: address.token })
      return createLotusReader({ call: (method, params, how) => client.call(method, params, how), miner, onClose: () => client.close() })
    }
    case 'boost': {
      if (!/^(?:wss?|https?):\/\//i.test(source)) return (await node()).openBoostDb(resolve(cwd, source), { signal })
      const [{ createBoostDirectoryReader }, { createRpcClient }, { WebSocket }] = await Promise.all([import('@dagstore/piece-store/boost'), import('@dagstore/json-rpc'), import('ws')])
      const client = createRpcClient({ url: source, webSocket: (url, headers) => new WebSocket(url, { headers }) as unknown as WebSocketLike })
      return createBoostDirectoryReader({ call: (method, params, how) => client.call(method, params, how), onClose: () => client.close() })
    }
    case 'curio': return (await node()).openCurioDb(source)
    case 'file': return (await node()).openListFile(resolve(cwd, source))
  }
}

const openLevel = async (level: ClassicLevel): Promise<ClassicLevel> => {
  await level.open()
  return level
}

/** `undefined`: a path. */
const addressOf = (source: string): ApiAddress | undefined => {
  try {
    return parseApiInfo(source)
  } catch {
    return undefined
  }
}
