/** A root that somebody can ask for: of the first CARs of a store, one whose first block it is, and where there is one a block with links. */
import { resolve } from 'node:path'
import { readLayout, scanSections } from '@dagstore/carv2'
import type { CallOptions } from '@dagstore/io'
import { openFileSource } from '@dagstore/io/node'
import { filePath } from '@dagstore/mounts'
import { CID } from 'multiformats/cid'
import type { ShardStore } from '../compose.ts'

/** CARs that are looked into. */
const MOST_LOOKED = 16
const IDENTITY = 0
const RAW = 0x55

/** `undefined`: none of the first CARs is a file that begins with its root. */
export const exampleRoot = async ({ root, dagstore }: Pick<ShardStore, 'root' | 'dagstore'>, { signal }: CallOptions): Promise<CID | undefined> => {
  let looked = 0
  let plain: CID | undefined
  for await (const { mountUrl, destroying } of dagstore.shards({ signal })) {
    if (++looked > MOST_LOOKED) break
    if (destroying || !mountUrl.startsWith('file:')) continue
    // one that cannot be read is told when it is indexed
    const found = await firstRoot(resolve(root.path, filePath(mountUrl)), signal).catch(() => undefined)
    signal?.throwIfAborted()
    if (found !== undefined && found.code !== RAW) return found
    plain ??= found
  }
  return plain
}

const firstRoot = async (path: string, signal: AbortSignal | undefined): Promise<CID | undefined> => {
  const source = await openFileSource(path, { label: path, signal })
  try {
    const layout = await readLayout(source, { badIndex: 'report', signal })
    for await (const { cid } of scanSections(source, layout, { signal })) {
      const first = CID.decode(cid)
      return first.multihash.code === IDENTITY ? undefined : layout.roots.find((one) => one.equals(first))
    }
    return undefined
  } finally {
    await source.close()
  }
}
