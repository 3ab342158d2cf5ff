import { importer } from 'ipfs-unixfs-importer'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { murmur3Into } from '@dagstore/hashes'
import { resolvePath, walkPath } from '../src/index.ts'
import { all, MemoryDag, text } from './blocks.ts'
import { directory, shard } from './unixfs-blocks.ts'

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
    const halves = new Uint32Array(2)
    murmur3Into(text('sub'), halves, 0)
    const hash = BigInt(halves[0]!) << 32n | BigInt(halves[1]!)
    const low = shard(dag, 8, [{ slot: Number(hash >> 56n & 7n), name: 'sub', cid: inner }])
    // 5 bits by a node of 32 slots, then 3 by one of 8
    const root = shard(dag, 32, [{ slot: Number(hash >> 59n), name: '', cid: low }])
    const { blocks } = await resolvePath(dag, root, 'sub/file')
    expect(blocks.map(({ cid }) => String(cid))).toEqual([root, low, inner, dag.raw('found')].map(String))
    expect((await all(walkPath(dag, root, { path: 'sub', scope: 'block' }))).map(({ cid }) => String(cid))).toEqual([root, low, inner].map(String))
  })
})
