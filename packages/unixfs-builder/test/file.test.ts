import { createHashes } from '@dagstore/hashes'
import { openHashes } from '@dagstore/hashes/node'
import { seededBytes } from '@dagstore-tooling/fixtures'
import { decode } from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import { exporter } from 'ipfs-unixfs-exporter'
import { importer } from 'ipfs-unixfs-importer'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { PROFILES } from '../src/profile.ts'
import { buildFile } from '../src/tree.ts'
import { memorySink } from './sinks.ts'

const MIB = 1 << 20
const hashes = await openHashes()

/** `count` bytes that are quick to make. */
const bytesOf = (count: number): Uint8Array => {
  const pattern = seededBytes(count, 65_536 - 7)
  const out = new Uint8Array(count)
  for (let at = 0; at < count; at += pattern.byteLength) out.set(pattern.subarray(0, count - at), at)
  return out
}

const isInline = (cid: CID): boolean => cid.multihash.code === 0

describe('buildFile, lotus-2021', () => {
  const build = async (size: number): Promise<{ cid: CID, dagBytes: number, blocks: number, sink: ReturnType<typeof memorySink> }> => {
    const sink = memorySink()
    return { ...await buildFile([bytesOf(size)], sink, { hashes }), sink }
  }

  it('makes an empty file an identity CID', async () => {
    expect((await build(0)).cid.toString()).toBe('bafkqaaa')
  })
  it.each([
    { size: 1, inline: true, codec: 0x55 }, { size: 126, inline: true, codec: 0x55 }, { size: 127, inline: false, codec: 0x55 }, { size: MIB, inline: false, codec: 0x55 },
    // two chunks: the root is short enough to be inlined, unless the tail that it links to is inlined and long
    { size: MIB + 1, inline: true, codec: 0x70 }, { size: MIB + 52, inline: true, codec: 0x70 }, { size: MIB + 53, inline: false, codec: 0x70 },
    { size: MIB + 126, inline: false, codec: 0x70 }, { size: MIB + 127, inline: true, codec: 0x70 }, { size: 2 * MIB, inline: true, codec: 0x70 },
    { size: 2 * MIB + 1, inline: false, codec: 0x70 }, { size: 3 * MIB, inline: false, codec: 0x70 },
  ])('makes of $size bytes a root that is inlined: $inline', async ({ size, inline, codec }) => {
    const { cid } = await build(size)
    expect(cid.code).toBe(codec)
    expect(cid.version).toBe(1)
    expect(isInline(cid)).toBe(inline)
    if (!inline) expect(cid.multihash.code).toBe(0xb220)
  })
  it('names 1 MiB of zeros as Lotus does', async () => {
    const { cid } = await buildFile([new Uint8Array(MIB)], memorySink(), { hashes })
    expect(cid.toString()).toBe('bafk2bzacedduqyg5osaop5fvvzyf7ejx5efavif4m7losdhya6g5m2l5xw3k2')
  })
  it('puts identity blocks too, or skips them when told', async () => {
    const content = [bytesOf(MIB + 5)]
    const [all, some] = [memorySink(), memorySink()]
    const put = await buildFile(content, all, { hashes })
    const skipped = await buildFile(content, some, { hashes, identity: 'skip' })
    expect(all.order.filter((cid) => isInline(CID.parse(cid)))).toHaveLength(2)
    expect(some.order.filter((cid) => isInline(CID.parse(cid)))).toHaveLength(0)
    expect([put.blocks, skipped.blocks]).toEqual([3, 1])
    expect(skipped.cid.equals(put.cid)).toBe(true)
  })
  it('counts inlined children in the size of the tree', async () => {
    const { dagBytes, sink, cid } = await build(MIB + 5)
    const root = sink.blocks.get(cid.toString())!
    expect(dagBytes).toBe(MIB + 5 + root.byteLength)
    expect(decode(root).Links.map(({ Tsize }) => Tsize)).toEqual([MIB, 5])
    expect(UnixFS.unmarshal(decode(root).Data!).blockSizes).toEqual([BigInt(MIB), 5n])
  })
})

describe.each(PROFILES)('buildFile, %s', (profile) => {
  it('gives blocks from which the file is read back', async () => {
    for (const size of [0, 1, 127, 300_000, 2 * MIB + 17]) {
      const content = bytesOf(size)
      const sink = memorySink()
      const { cid, fileBytes } = await buildFile([content], sink, { profile, hashes })
      expect(fileBytes).toBe(size)
      const entry = await exporter(cid, sink)
      if (entry.type === 'directory' || entry.type === 'object') throw new Error(`not a file; type=${entry.type}`)
      const out = new Uint8Array(size)
      let at = 0
      for await (const chunk of entry.content()) {
        out.set(chunk, at)
        at += chunk.byteLength
      }
      expect(at).toBe(size)
      expect(Buffer.compare(out, content)).toBe(0)
    }
  })
  it('does not depend on how the content is cut', async () => {
    const content = bytesOf(2 * MIB + 12_345)
    const whole = await buildFile([content], memorySink(), { profile, hashes })
    for (const part of [7919, 262_144, MIB, MIB + 1]) {
      const parts = function * (): Generator<Uint8Array> {
        yield new Uint8Array(0)
        for (let at = 0; at < content.byteLength; at += part) yield content.subarray(at, at + part)
      }
      expect((await buildFile(parts(), memorySink(), { profile, hashes })).cid.toString()).toBe(whole.cid.toString())
    }
  })
  it('gives the same with hashes in plain JavaScript', async () => {
    const content = bytesOf(300_001)
    const plain = await buildFile([content], memorySink(), { profile, hashes: createHashes() })
    expect(plain.cid.toString()).toBe((await buildFile([content], memorySink(), { profile, hashes })).cid.toString())
  })
  it('hands out blocks that later input does not change', async () => {
    const reused = new Uint8Array(100_000)
    const parts = function * (): Generator<Uint8Array> {
      for (let i = 0; i < 30; i++) yield reused.fill(i)
    }
    const sink = memorySink()
    await buildFile(parts(), sink, { profile, hashes })
    for (const [cid, bytes] of sink.blocks) {
      const { multihash } = CID.parse(cid)
      expect(hashes.matches(multihash.code, multihash.digest, bytes)).toBe(true)
    }
  })
  it('puts every block before the one that links to it', async () => {
    const sink = memorySink()
    const { cid } = await buildFile([bytesOf(3 * MIB + 1)], sink, { profile, hashes })
    const seen = new Set<string>()
    for (const put of sink.order) {
      if (CID.parse(put).code === 0x70) for (const { Hash } of decode(sink.blocks.get(put)!).Links) expect(seen.has(Hash.toString())).toBe(true)
      seen.add(put)
    }
    expect(sink.order.at(-1)).toBe(cid.toString())
  })
})

