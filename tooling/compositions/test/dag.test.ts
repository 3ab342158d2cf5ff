/** Trees of the UnixFS builder in a CAR file, found by path and read by range through the mounted CAR. */
import { seededBytes } from '@dagstore-tooling/fixtures'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { payloadForm, readEntity, resolvePath, walkDag, walkPath } from '@dagstore/dag'
import { openHashes } from '@dagstore/hashes/node'
import { createBytesSource, createMemoryDirectory, type TreeEntry } from '@dagstore/io'
import { buildTree, PROFILES } from '@dagstore/unixfs-builder'
import { createWritableCar } from '@dagstore/writable-carv2'
import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'

const hashes = await openHashes()

const file = (name: string, bytes: Uint8Array): TreeEntry => ({ kind: 'file', name, sizeBytes: bytes.byteLength, async * read () { yield bytes } })
const folder = (name: string, entries: readonly TreeEntry[]): TreeEntry => ({ kind: 'directory', name, async * entries () { yield * entries } })

const large = seededBytes(5, 3_500_000)
const many = Array.from({ length: 4000 }, (_, i) => `an entry with a name so long that directories are sharded early, number ${i}`)
const tree = folder('tree', [
  folder('docs', [file('empty', new Uint8Array(0)), file('large.bin', large), file('small.txt', new TextEncoder().encode('a few words'))]),
  folder('many', many.map((name, i) => file(name, new TextEncoder().encode(`${i % 50}`)))),
])

const joined = async (chunks: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}
const cids = async (walk: AsyncIterable<{ cid: CID }>): Promise<string[]> => {
  const all: string[] = []
  for await (const { cid } of walk) all.push(cid.toString())
  return all
}

describe.each(PROFILES)('a tree built as %s', (profile) => {
  it('is found by path, read by range, and walked by scope', async () => {
    const directory = createMemoryDirectory()
    const car = await createWritableCar(await directory.openWritable('tree.car', 'new'), { hashes })
    const { cid: root } = await buildTree(tree, car, { profile, hashes, identity: 'skip' })
    const { sizeBytes } = await car.finalize({ roots: [root] })
    await car.close()
    const mount = await openIndexMount({ data: createBytesSource(await (await directory.openSource('tree.car')).read(0, sizeBytes)) }, { hashes })
    const store = mount.blockstore
    const options = { hashes, lookAhead: 4 }

    const found = await resolvePath(store, root, 'docs/large.bin', options)
    expect(found).toMatchObject({ kind: 'file', fileBytes: large.byteLength, remainder: [] })
    expect((await joined(readEntity(store, found.cid, options))).equals(large)).toBe(true)
    for (const [from, to] of [[0, 0], [1_048_575, 1_048_576], [262_143, 262_145], [3_000_000, 9_000_000], [-5, -1], [100, 99]] as const) {
      const wanted = from < 0 ? large.subarray(from) : large.subarray(from, to + 1)
      expect((await joined(readEntity(store, found.cid, { hashes, from, to }))).equals(wanted), `${from}:${to}`).toBe(true)
    }
    expect((await joined(readEntity(store, (await resolvePath(store, root, 'docs/empty', options)).cid, options))).byteLength).toBe(0)

    const sharded = await resolvePath(store, root, 'many', options)
    expect(sharded.kind).toBe(profile === 'lotus-2021' ? 'directory' : 'hamt')
    for (const [i, name] of many.entries()) {
      if (i % 97 === 0) expect((await joined(readEntity(store, (await resolvePath(store, root, ['many', name], options)).cid, options))).toString()).toBe(`${i % 50}`)
    }
    await expect(resolvePath(store, root, 'many/none', options)).rejects.toMatchObject({ code: 'DAG_NO_LINK' })

    // the listing of a directory, and with it the blocks on the way; everything is in the walk of all
    const listing = await cids(walkPath(store, root, { path: 'many', scope: 'entity', hashes }))
    expect(listing.slice(0, 2)).toEqual([root, sharded.cid].map(String))
    expect(listing.length > 10).toBe(profile !== 'lotus-2021')
    const everything = new Set(await cids(walkDag(store, root, { ...options, identity: 'skip' })))
    expect(listing.every((cid) => everything.has(cid))).toBe(true)
    expect(everything.size).toBe(await count(store.getAll()))
    expect(await cids(walkPath(store, root, options))).toEqual([...everything])

    // the same payload with and without looking ahead
    expect((await joined(payloadForm(store, root, options))).equals(await joined(payloadForm(store, root, { hashes })))).toBe(true)
    await mount.close()
  })
})

const count = async (all: AsyncIterable<unknown> | Iterable<unknown>): Promise<number> => {
  let seen = 0
  for await (const _ of all) seen++
  return seen
}
