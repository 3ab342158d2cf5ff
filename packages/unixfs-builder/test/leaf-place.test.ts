import { openHashes } from '@dagstore/hashes/node'
import { seededBytes } from '@dagstore-tooling/fixtures'
import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import type { BlockSink, LeafPlace } from '../src/block-writer.ts'
import { buildFile, buildTree, type BuildFileOptions } from '../src/tree.ts'
import { directory, file, link } from './sinks.ts'

const MIB = 1 << 20
const hashes = await openHashes()

interface Put { readonly cid: CID, readonly bytes: Uint8Array, readonly leaf: LeafPlace | undefined }

const recording = (): { puts: Put[], sink: BlockSink } => {
  const puts: Put[] = []
  return { puts, sink: { put: (cid, bytes, leaf) => { puts.push({ cid, bytes, leaf }) } } }
}

describe('the place of a leaf', () => {
  it.each(['lotus-2021', 'unixfs-v1-2025'] as const)('says which bytes of which file each raw block is, under %s', async (profile) => {
    const contents = new Map([
      ['large', seededBytes(1, 2 * MIB + 300)], ['short', seededBytes(2, 40)], ['empty', new Uint8Array(0)],
      ['below/again', seededBytes(2, 40)], ['below/deeper/é', seededBytes(3, MIB)],
    ])
    const of = (path: string): ReturnType<typeof file> => file(path.split('/').at(-1)!, contents.get(path)!)
    const tree = directory('given', of('large'), of('short'), of('empty'), link('to', 'large'),
      directory('below', of('below/again'), directory('deeper', of('below/deeper/é'))))
    const { puts, sink } = recording()
    await buildTree(tree, sink, { hashes, profile, links: 'keep' })
    for (const { cid, bytes, leaf } of puts) {
      expect(leaf !== undefined, cid.toString()).toBe(cid.code === 0x55)
      if (leaf !== undefined) expect(Buffer.from(contents.get(leaf.path)!.subarray(leaf.offset, leaf.offset + bytes.byteLength)).equals(bytes)).toBe(true)
    }
    expect(puts.flatMap(({ leaf }) => leaf === undefined ? [] : [`${leaf.path} ${leaf.offset}`])).toEqual([
      'large 0', `large ${MIB}`, `large ${2 * MIB}`, 'short 0', 'empty 0', 'below/again 0', 'below/deeper/é 0',
    ])
  })
  it('has an empty path in a file that is the root', async () => {
    const places = async (build: (sink: BlockSink, options: BuildFileOptions) => Promise<unknown>): Promise<unknown> => {
      const { puts, sink } = recording()
      await build(sink, { hashes })
      return puts.map(({ leaf }) => leaf)
    }
    const content = seededBytes(4, MIB + 5)
    const want = [{ path: '', offset: 0 }, { path: '', offset: MIB }, undefined]
    expect(await places((sink, options) => buildFile([content], sink, options))).toEqual(want)
    expect(await places((sink, options) => buildTree(file('named', content), sink, options))).toEqual(want)
  })
  it('is not given where leaves are UnixFS nodes', async () => {
    const { puts, sink } = recording()
    await buildTree(directory('', file('a', seededBytes(5, 600_000))), sink, { hashes, profile: 'unixfs-v0-2015' })
    expect(puts.length).toBeGreaterThan(3)
    expect(puts.every(({ leaf }) => leaf === undefined)).toBe(true)
  })
  it('leaves calls of two arguments to nodes, for sinks that take options third', async () => {
    const counts: number[] = []
    const sink: BlockSink = { put: (...given: unknown[]) => { counts.push(given.length) } }
    await buildFile([seededBytes(6, MIB + 200)], sink, { hashes })
    expect(counts).toEqual([3, 3, 2])
  })
})