describe.each(['unixfs-v1-2025', 'unixfs-v0-2015'] as const)('buildFile, %s', (profile) => {
  const chunk = profile === 'unixfs-v1-2025' ? MIB : MIB / 4
  it.each([0, 1, 126, 127, chunk - 1, chunk, chunk + 1, 2 * chunk, 5 * chunk + 3, ...(profile === 'unixfs-v0-2015' ? [174 * chunk, 174 * chunk + 1, 175 * chunk + 1] : [])])('names %i bytes as ipfs-unixfs-importer does', async (size) => {
    const content = bytesOf(size)
    const [sink, theirs] = [memorySink(), new Map<string, Uint8Array>()]
    const built = await buildFile([content], sink, { profile, hashes })
    for await (const entry of importer([{ path: 'file', content }], { put: async (cid, bytes) => { theirs.set(cid.toString(), bytes as Uint8Array); return cid } }, { profile })) {
      expect(built.cid.toString()).toBe(entry.cid.toString())
      expect(BigInt(built.dagBytes)).toBe(entry.size)
    }
    expect([...sink.blocks.keys()].sort()).toEqual([...theirs.keys()].sort())
  })
})

describe('buildFile with many links', () => {
  // nodes with 174 links: 175 chunks and more make three levels with chunks of one length and one content
  it('holds no more than the links of one node per level', async () => {
    let puts = 0
    const parts = function * (): Generator<Uint8Array> {
      for (let i = 0; i < 174 * 3 + 1; i++) yield new Uint8Array(MIB / 4).fill(i & 1)
    }
    const { cid, blocks, fileBytes } = await buildFile(parts(), { put () { puts++ } }, { profile: 'unixfs-v0-2015', hashes })
    expect(puts).toBe(174 * 3 + 1 + 4 + 1)
    expect(blocks).toBe(puts)
    expect(fileBytes).toBe((174 * 3 + 1) * MIB / 4)
    expect(cid.version).toBe(0)
  })
})

describe('buildFile, when things go wrong', () => {
  const content = bytesOf(3 * MIB)
  it('rejects with the reason of an abort, before the first block and between blocks, and ends the content', async () => {
    const reason = new Error('enough')
    const sink = memorySink()
    await expect(buildFile([content], sink, { hashes, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(sink.order).toHaveLength(0)
    const control = new AbortController()
    let ended = false
    const parts = async function * (): AsyncGenerator<Uint8Array> {
      try {
        yield content
        control.abort(reason)
        yield content
        throw new Error('not to be asked for')
      } finally {
        ended = true
      }
    }
    await expect(buildFile(parts(), sink, { hashes, signal: control.signal })).rejects.toBe(reason)
    expect(ended).toBe(true)
  })
  it('hands on the errors of content and sink, and puts nothing more', async () => {
    const broken = new Error('disk')
    const failing = async function * (): AsyncGenerator<Uint8Array> {
      yield bytesOf(MIB)
      throw broken
    }
    await expect(buildFile(failing(), memorySink(), { hashes })).rejects.toBe(broken)
    let puts = 0
    await expect(buildFile([content], { put: async () => { puts++; throw broken } }, { hashes })).rejects.toBe(broken)
    expect(puts).toBe(1)
  })
  it('waits for each put before the next one', async () => {
    let open = 0
    const sink = {
      put: async () => {
        expect(open++).toBe(0)
        await new Promise((resolve) => { setImmediate(resolve) })
        open--
      },
    }
    await buildFile([content], sink, { hashes })
  })
  it('refuses a profile that it does not know', async () => {
    await expect(buildFile([], memorySink(), { hashes, profile: 'toString' as 'lotus-2021' })).rejects.toThrow(TypeError)
  })
  it('reports file bytes as they become leaves', async () => {
    const seen: unknown[] = []
    await buildFile([bytesOf(2 * MIB + 5)], memorySink(), { hashes, onProgress: (progress) => { seen.push(progress) } })
    expect(seen).toEqual([{ doneBytes: MIB, totalBytes: undefined }, { doneBytes: 2 * MIB, totalBytes: undefined }, { doneBytes: 2 * MIB + 5, totalBytes: undefined }])
  })
})
