/** A folder of indices as the Go DAG store keeps it: ours served by Go, Go's served by us. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openDirectory } from '@dagstore/io/node'
import { fileUrl } from '@dagstore/mounts'
import { openDagstore } from '@dagstore/node'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { useGo } from './go-program.ts'
import { manifest, VECTORS } from './manifest.ts'

const { go, at } = useGo()

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

const FILES = ['v1-one-root.car', 'v1-many.car', 'v1-duplicates.car', 'v1-identity.car', 'v2-written.car', 'v1-zero-padded.car']

describe('the Go DAG store serves the indices that we export', () => {
  it.for(FILES)('of %s', async (name, context) => {
    const { readback } = go(context)
    const facts = manifest.cars.find(({ file }) => file === name)!
    const key = 'baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq'
    const store = await openDagstore(at(`export-${name}`))
    await store.register(key, fileUrl(`${VECTORS}${name}`), { indexing: 'eager' })
    const flat = at(`flat-${name}`)
    expect(await collect(store.exportIndices(openDirectory(flat)))).toMatchObject([{ key, ok: true, name: `${key}.full.idx` }])
    await store.close()
    const file = join(flat, `${key}.full.idx`)
    const index = await readback('index', file, `${VECTORS}${name}`)
    expect(index.message).toBe('')
    expect(index.report).toMatchObject({ codec: '0x0401', entries: facts.blocks.length, matches: true, trailing: 0 })
    const reading = await readback('dagstore', `${VECTORS}${name}`, file, key)
    expect(reading.message).toBe('')
    expect(reading.report).toMatchObject({ served: new Set(facts.blocks.map(({ cid }) => cid)).size, iterable: true, entries: facts.blocks.length })
  })
})

describe('we serve the indices that Go wrote', () => {
  it.for([
    { car: 'v1-one-root', index: '0400' }, { car: 'v1-one-root', index: '0401' }, { car: 'v1-many', index: '0400' }, { car: 'v1-many', index: '0401' },
    { car: 'v1-duplicates', index: '0400' }, { car: 'v1-duplicates', index: '0401' },
    { car: 'v1-identity', index: '0400' }, { car: 'v1-identity', index: '0401' }, { car: 'v1-identity', index: '0400-stored' }, { car: 'v1-identity', index: '0401-stored' },
  ])('$car, codec $index', async ({ car, index }) => {
    const facts = manifest.cars.find(({ file }) => file === `${car}.car`)!
    const flat = at(`go-${car}-${index}`)
    await mkdir(flat)
    await writeFile(join(flat, '.version'), '1')
    await copyFile(`${VECTORS}${car}-${index}.carindex`, join(flat, 'shard.full.idx'))
    const store = await openDagstore(at(`adopt-${car}-${index}`))
    try {
      await store.register('shard', fileUrl(`${VECTORS}${car}.car`))
      expect(await collect(store.adoptIndices(openDirectory(flat)))).toMatchObject([{ key: 'shard', ok: true, adopted: true }])
      const lease = await store.acquire('shard')
      expect(lease.indexGeneration).toBe(1)
      for (const cid of facts.blocks.map((block) => CID.parse(block.cid))) {
        const size = await lease.blockstore.size(cid)
        // one of sha1 is found, and not given out
        if (cid.multihash.code !== 0x11) expect(await lease.blockstore.bytes(cid)).toHaveLength(size)
      }
      await lease.close()
      await store.refresh('shard')
      expect((await store.shard('shard'))?.indexGeneration).toBeGreaterThan(1)
      for (const { cid } of facts.blocks) expect(await store.blockstore.has(CID.parse(cid))).toBe(true)
    } finally {
      await store.close()
    }
  })
})
