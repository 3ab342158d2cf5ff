/** UnixFS roots of boxo for shapes at a border, built by our packages; `go/unixfs-shapes` says what each is. */
import { readFileSync } from 'node:fs'
import { createMemoryDirectory, type TreeDirectory, type TreeEntry, type WritableFile } from '@dagstore/io'
import { openHashes } from '@dagstore/hashes/node'
import { buildFile, buildTree, type Profile } from '@dagstore/unixfs-builder'
import { describe, expect, it } from 'vitest'

interface Shape {
  readonly name: string
  readonly series?: number
  readonly names?: readonly string[]
  readonly links?: readonly { readonly name: string, readonly target: string }[]
  readonly directories?: number
}

interface Shapes {
  readonly files: readonly { readonly profile: Profile, readonly size: number, readonly root: string, readonly cumulative: number }[]
  readonly shapes: readonly Shape[]
  readonly directories: readonly { readonly profile: Profile, readonly shape: string, readonly root: string, readonly cumulative: number, readonly sharded: boolean }[]
}

const { files, shapes, directories } = JSON.parse(readFileSync(new URL('../vectors-unixfs/shapes.json', import.meta.url), 'utf8')) as Shapes
const hashes = await openHashes()
/** Files above this are for long runs. */
const LONG_BYTES = 1 << 28
const long = process.env['DAGSTORE_LONG'] === '1'

const zeros = function * (size: number): Generator<Uint8Array> {
  const part = new Uint8Array(1 << 20)
  for (let left = size; left > 0; left -= part.byteLength) yield part.subarray(0, left)
}

const digits = (i: number, count: number): string => String(i).padStart(count, '0')

const treeOf = ({ name, series = 0, names = [], links = [], directories: empty = 0 }: Shape): TreeDirectory => {
  const file = (its: string): TreeEntry => {
    const content = new TextEncoder().encode(String(new TextEncoder().encode(its).byteLength))
    return { kind: 'file', name: its, sizeBytes: content.byteLength, async * read () { yield content } }
  }
  return {
    kind: 'directory',
    name,
    async * entries () {
      for (let i = 0; i < series; i++) yield file(`entry-${digits(i, 6)}`)
      for (const its of names) yield file(its)
      for (const link of links) yield { kind: 'link', ...link }
      for (let i = 0; i < empty; i++) yield { kind: 'directory', name: `dir-${digits(i, 4)}`, async * entries () {} }
    },
  }
}

describe.each(files)('a file of $size zero bytes under $profile', ({ profile, size, root, cumulative }) => {
  it('has the root that boxo gives it', async ({ skip }) => {
    skip(size > LONG_BYTES && !long, 'a large input, made with DAGSTORE_LONG=1')
    const built = await buildFile(zeros(size), { put () {} }, { profile, hashes })
    expect({ root: built.cid.toString(), cumulative: built.dagBytes }).toEqual({ root, cumulative })
  })
})

describe.each(directories)('the directory $shape under $profile', ({ profile, shape, root, cumulative, sharded }) => {
  it('has the root that boxo gives it', async () => {
    const tree = treeOf(shapes.find(({ name }) => name === shape)!)
    let last: Uint8Array | undefined
    const built = await buildTree(tree, { put (_, bytes) { last = bytes } }, { profile, hashes, links: 'keep' })
    expect({ root: built.cid.toString(), cumulative: built.dagBytes }).toEqual({ root, cumulative })
    // type 5 of UnixFS, behind the links
    expect(Buffer.from(last!).includes(Buffer.from('0805', 'hex'), last!.byteLength - 60)).toBe(sharded)
    const scratch = (): Promise<WritableFile> => createMemoryDirectory().openWritable('scratch', 'new')
    const spilled = await buildTree(tree, { put () {} }, { profile, hashes, links: 'keep', scratch, memoryBytes: 10_000 })
    expect(spilled, 'on a scratch file').toEqual(built)
  })
})
