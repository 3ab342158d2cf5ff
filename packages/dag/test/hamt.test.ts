import { importer } from 'ipfs-unixfs-importer'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { murmur3 } from '../src/murmur3.ts'
import { resolvePath, walkPath } from '../src/index.ts'
import { all, MemoryDag, text } from './blocks.ts'
import { directory, shard } from './unixfs-blocks.ts'

describe('murmur3', () => {
  // written by spaolacci/murmur3 1.1.0 `Sum64`, which boxo uses
  it.each([
    ['', 0n], ['a', 0x85555565f6597889n], ['beep boop', 0xacfe9c5bbf88f075n], ['fifteen letters', 0xfbc30219f974cdaan], ['sixteen letters!', 0x0eafa617026b6a62n],
    ['seventeen letters', 0x5fe570cc0f2090efn], ['ünïcode \u2603 of more than two blocks in all', 0x8efb296a80c38c62n], ['x'.repeat(255), 0xd1a161d018039a7en],
  ])('of %j', (words, hash) => {
    expect(murmur3(text(words))).toBe(hash)
  })
})

class ImportDag extends MemoryDag {
  async put (cid: unknown, block: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<unknown> {
    const parts: Uint8Array[] = []
    if (block instanceof Uint8Array) parts.push(block)
    else for await (const part of block) parts.push(part)
    this.blocks.set(String(cid), new Uint8Array(Buffer.concat(parts)))
    return cid
  }
}

describe('sharded directories', () => {
  it.each([3, 4, 5, 8])('finds every name of a directory that the importer has sharded by %d bits, and no other', async (shardFanoutBits) => {
    const dag = new ImportDag()
    const names = Array.from({ length: 300 }, (_, i) => `${['file', 'ünï', '\u{1F600}'][i % 3]}-${i}${'x'.repeat(i % 40)}`)
    const files = names.map((name) => ({ path: `d/${name}`, content: text(name) }))
    const made = await all(importer(files, dag as never, { shardSplitThresholdBytes: 10, shardFanoutBits, rawLeaves: true, cidVersion: 1 }))
    const root = CID.asCID(made.at(-1)!.cid)!
    expect(await resolvePath(dag, root, '')).toMatchObject({ kind: 'hamt' })
    for (const name of names) {
      const found = await resolvePath(dag, root, name)
      expect(found).toMatchObject({ kind: 'raw', fileBytes: text(name).byteLength })
      expect(found.blocks.at(-1)!.bytes).toEqual(text(name))
    }
    for (const name of ['file', 'file-0x', 'file--1', '']) await expect(resolvePath(dag, root, [name])).rejects.toMatchObject({ code: 'DAG_NO_LINK' })
    // the listing: all nodes that are neither files nor read for anything else
    const shards = (await all(walkPath(dag, root, { scope: 'entity' }))).map(({ cid }) => String(cid))
    expect(new Set(shards).size).toBe(dag.blocks.size - names.length)
  })

  it('leads on below an entry, into directories and shards of another fan-out', async () => {
    const dag = new MemoryDag()
    const inner = directory(dag, { file: dag.raw('found') })
    const hash = murmur3(text('sub'))
    const low = shard(dag, 8, [{ slot: Number(hash >> 56n & 7n), name: 'sub', cid: inner }])
    // 5 bits by a node of 32 slots, then 3 by one of 8
    const root = shard(dag, 32, [{ slot: Number(hash >> 59n), name: '', cid: low }])
    const { blocks } = await resolvePath(dag, root, 'sub/file')
    expect(blocks.map(({ cid }) => String(cid))).toEqual([root, low, inner, dag.raw('found')].map(String))
    expect((await all(walkPath(dag, root, { path: 'sub', scope: 'block' }))).map(({ cid }) => String(cid))).toEqual([root, low, inner].map(String))
  })
})
