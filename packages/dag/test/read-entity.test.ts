import { exporter } from 'ipfs-unixfs-exporter'
import { importer } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced, trickle } from 'ipfs-unixfs-importer/layout'
import fc from 'fast-check'
import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { readEntity, type ReadEntityOptions, resolvePath, walkPath } from '../src/index.ts'
import { all, IDENTITY, joined, MemoryDag, text } from './blocks.ts'
import { directory, type FileNode, fileNode, pbNode, rawLeaf, shard, symlink } from './unixfs-blocks.ts'

/** A store for both the importer and the walk. */
class FileDag extends MemoryDag {
  async put (cid: CID, block: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<CID> {
    const parts: Uint8Array[] = []
    if (block instanceof Uint8Array) parts.push(block)
    else for await (const part of block) parts.push(part)
    this.blocks.set(String(cid), new Uint8Array(Buffer.concat(parts)))
    return cid
  }
}

const content = (size: number, seed = 1): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8) * 7 + seed) & 0xff)

const imported = async (dag: FileDag, bytes: Uint8Array, layout: typeof balanced, rawLeaves: boolean): Promise<CID> => {
  const [file] = await all(importer([{ content: bytes }], dag as never, { chunker: fixedSize({ chunkSize: 10 }), layout: layout({ maxChildrenPerNode: 3 } as never), rawLeaves, cidVersion: 1, reduceSingleLeafToSelf: true }))
  return file!.cid as CID
}

/** What a range of bytes is, written down simply. */
const slice = (bytes: Uint8Array, from = 0, to?: number): Uint8Array => {
  const first = from < 0 ? Math.max(bytes.byteLength + from, 0) : from
  const last = to === undefined ? bytes.byteLength - 1 : to < 0 ? bytes.byteLength + to : to
  return last < first ? new Uint8Array(0) : bytes.slice(first, last + 1)
}

