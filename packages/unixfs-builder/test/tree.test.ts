import type { TreeEntry } from '@dagstore/io'
import { openHashes } from '@dagstore/hashes/node'
import { seededBytes } from '@dagstore-tooling/fixtures'
import { decode } from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import { exporter, recursive } from 'ipfs-unixfs-exporter'
import { importer } from 'ipfs-unixfs-importer'
import { describe, expect, it } from 'vitest'
import { MAX_DIRECTORY_BYTES } from '../src/directory.ts'
import { PROFILES } from '../src/profile.ts'
import { buildFile, buildTree } from '../src/tree.ts'
import { directory, file, link, memorySink } from './sinks.ts'

const hashes = await openHashes()
const some = seededBytes(1, 1000)

const nested = directory('root',
  directory('empty'), file('large', seededBytes(2, 300_000)), file('readme', some),
  directory('x', directory('y', file('deep', some.subarray(0, 10)), file('deeper', some.subarray(0, 500)))))

/** Paths and contents, as ipfs-unixfs-importer takes them. */
const listed = async function * (entry: TreeEntry, path: string): AsyncGenerator<{ path: string, content?: Uint8Array }> {
  if (entry.kind === 'link') throw new Error('no links')
  if (entry.kind === 'directory') {
    let empty = true
    for await (const child of entry.entries()) {
      empty = false
      yield * listed(child, `${path}/${child.name}`)
    }
    if (empty) yield { path }
    return
  }
  const parts: Uint8Array[] = []
  for await (const part of entry.read()) parts.push(part)
  yield { path, content: Buffer.concat(parts) }
}

describe.each(['unixfs-v1-2025', 'unixfs-v0-2015'] as const)('buildTree, %s', (profile) => {
  const theirs = async (tree: TreeEntry): Promise<{ root: string, blocks: Set<string> }> => {
    const blocks = new Set<string>()
    let root = ''
    for await (const { cid } of importer(listed(tree, 'root'), { put: async (put) => { blocks.add(put.toString()); return put } }, { profile })) root = cid.toString()
    return { root, blocks }
  }
  it.each([
    { what: 'a directory with one file', tree: directory('', file('a', some)) },
    { what: 'nested directories', tree: nested },
    { what: 'names beyond ASCII', tree: directory('', ...['A', 'a', 'a b', 'a.b', 'é', '日本語', '\u{1f600}', '～', 'n'.repeat(255)].map((name, i) => file(name, some.subarray(0, i * 50)))) },
  ])('names $what as ipfs-unixfs-importer does', async ({ tree }) => {
    const sink = memorySink()
    const built = await buildTree(tree, sink, { profile, hashes })
    const want = await theirs(tree)
    expect(built.cid.toString()).toBe(want.root)
    expect(new Set(sink.order)).toEqual(want.blocks)
  })
  it('shards a directory from the same size on', async () => {
    // the directory whose size is the threshold, as far as names of one length go, and the next one
    const linkBytes = profile === 'unixfs-v1-2025' ? 55 : 34 + 11
    const largest = Math.floor((262_144 - (profile === 'unixfs-v1-2025' ? 4 : 0)) / linkBytes)
    for (const [count, type] of [[largest, 'directory'], [largest + 1, 'hamt-sharded-directory']] as const) {
      const tree = directory('', ...Array.from({ length: count }, (_, i) => file(`name-${String(i).padStart(6, '0')}`, some.subarray(0, 20))))
      const sink = memorySink()
      const built = await buildTree(tree, sink, { profile, hashes })
      expect(UnixFS.unmarshal(decode(sink.blocks.get(built.cid.toString())!).Data!).type).toBe(type)
      expect(built.cid.toString()).toBe((await theirs(tree)).root)
    }
  })
})

