/** What stays in memory while much goes through. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Hashes, createHashes } from '@dagstore/hashes'
import type { TreeEntry, WritableFile } from '@dagstore/io'
import { openWritableFile } from '@dagstore/io/node'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { createBlockWriter } from '../src/block-writer.ts'
import { DirectoryBuilder } from '../src/directory.ts'
import { Scratch } from '../src/entry-runs.ts'
import { writeFile } from '../src/file.ts'
import { PROFILES, rulesOf } from '../src/profile.ts'
import { buildFile, buildTree } from '../src/tree.ts'

const MIB = 1 << 20
const long = process.env['DAGSTORE_LONG'] !== undefined
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const usedBytes = (): number => {
  collect()
  // memory of arrays that the first one found is given back beside the work, at the latest when the next one begins
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Quick, and different for every block: a count. */
const countingHashes = (): Hashes => {
  let count = 0
  return { ...createHashes(), digest: () => {
    const digest = new Uint8Array(32)
    new DataView(digest.buffer).setUint32(28, count++)
    return digest
  } }
}

describe('the memory of a file', () => {
  it('is the links of one node per level, whatever its length', async () => {
    const leaves = long ? 3_000_000 : 400_000
    const rules = { ...rulesOf('unixfs-v0-2015'), chunkBytes: 16, rawLeaves: true, cidVersion: 1 } as const
    const content = function * (): Generator<Uint8Array> {
      const part = new Uint8Array(16 * 4000)
      for (let given = 0; given < leaves; given += 4000) yield part
    }
    const most: number[] = []
    let puts = 0
    const sink = { put () { if (++puts % 50_000 === 0) most.push(usedBytes()) } }
    const before = usedBytes()
    const built = await writeFile(createBlockWriter(rules, sink, countingHashes(), { identity: 'put' }), content(), '', {}, () => {})
    expect(built.fileBytes).toBe(leaves * 16)
    // four levels at most, of 174 links, each a few hundred bytes
    expect(Math.max(...most) - before).toBeLessThan(4 * MIB)
  })
  it('is a few chunks for 20 GiB', async ({ skip }) => {
    skip(!long, 'ten seconds, run with DAGSTORE_LONG=1')
    const part = new Uint8Array(MIB)
    let [most, puts] = [0, 0]
    const sink = { put () { if (++puts % 1024 === 0) most = Math.max(most, usedBytes()) } }
    const content = function * (): Generator<Uint8Array> { for (let i = 0; i < 20 * 1024; i++) yield part }
    const before = usedBytes()
    const { fileBytes } = await buildFile(content(), sink, { profile: 'unixfs-v1-2025', hashes: countingHashes() })
    expect(fileBytes).toBe(20 * 1024 * MIB)
    // a chunk, the one given away before it, and the links of two nodes: 3.4 MiB
    expect(most - before).toBeLessThan(6 * MIB)
  })
})

describe('the memory of a directory', () => {
  it.each(PROFILES.filter((profile) => profile !== 'lotus-2021'))('is some 100 bytes for each of very many entries, under %s', async (profile) => {
    const count = long ? 2_000_000 : 150_000
    const content = new Uint8Array(200)
    let most = 0
    const tree: TreeEntry = {
      kind: 'directory',
      name: '',
      async * entries () {
        for (let i = 0; i < count; i++) {
          if (i % 50_000 === 49_999) most = Math.max(most, usedBytes())
          yield { kind: 'file', name: `photo-${String(i).padStart(8, '0')}.jpg`, sizeBytes: 200, async * read () { yield content } }
        }
      },
    }
    let puts = 0
    const sink = { put () { if (++puts % 50_000 === 0) most = Math.max(most, usedBytes()) } }
    const before = usedBytes()
    const built = await buildTree(tree, sink, { profile, hashes: countingHashes() })
    expect(built.fileBytes).toBe(200 * count)
    expect(built.blocks).toBe(puts)
    expect((most - before) / count).toBeLessThan(150)
  })
  it('is some 11 MiB with a scratch file, however many entries there are', async () => {
    const count = long ? 10_000_000 : 1_000_000
    const folder = await mkdtemp(join(tmpdir(), 'unixfs-builder-'))
    let file: WritableFile | undefined
    try {
      let [most, puts] = [0, 0]
      const look = (): void => { most = Math.max(most, usedBytes()) }
      const sink = { put () { if (++puts % (count / 100) === 0) look() } }
      const hashes = countingHashes()
      const cid = CID.createV1(0x55, Digest.create(0x12, hashes.digest(0x12, new Uint8Array(0))))
      const before = usedBytes()
      const scratch = new Scratch(async () => file = await openWritableFile(join(folder, 'scratch'), 'new'))
      const writer = createBlockWriter(rulesOf('unixfs-v1-2025'), sink, hashes, { identity: 'put' })
      const builder = new DirectoryBuilder(writer, '', { scratch, memoryBytes: 8 * MIB })
      for (let i = 0; i < count; i++) {
        if (i % (count / 40) === 0) look()
        await builder.add(`photo-${String(i).padStart(8, '0')}.jpg`, { cid, dagBytes: 200 }, {})
      }
      const built = await builder.finish({})
      expect(built.blocks).toBe(puts)
      expect(file!.sizeBytes).toBe(78 * count)
      expect(most - before).toBeLessThan(16 * MIB)
    } finally {
      await file?.close()
      await rm(folder, { recursive: true })
    }
  })
})