describe('readEntity', () => {
  it.each([0, 1, 9, 10, 11, 30, 31, 90, 91, 400].flatMap((size) => [[size, 'balanced', balanced], [size, 'trickle', trickle]] as const))('reads a file of %d bytes in the %s layout, whole and in parts', async (size, _, layout) => {
    for (const rawLeaves of [true, false]) {
      const dag = new FileDag()
      const bytes = content(size)
      const cid = await imported(dag, bytes, layout as never, rawLeaves)
      expect(await joined(readEntity(dag, cid))).toEqual(bytes)
      expect((await resolvePath(dag, cid, '')).fileBytes).toBe(size)
      const places = [0, 1, 9, 10, 11, 29, 30, 89, size - 1, size, size + 5, -1, -10, -11, -size, -size - 3]
      for (const from of places) {
        expect(await joined(readEntity(dag, cid, { from }))).toEqual(slice(bytes, from))
        for (const to of places) expect(await joined(readEntity(dag, cid, { from, to, lookAhead: 0 }))).toEqual(slice(bytes, from, to))
      }
      const entry = await exporter(cid as never, dag as never) as unknown as { content(): AsyncIterable<Uint8Array> }
      expect(await joined(entry.content())).toEqual(bytes)
    }
  })

  it('reads files of any shape, with data in inner nodes and nodes met again, reading no other blocks than walkPath', async () => {
    const shapes = fc.letrec<{ node: unknown }>((tie) => ({
      node: fc.oneof({ maxDepth: 4 }, fc.record({ raw: fc.integer({ min: 0, max: 4 }) }), fc.record({ inline: fc.integer({ min: 0, max: 3 }), parts: fc.array(tie('node'), { maxLength: 4 }) })),
    })).node
    await fc.assert(fc.asyncProperty(shapes, fc.integer({ min: -20, max: 20 }), fc.option(fc.integer({ min: -20, max: 20 }), { nil: undefined }), fc.integer({ min: 0, max: 3 }), async (shape, from, to, lookAhead) => {
      const dag = new MemoryDag()
      const build = (node: unknown): FileNode & { bytes: number[] } => {
        const { raw, inline = 0, parts = [] } = node as { raw?: number, inline?: number, parts?: unknown[] }
        if (raw !== undefined) {
          const bytes = Array.from({ length: raw }, (_, i) => 97 + i)
          return { ...rawLeaf(dag, Uint8Array.from(bytes)), bytes }
        }
        const made = parts.map(build)
        const own = Array.from({ length: inline }, (_, i) => 65 + i)
        return { ...fileNode(dag, Uint8Array.from(own), made), bytes: [...own, ...made.flatMap(({ bytes }) => bytes)] }
      }
      const file = build(shape)
      expect(await joined(readEntity(dag, file.cid, { from, to, lookAhead }))).toEqual(slice(Uint8Array.from(file.bytes), from, to))
      const read = [...dag.asked].sort()
      dag.asked.length = 0
      const walked = (await all(walkPath(dag, file.cid, { entityBytes: { from, to }, duplicates: true }))).map(({ cid }) => String(cid))
      expect(read).toEqual([...walked].sort())
      // without duplicates: the same blocks, each where it is met first
      expect((await all(walkPath(dag, file.cid, { entityBytes: { from, to }, lookAhead }))).map(({ cid }) => String(cid))).toEqual([...new Set(walked)])
    }), { seed: 11, numRuns: 400 })
  })

  it('reads identity CIDs, as the file itself and as a part of it', async () => {
    const dag = new MemoryDag()
    const inline = { cid: dag.add(text('inline'), 0x55, IDENTITY), size: 6 }
    expect(await joined(readEntity(dag, inline.cid, { from: 2 }))).toEqual(text('line'))
    expect(await joined(readEntity(dag, fileNode(dag, text('>'), [inline, inline]).cid))).toEqual(text('>inlineinline'))
  })

  it('gives no empty chunks, and one chunk a block', async () => {
    const dag = new MemoryDag()
    const empty = rawLeaf(dag, new Uint8Array(0))
    const file = fileNode(dag, text(''), [empty, rawLeaf(dag, text('a')), empty, fileNode(dag, text('b'), []), empty])
    expect(await all(readEntity(dag, file.cid))).toEqual([text('a'), text('b')])
    expect(await all(readEntity(dag, empty.cid))).toEqual([])
  })

  it('refuses what is no file', async () => {
    const dag = new MemoryDag()
    for (const cid of [directory(dag, {}), symlink(dag, 'x'), shard(dag, 256, []), dag.cbor({}), pbNode(dag, undefined), pbNode(dag, text('?')), dag.add(text('?'), 0x90)]) {
      await expect(joined(readEntity(dag, cid))).rejects.toMatchObject({ code: 'DAG_NOT_FILE' })
    }
  })

  it('gives the bytes before the damage, then rejects', async () => {
    const dag = new MemoryDag()
    const parts = ['aa', 'bb', 'cc'].map((words) => rawLeaf(dag, text(words)))
    const read = async (cid: CID, options: ReadEntityOptions = {}): Promise<unknown[]> => {
      const seen: unknown[] = []
      try {
        for await (const chunk of readEntity(dag, cid, options)) seen.push(new TextDecoder().decode(chunk))
      } catch (error) {
        seen.push((error as { code: string }).code)
      }
      return seen
    }
    const lying = fileNode(dag, text(''), parts, { sizes: [2, 1, 2], fileSize: 5 })
    expect(await read(lying.cid)).toEqual(['aa', 'DAG_BAD_UNIXFS'])
    const honest = fileNode(dag, text(''), parts)
    dag.blocks.set(String(parts[1]!.cid), text('xx'))
    expect(await read(honest.cid)).toEqual(['aa', 'DAG_HASH_MISMATCH'])
    expect(await read(honest.cid, { from: 4 })).toEqual(['cc'])
    dag.blocks.delete(String(parts[1]!.cid))
    for (const lookAhead of [0, 1, 4]) expect(await read(honest.cid, { lookAhead })).toEqual(['aa', 'BLOCKSTORE_NOT_FOUND'])
  })

  it('takes whole numbers only', async () => {
    const dag = new MemoryDag()
    for (const range of [{ from: 0.5 }, { to: Number.NaN }, { from: 2 ** 53 }]) await expect(joined(readEntity(dag, dag.raw('x'), range))).rejects.toThrow(RangeError)
  })
})
