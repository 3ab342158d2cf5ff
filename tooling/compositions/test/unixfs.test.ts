/** Our packages where the UnixFS importer and exporter ask for a blockstore: a tree goes in, and comes out again. */
import { seededBytes } from '@dagstore-tooling/fixtures'
import { payloadForm, walkDag } from '@dagstore/dag'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { createBytesSource, createMemoryDirectory } from '@dagstore/io'
import { promote } from '@dagstore/promote-blockstore'
import { createWritableCar } from '@dagstore/writable-carv2'
import { CarReader } from '@ipld/car'
import { exporter, recursive } from 'ipfs-unixfs-exporter'
import { importer } from 'ipfs-unixfs-importer'
import type { CID } from 'multiformats/cid'
import { expect, it, describe } from 'vitest'

const files = new Map([
  ['tree/empty', new Uint8Array(0)],
  ['tree/small.txt', new TextEncoder().encode('a few words')],
  ['tree/deep/er/three-chunks.bin', seededBytes(1, 2_600_000)],
  ['tree/deep/copy.bin', seededBytes(1, 2_600_000)],
  ['tree/one-chunk.bin', seededBytes(2, 1 << 20)],
])

const joined = async (chunks: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}

/** The tree imported into a writable CARv2, that finalized. */
const imported = async (profile: 'unixfs-v0-2015' | 'unixfs-v1-2025'): Promise<{ bytes: Uint8Array, root: CID }> => {
  const directory = createMemoryDirectory()
  const car = await createWritableCar(await directory.openWritable('tree.car', 'new'))
  let root: CID | undefined
  const content = [...files].map(([path, bytes]) => ({ path, content: bytes }))
  for await (const entry of importer(content, car, { profile })) root = entry.cid
  const { sizeBytes } = await car.finalize({ roots: [root!] })
  await car.close()
  return { bytes: await (await directory.openSource('tree.car')).read(0, sizeBytes), root: root! }
}

describe.each(['unixfs-v0-2015', 'unixfs-v1-2025'] as const)('a tree imported as %s', (profile) => {
  it('is exported from the mount, and from the promoted mount, byte for byte', async () => {
    const { bytes, root } = await imported(profile)
    const mount = await openIndexMount({ data: createBytesSource(bytes) })
    expect(mount.roots.map(String)).toEqual([root.toString()])
    const promoted = promote(mount.blockstore, mount)
    for (const store of [mount.blockstore, promoted]) {
      const found = new Set<string>()
      for await (const { cid, path } of recursive(root, store)) {
        const name = path.replace(root.toString(), 'tree')
        const entry = await exporter(cid, store)
        if (entry.type === 'directory' || entry.type === 'object') continue
        expect(Buffer.compare(await joined(entry.content()), files.get(name)!), name).toBe(0)
        found.add(name)
      }
      expect(found).toEqual(new Set(files.keys()))
    }
    await promoted.close()
  })

  it('has the payload form that the walk of its blocks gives, whatever order they were written in', async () => {
    const { bytes, root } = await imported(profile)
    const mount = await openIndexMount({ data: createBytesSource(bytes) })
    const payload = await CarReader.fromBytes(await joined(payloadForm(mount.blockstore, root)))
    const order: string[] = []
    for await (const cid of payload.cids()) order.push(cid.toString())
    const walked: string[] = []
    for await (const { cid } of walkDag(mount.blockstore, root)) walked.push(cid.toString())
    expect(order).toEqual(walked)
    const stored = new Set<string>()
    for await (const { cid } of mount.blockstore.getAll()) stored.add(cid.toString())
    expect(new Set(walked)).toEqual(stored)
  })
})
