import { openHashes } from '@dagstore/hashes/node'
import type { TreeFile, TreeReadOptions } from '@dagstore/io'
import { seededBytes } from '@dagstore-tooling/fixtures'
import { describe, expect, it } from 'vitest'
import type { BlockSink, LeafPlace } from '../src/block-writer.ts'
import { buildTree } from '../src/tree.ts'
import { directory, file, memorySink } from './sinks.ts'

const hashes = await openHashes()
const MIB = 1 << 20

describe('files that give all of their bytes at once', () => {
  it.each([0, 1, 126, 127, 5000, MIB])('become the same blocks, in the same places, %i bytes', async (length) => {
    const content = seededBytes(4, length)
    const build = async (entry: TreeFile): Promise<unknown> => {
      const puts: [string, LeafPlace | undefined][] = []
      const progress: number[] = []
      const sink: BlockSink = { put: (cid, bytes, leaf) => { puts.push([`${cid.toString()} ${bytes.byteLength}`, leaf]) } }
      const built = await buildTree(directory('root', entry), sink, { hashes, onProgress: ({ doneBytes }) => progress.push(doneBytes) })
      return { puts, progress, root: built.cid.toString(), fileBytes: built.fileBytes, dagBytes: built.dagBytes, blocks: built.blocks }
    }
    const plain = file('a', content)
    const read = (): never => { throw new Error('read though the bytes were there') }
    const want = await build(plain)
    expect(await build({ ...plain, read, readAll: () => content.slice() })).toEqual(want)
    expect(await build({ ...plain, read, readAll: async () => content.slice() })).toEqual(want)
    expect(await build({ ...plain, readAll: async () => undefined })).toEqual(want)
  })

  it('are not asked when they are longer than a chunk, and read when they give more than one', async () => {
    const content = seededBytes(5, MIB + 1)
    const plain = file('a', content)
    const want = (await buildTree(plain, memorySink(), { hashes })).cid.toString()
    const readAll = (): never => { throw new Error('asked') }
    expect((await buildTree({ ...plain, readAll }, memorySink(), { hashes })).cid.toString()).toBe(want)
    expect((await buildTree({ ...plain, sizeBytes: 1, readAll: () => content }, memorySink(), { hashes })).cid.toString()).toBe(want)
  })

  it('end with the reason of a signal while they are waited for', async () => {
    const reason = new Error('enough')
    const ending = new AbortController()
    const building = buildTree({ ...file('a', seededBytes(6, 10)), readAll: () => new Promise<undefined>(() => {}) }, memorySink(), { hashes, signal: ending.signal })
    ending.abort(reason)
    await expect(building).rejects.toBe(reason)
  })
})

describe('memory of chunks', () => {
  it.each([[undefined, false], [true, false], [false, true]])('is borrowed only for a sink that keeps nothing, keepsBytes %s', async (keepsBytes, isBorrowed) => {
    const asked: unknown[] = []
    const plain = file('a', seededBytes(7, 3000))
    const entry: TreeFile = {
      ...plain,
      read: (options?: TreeReadOptions) => {
        asked.push(options?.isBorrowed)
        return plain.read(options)
      },
    }
    await buildTree(entry, { ...memorySink(), ...(keepsBytes === undefined ? {} : { keepsBytes }) }, { hashes })
    expect(asked).toEqual([isBorrowed])
  })
})
