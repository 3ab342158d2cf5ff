/** Finding the node of this machine as Kubo's own command does. */
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { apiUrl } from '../api-url.ts'
import { IpfsError } from '../errors.ts'

export interface ApiOptions {
  /** As {@link apiUrl} takes it. Empty: the file `api` in the repository is read, which a running node writes. */
  readonly multiaddr?: string | undefined
  /** The repository. @default `IPFS_PATH` of `env`, else `.ipfs` in the home folder */
  readonly ipfsPath?: string | undefined
  /** `IPFS_PATH` and `HOME` are looked at. @default none */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
}

/**
 * The URL of a node's RPC.
 *
 * @throws {IpfsError} `IPFS_BAD_ADDRESS`; `IPFS_UNREACHABLE`: the repository has no file `api`, so that no node runs on it
 */
export const apiOf = async ({ multiaddr = '', ipfsPath, env = {} }: ApiOptions = {}): Promise<string> => {
  if (multiaddr.trim() !== '') return apiUrl(multiaddr)
  const folder = filled(ipfsPath) ?? filled(env['IPFS_PATH']) ?? join(filled(env['HOME']) ?? homedir(), '.ipfs')
  try {
    return apiUrl(await readFile(join(folder, 'api'), 'utf8'))
  } catch (cause) {
    if (cause instanceof IpfsError) throw cause
    throw new IpfsError('IPFS_UNREACHABLE', `no IPFS node runs on that repository; folder=${folder}`, { cause })
  }
}

const filled = (text: string | undefined): string | undefined => text === '' ? undefined : text
