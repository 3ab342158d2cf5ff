/** UnixFS roots of boxo, built by our packages. */
import { openHashes } from '@dagstore/hashes/node'
import { createMemoryDirectory, type WritableFile } from '@dagstore/io'
import { type BlockSink, buildFile, buildTree, type Profile } from '@dagstore/unixfs-builder'
import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { inputChunks, treeOf } from './inputs.ts'
import { manifest } from './manifest.ts'

const IDENTITY = 0x00
const hashes = await openHashes()
/** Inputs above this are for long runs. */
const LONG_BYTES = 1 << 26
const long = process.env['DAGSTORE_LONG'] === '1'

/** Counts the distinct blocks that a store would hold: no identity CIDs. */
const createCounter = (): BlockSink & { blocks: number, bytes: number, cids: Set<string> } => {
  const seen = new Set<string>()
  const cids = new Set<string>()
  return {
    blocks: 0,
    bytes: 0,
    cids,
    put (cid: CID, bytes: Uint8Array) {
      const key = cid.toString()
      cids.add(key)
      if (cid.multihash.code === IDENTITY || seen.has(key)) return
      seen.add(key)
      this.blocks++
      this.bytes += bytes.byteLength
    },
  }
}

describe.each(manifest.unixfs.files)('a file of $size bytes under $profile', (facts) => {
  it('has the root that boxo gives it', async ({ skip }) => {
    skip(facts.size > LONG_BYTES && !long, 'a large input, made with DAGSTORE_LONG=1')
    const counter = createCounter()
    const built = await buildFile(inputChunks(facts.seed, facts.size), counter, { profile: facts.profile as Profile, hashes })
    expect(built.cid.toString()).toBe(facts.root)
    expect(built.fileBytes).toBe(facts.size)
    expect(built.dagBytes).toBe(facts.cumulative)
    expect({ blocks: counter.blocks, blockBytes: counter.bytes }).toEqual({ blocks: facts.blocks, blockBytes: facts.blockBytes })
  })
})

describe.each(manifest.unixfs.directories)('the tree $tree under $profile', (facts) => {
  it('has the root that boxo gives it', async () => {
    const tree = manifest.unixfs.trees.find(({ name }) => name === facts.tree)!
    const counter = createCounter()
    const built = await buildTree(treeOf(facts.tree, tree.entries), counter, { profile: facts.profile as Profile, hashes })
    for (const [path, cid] of Object.entries(facts.parts)) {
      // inlined parts may be known by their parent's link alone
      if (!cid.startsWith('bafkq') && !cid.startsWith('bafya')) expect(counter.cids, path).toContain(cid)
    }
    expect(built.cid.toString()).toBe(facts.root)
    expect(built.dagBytes).toBe(facts.cumulative)
    expect({ blocks: counter.blocks, blockBytes: counter.bytes }).toEqual({ blocks: facts.blocks, blockBytes: facts.blockBytes })
    const scratch = (): Promise<WritableFile> => createMemoryDirectory().openWritable('scratch', 'new')
    const spilled = await buildTree(treeOf(facts.tree, tree.entries), { put () {} }, { profile: facts.profile as Profile, hashes, scratch, memoryBytes: 10_000 })
    expect(spilled.cid.toString(), 'on a scratch file').toBe(facts.root)
  })
})
