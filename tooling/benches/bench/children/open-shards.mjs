/** Open the same shard many times, each with an index of its own, and get one block from each. */
import { createPageCache } from '@dagstore/carv2'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { openHashes } from '@dagstore/hashes/node'
import { openFileSource } from '@dagstore/io/node'
import { CarIndexedReader } from '@ipld/car'
import { CID } from 'multiformats/cid'
import { measured } from '../../src/child.mjs'

const WAYS = {
  ours: async ({ count, path, wanted, cacheBytes }) => {
    const hashes = await openHashes()
    const pages = createPageCache({ maxBytes: cacheBytes })
    const mounts = []
    for (let i = 0; i < count; i++) {
      const [data, index] = [await openFileSource(path), await openFileSource(`${path}.idx`)]
      const mount = await openIndexMount({ data, index }, { hashes, pages, indexTrust: 'use' })
      await mount.blockstore.bytes(CID.parse(wanted[i % wanted.length]))
      mounts.push(mount)
    }
    return { count, cachedBytes: pages.usedBytes, hold: async () => { for (const mount of mounts) await mount.close() } }
  },
  CarIndexedReader: async ({ count, path, wanted }) => {
    const readers = []
    for (let i = 0; i < count; i++) {
      const reader = await CarIndexedReader.fromFile(path)
      await reader.get(CID.parse(wanted[i % wanted.length]))
      readers.push(reader)
    }
    return { count, cachedBytes: 0, hold: async () => { for (const reader of readers) await reader.close() } }
  },
}

await measured(import.meta.url, (args) => WAYS[args.way](args))
