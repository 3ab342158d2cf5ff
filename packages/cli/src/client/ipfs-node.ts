/** The IPFS node of the configuration: asked for when somebody needs it, so that one which is not there holds nobody up. */
import type { Hashes } from '@dagstore/hashes'
import type { IpfsBlockstore } from '@dagstore/ipfs-blockstore'
import type { Config } from '../config/config.ts'

export interface IpfsNode {
  /** Finds the node, once. @throws {IpfsError} `IPFS_BAD_ADDRESS`, `IPFS_UNREACHABLE`: the next call tries again */
  store (): Promise<IpfsBlockstore>
  close (): Promise<void>
}

/** @param env - `IPFS_PATH` and `HOME` are looked at where `IpfsMAddr` is empty */
export const createIpfsNode = ({ ipfsMAddr, ipfsOnlineMode }: Pick<Config, 'ipfsMAddr' | 'ipfsOnlineMode'>, hashes: Hashes, env: Readonly<Record<string, string | undefined>>): IpfsNode => {
  let opening: Promise<IpfsBlockstore> | undefined
  const open = async (): Promise<IpfsBlockstore> => {
    // loaded when needed
    const [{ createKuboBlockstore }, { apiOf }] = await Promise.all([import('@dagstore/ipfs-blockstore'), import('@dagstore/ipfs-blockstore/node')])
    return createKuboBlockstore({ url: await apiOf({ multiaddr: ipfsMAddr, env }), online: ipfsOnlineMode, hashes })
  }
  return {
    store: () => opening ??= open().catch((error: unknown) => {
      opening = undefined
      throw error
    }),
    close: async () => { await (await opening?.catch(() => undefined))?.close() },
  }
}