describe.each(PROFILES)('buildTree, %s', (profile) => {
  it('gives blocks from which the tree is read back', async () => {
    const sink = memorySink()
    const built = await buildTree(nested, sink, { profile, hashes })
    const found: string[] = []
    for await (const { cid, path } of recursive(built.cid, sink)) {
      const entry = await exporter(cid, sink)
      if (entry.type === 'object') throw new Error('not UnixFS')
      let length = 0
      if (entry.type !== 'directory') for await (const chunk of entry.content()) length += chunk.byteLength
      found.push(`${path.split('/').slice(1).join('/')} ${entry.type === 'directory' ? 'directory' : length}`)
    }
    expect(found.sort()).toEqual([' directory', 'empty directory', 'large 300000', 'readme 1000', 'x directory', 'x/y directory', 'x/y/deep 10', 'x/y/deeper 500'])
    expect(built.fileBytes).toBe(301_510)
    expect(built.blocks).toBe(sink.order.length)
  })
  it('sorts links by the bytes of the names, whatever order they come in', async () => {
    const names = ['b', 'a', 'B', '～', '\u{1f600}', 'é', 'ab', 'a b', 'a.b']
    const sink = memorySink()
    const { cid } = await buildTree(directory('', ...names.map((name) => file(name, some))), sink, { profile, hashes })
    const turned = await buildTree(directory('', ...names.toReversed().map((name) => file(name, some))), memorySink(), { profile, hashes })
    expect(decode(sink.blocks.get(cid.toString())!).Links.map(({ Name }) => Name)).toEqual(['B', 'a', 'a b', 'a.b', 'ab', 'b', 'é', '～', '\u{1f600}'])
    expect(turned.cid.toString()).toBe(cid.toString())
  })
  it('names a file alone as buildFile does, whatever its own name', async () => {
    const alone = await buildTree(file('name', some), memorySink(), { profile, hashes })
    expect(alone.cid.toString()).toBe((await buildFile([some], memorySink(), { profile, hashes })).cid.toString())
  })
  it('says in each link how large the tree below it is', async () => {
    const sink = memorySink()
    const { cid, dagBytes } = await buildTree(nested, sink, { profile, hashes })
    const sizeOf = (at: string): number => {
      const bytes = sink.blocks.get(at)!
      const isRaw = at.startsWith('bafk')
      return bytes.byteLength + (isRaw ? 0 : decode(bytes).Links.reduce((sum, child) => {
        const size = sizeOf(child.Hash.toString())
        expect(child.Tsize).toBe(size)
        return sum + size
      }, 0))
    }
    expect(sizeOf(cid.toString())).toBe(dagBytes)
  })
  it('takes a directory of ten thousand small files', async () => {
    const entries = Array.from({ length: 10_000 }, (_, i) => file(`file-${String(i).padStart(5, '0')}.bin`, some.subarray(0, 60 + i % 30)))
    const built = await buildTree(directory('', ...entries), { put () {} }, { profile, hashes })
    expect(built.fileBytes).toBe(entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))
  })
})

describe('buildTree, symbolic links', () => {
  const tree = directory('', file('a', some), directory('d', link('l', '../a')))
  it('are refused by default, with their path', async () => {
    await expect(buildTree(tree, memorySink(), { hashes })).rejects.toMatchObject({ code: 'UNIXFS_LINK', path: 'd/l' })
    await expect(buildTree(link('l', 'a'), memorySink(), { hashes })).rejects.toMatchObject({ code: 'UNIXFS_LINK', path: '' })
  })
  it('are left out when told', async () => {
    const skipped = await buildTree(tree, memorySink(), { hashes, links: 'skip' })
    const without = await buildTree(directory('', file('a', some), directory('d')), memorySink(), { hashes })
    expect(skipped.cid.toString()).toBe(without.cid.toString())
    await expect(buildTree(link('l', 'a'), memorySink(), { hashes, links: 'skip' })).rejects.toMatchObject({ code: 'UNIXFS_LINK' })
  })
  it('are small identity CIDs under lotus-2021', async () => {
    const { cid } = await buildTree(link('l', 'a'), memorySink(), { hashes, links: 'keep' })
    expect(Buffer.from(cid.bytes).toString('hex')).toBe('01700007' + '0a050804120161')
  })
  it('are kept as symlink nodes when told', async () => {
    const sink = memorySink()
    const { cid } = await buildTree(link('l', '../é'), sink, { hashes, links: 'keep', profile: 'unixfs-v1-2025' })
    const node = UnixFS.unmarshal(decode(sink.blocks.get(cid.toString())!).Data!)
    expect(node.type).toBe('symlink')
    expect(new TextDecoder().decode(node.data)).toBe('../é')
  })
})

describe('buildTree, when things go wrong', () => {
  it.each(['', '.', '..', 'a/b', 'a\0b', '\ud800', 'a\udc00b'])('refuses an entry named %j', async (name) => {
    await expect(buildTree(directory('', directory('d', file(name, some))), memorySink(), { hashes })).rejects.toMatchObject({ code: 'UNIXFS_BAD_NAME', path: `d/${name}` })
  })
  it.each(['\ud800', '../a\udc00b', 'a\ud83d', '\ude00\ud83d'])('refuses a symbolic link to %j, which would become another one', async (target) => {
    const tree = directory('', directory('d', link('l', target)))
    await expect(buildTree(tree, memorySink(), { hashes, links: 'keep' })).rejects.toMatchObject({ code: 'UNIXFS_LINK', path: 'd/l' })
    expect((await buildTree(tree, memorySink(), { hashes, links: 'skip' })).fileBytes).toBe(0)
  })
  it('takes a symbolic link to any well-formed text', async () => {
    for (const target of ['', '/', 'a\0b', '\u{1f600}/..']) {
      const sink = memorySink()
      const { cid } = await buildTree(link('l', target), sink, { hashes, links: 'keep', profile: 'unixfs-v1-2025' })
      expect(new TextDecoder().decode(UnixFS.unmarshal(decode(sink.blocks.get(cid.toString())!).Data!).data)).toBe(target)
    }
  })
  it('refuses two entries of one name', async () => {
    await expect(buildTree(directory('', file('a', some), file('a', some)), memorySink(), { hashes })).rejects.toMatchObject({ code: 'UNIXFS_BAD_NAME', path: 'a' })
  })
  it('refuses a directory that no block of a CAR holds, under the profile that never shards, as soon as it is too large', async () => {
    const one = file('', some.subarray(0, 100))
    let taken = 0
    const tree: TreeEntry = {
      kind: 'directory',
      name: '',
      async * entries () {
        for (; taken < 100_000; taken++) yield { ...one, name: `${'n'.repeat(240)}-${String(taken).padStart(6, '0')}` }
      },
    }
    let longest = 0
    const sink = { put: (_: unknown, bytes: Uint8Array) => { longest = Math.max(longest, bytes.byteLength) } }
    await expect(buildTree(directory('', { ...tree, name: 'd' }), sink, { hashes })).rejects.toMatchObject({ code: 'UNIXFS_DIRECTORY_TOO_LARGE', path: 'd' })
    // 361 bytes for each entry
    expect(taken).toBe(Math.ceil((MAX_DIRECTORY_BYTES - 4 + 1) / 361) - 1)
    expect(longest).toBe(100)
  })
  it('refuses two entries of one name that do not follow each other', async () => {
    await expect(buildTree(directory('', directory('d', file('b', some), file('a', some), file('b', some))), memorySink(), { hashes })).rejects.toMatchObject({ code: 'UNIXFS_BAD_NAME', path: 'd/b' })
  })
  it('ends the entries it walks, whatever fails', async () => {
    const broken = new Error('full')
    let ended = 0
    const walked = (...entries: TreeEntry[]): TreeEntry => ({
      kind: 'directory',
      name: 'd',
      async * entries () {
        try {
          yield * entries
        } finally {
          ended++
        }
      },
    })
    const sink = { put: async () => { throw broken } }
    await expect(buildTree({ ...walked(walked(file('a', some), file('b', some)), file('c', some)), name: '' }, sink, { hashes })).rejects.toBe(broken)
    expect(ended).toBe(2)
  })
  it.each(['unixfs-v1-2025', 'unixfs-v0-2015'] as const)('stops between the nodes of a sharded directory on abort, and hands on an error of the sink there; %s', async (profile) => {
    const tree = directory('', ...Array.from({ length: 7000 }, (_, i) => file(`name-${i}`, some.subarray(0, 300))))
    const reason = new Error('enough')
    const control = new AbortController()
    let puts = 0
    await expect(buildTree(tree, { put () { if (++puts === 7003) control.abort(reason) } }, { hashes, profile, signal: control.signal })).rejects.toBe(reason)
    expect(puts).toBe(7003)
    puts = 0
    await expect(buildTree(tree, { put: async () => { if (++puts === 7003) throw reason } }, { hashes, profile })).rejects.toBe(reason)
    expect(puts).toBe(7003)
  })
  it('takes from a file no more than the sink has taken, but for one chunk', async () => {
    let [given, taken] = [0, 0]
    const content = async function * (): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 20; i++) {
        given++
        expect(given - taken).toBeLessThanOrEqual(5)
        yield new Uint8Array(1 << 18)
      }
    }
    await buildFile(content(), { put: async () => { await new Promise((resolve) => { setImmediate(resolve) }); taken += 4 } }, { hashes, profile: 'unixfs-v1-2025' })
    expect(given).toBe(20)
  })
  it('rejects with the reason of an abort between entries', async () => {
    const reason = new Error('enough')
    const control = new AbortController()
    const tree: TreeEntry = { kind: 'directory', name: '', async * entries () { yield file('a', some); control.abort(reason); yield file('b', some) } }
    await expect(buildTree(tree, memorySink(), { hashes, signal: control.signal })).rejects.toBe(reason)
  })
  it('hands on the errors of entries', async () => {
    const broken = new Error('disk')
    // oxlint-disable-next-line require-yield
    const tree: TreeEntry = { kind: 'directory', name: '', async * entries () { throw broken } }
    await expect(buildTree(directory('', tree, { ...directory('d'), entries: tree.entries }), memorySink(), { hashes })).rejects.toMatchObject({ code: 'UNIXFS_BAD_NAME' })
    await expect(buildTree(tree, memorySink(), { hashes })).rejects.toBe(broken)
  })
  it('reports the file bytes of a whole tree, with the total of a file alone', async () => {
    const seen: unknown[] = []
    await buildTree(directory('', file('a', some), file('b', some)), memorySink(), { hashes, onProgress: (progress) => { seen.push(progress) } })
    await buildTree(file('a', some), memorySink(), { hashes, onProgress: (progress) => { seen.push(progress) } })
    expect(seen).toEqual([{ doneBytes: 1000, totalBytes: undefined }, { doneBytes: 2000, totalBytes: undefined }, { doneBytes: 1000, totalBytes: 1000 }])
  })
})
