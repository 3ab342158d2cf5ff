import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { carV1, makeBlock, seededBytes } from '@dagstore-tooling/fixtures'
import { treeDirectory, treeFile, treeLink } from '@dagstore-tooling/testkit'
import { createLink, createNode, encode } from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { decimalBytes } from '../src/car/node-lines.ts'
import { dagstore, temporaryFolder } from './terminal.ts'
import { carOfTree } from './unixfs-cars.ts'

const text = (words: string): Uint8Array => new TextEncoder().encode(words)
const big = seededBytes(7, 2_500_000)
/** The tree of go-car's own test of `extract`, and what else there may be. */
const tree = treeDirectory('root',
  treeDirectory('a', treeDirectory('1', treeFile('A.txt', text('a1A'))), treeDirectory('2', treeFile('B.txt', text('a2B')))),
  treeDirectory('b', treeDirectory('4', treeFile('D.txt', text('b4D'))), treeDirectory('5', treeFile('E.txt', text('b5E')))),
  treeFile('big', big),
  treeDirectory('hollow'),
  treeLink('link', 'a/1/A.txt'),
)
const whole = await carOfTree(tree)
const paths = ['a', 'a/1', 'a/1/A.txt', 'a/2', 'a/2/B.txt', 'b', 'b/4', 'b/4/D.txt', 'b/5', 'b/5/E.txt', 'big', 'hollow', 'link']

const folderWith = async (files: Readonly<Record<string, Uint8Array>>): Promise<string> => {
  const cwd = await temporaryFolder()
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(cwd, name), bytes)
  return cwd
}
const content = async (cwd: string, ...names: string[]): Promise<string> => readFile(join(cwd, ...names), 'utf8')

/** A directory by hand, so that it may have any names. */
const directory = (...entries: { readonly name: string, readonly cid: Uint8Array }[]): ReturnType<typeof makeBlock> =>
  makeBlock(encode(createNode(new UnixFS({ type: 'directory' }).marshal(), entries.map(({ name, cid }) => createLink(name, 1, CID.decode(cid))))), { codec: 0x70 })
const leaf = makeBlock(text('leaf'))
const link = (target: string): ReturnType<typeof makeBlock> => makeBlock(encode(createNode(new UnixFS({ type: 'symlink', data: text(target) }).marshal(), [])), { codec: 0x70 })

describe('dagstore car list', () => {
  it('lists files and directories below the roots with --unixfs, as go-car does', async () => {
    const cwd = await folderWith({ 'a.car': whole.v1, 'b.car': whole.v2 })
    for (const name of ['a.car', 'b.car']) {
      expect(await dagstore(cwd, ['car', 'list', '--unixfs', name])).toMatchObject({ code: 0, stdout: paths.map((path) => `${path}\n`).join(''), stderr: '' })
    }
    const [first] = (await dagstore(cwd, ['car', 'list', '--unixfs', '--json', 'a.car'])).stdout.split('\n')
    expect(JSON.parse(first!)).toEqual({ path: 'a', cid: expect.any(String) as string })
  })

  it('lists sharded directories, of which the entries have no prefix', async () => {
    const many = await carOfTree(treeDirectory('', ...Array.from({ length: 4000 }, (_, i) => treeFile(`a rather long name of a file, number ${i}`, new Uint8Array(0)))), { profile: 'unixfs-v0-2015' })
    const cwd = await folderWith({ 'a.car': many.v1 })
    const lines = (await dagstore(cwd, ['car', 'list', '--unixfs', 'a.car'])).stdout.trimEnd().split('\n')
    expect(new Set(lines).size).toBe(4000)
    expect(lines.every((line) => line.startsWith('a rather long name'))).toBe(true)
    expect((await dagstore(cwd, ['car', 'list', '-v', 'a.car'])).stdout).toContain('\tUnixfs HAMTShard\n')
  })

  it('says what is in each block with --verbose', async () => {
    const cwd = await folderWith({ 'a.car': carV1([], [leaf, directory({ name: 'x', cid: leaf.cid }, { name: 'y', cid: leaf.cid }), directory(...'abcde'.split('').map((name) => ({ name, cid: leaf.cid }))), makeBlock(Uint8Array.of(0xff), { codec: 0x70 }), makeBlock(encode(createNode(undefined as never, [])), { codec: 0x70 })]) })
    const { stdout, code } = await dagstore(cwd, ['car', 'list', '--verbose', 'a.car'])
    const cid = CID.decode(leaf.cid).toString()
    expect(code).toBe(0)
    expect(stdout).toContain(`raw: ${cid}\ndag-pb: `)
    expect(stdout).toContain(`\t2 links. 2 bytes\n\t\tx[1 B] ${cid}\n\t\ty[1 B] ${cid}\n\tUnixfs Directory\n`)
    expect(stdout).toContain(`\t\tc[1 B] ${cid}\n\t\t(5 total)\n\tUnixfs Directory\n`)
    expect(stdout).toContain('\tnot interpretable as dag-pb: ')
    expect(stdout).toContain('\t0 links. 0 bytes\n\tnot interpretable as unixfs: ')
  })

  it.each([[0, '0 B'], [9, '9 B'], [10, '10 B'], [907, '907 B'], [999, '999 B'], [1000, '1.0 kB'], [1049, '1.0 kB'], [1050, '1.1 kB'], [9999, '10 kB'], [52_428, '52 kB'], [82_854_982, '83 MB']])('shows %i bytes as go-humanize does', (bytes, shown) => {
    expect(decimalBytes(bytes)).toBe(shown)
  })

  it('hashes what it lists, unless it is trusted, and names the place', async () => {
    const bytes = carV1([], [leaf, makeBlock(text('good'))])
    bytes[bytes.byteLength - 1]! ^= 1
    const cwd = await folderWith({ 'a.car': bytes })
    const run = await dagstore(cwd, ['car', 'list', 'a.car'])
    expect(run).toMatchObject({ code: 1, stdout: `${CID.decode(leaf.cid).toString()}\n` })
    expect(run.stderr).toMatch(/^dagstore: a\.car: data does not hash to its CID; section=59 \(CARV2_HASH_MISMATCH\)\n$/)
    expect((await dagstore(cwd, ['car', 'list', '--trusted', 'a.car'])).code).toBe(0)
    expect((await dagstore(cwd, ['car', 'list', 'a.car', 'out'])).code).toBe(1)
    expect(existsSync(join(cwd, 'out'))).toBe(false)
  })

  it('lists blocks of hashes that are rare', async () => {
    const { createHash } = await import('node:crypto')
    const cid = Uint8Array.of(1, 0x78, 0x11, 20, ...createHash('sha1').update(leaf.data).digest())
    const cwd = await folderWith({ 'a.car': carV1([cid], [{ cid, multihash: cid.subarray(2), data: leaf.data }]) })
    expect(await dagstore(cwd, ['car', 'list', '-v', 'a.car'])).toMatchObject({ code: 0, stdout: `git-raw: ${CID.decode(cid).toString()}\n` })
    expect((await dagstore(cwd, ['car', 'verify', 'a.car'])).code).toBe(0)
    expect((await dagstore(cwd, ['car', 'get-block', 'a.car', CID.decode(cid).toString()])).stdout).toBe('leaf')
  })
})

describe('dagstore car extract', () => {
  it('tells what the disk refuses with a code of ours, and leaves nothing of it', async () => {
    const root = directory({ name: 'n'.repeat(300), cid: leaf.cid })
    const cwd = await folderWith({ 'a.car': carV1([root.cid], [root, leaf]) })
    const { code, stdout } = await dagstore(cwd, ['car', 'extract', '--json', 'a.car', 'out'])
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: { code: 'IO_FAILED' } })
    expect(await readdir(join(cwd, 'out'))).toEqual([])
  })

  it('writes everything below a directory and says how much', async () => {
    const cwd = await folderWith({ 'a.car': whole.v1 })
    expect(await dagstore(cwd, ['car', 'extract', 'a.car', 'out'])).toMatchObject({ code: 0, stdout: '', stderr: 'extracted 6 file(s)\n' })
    expect(await content(cwd, 'out', 'a', '1', 'A.txt')).toBe('a1A')
    expect(Buffer.compare(await readFile(join(cwd, 'out', 'big')), big)).toBe(0)
    expect(await readdir(join(cwd, 'out', 'hollow'))).toEqual([])
    expect(await readlink(join(cwd, 'out', 'link'))).toBe('a/1/A.txt')
    expect((await readdir(join(cwd, 'out'))).sort()).toEqual(['a', 'b', 'big', 'hollow', 'link'])
  })

  it('takes go-car\'s forms: -f, what is piped in, the current directory, into one that is there', async () => {
    const cwd = await folderWith({ 'a.car': whole.v2 })
    await mkdir(join(cwd, 'there'))
    expect((await dagstore(cwd, ['car', 'x', '-f', 'a.car', 'there'])).code).toBe(0)
    expect(await content(cwd, 'there', 'b', '4', 'D.txt')).toBe('b4D')
    expect((await dagstore(cwd, ['car', 'extract', '-', 'piped'], { stdin: whole.v1 })).code).toBe(0)
    expect(await content(cwd, 'piped', 'b', '4', 'D.txt')).toBe('b4D')
    expect((await dagstore(join(cwd, 'there'), ['car', 'extract', '--force', '../a.car'])).code).toBe(0)
    expect(JSON.parse((await dagstore(cwd, ['car', 'extract', '--json', 'a.car', 'told'])).stdout)).toEqual({ path: 'told', files: 6, missing: [] })
  })

  it('writes only what is at a path, with or without a slash before it', async () => {
    const cwd = await folderWith({ 'a.car': whole.v1 })
    expect((await dagstore(cwd, ['car', 'extract', 'a.car', '-p', 'b', 'part'])).stderr).toBe('extracted 2 file(s)\n')
    expect(await readdir(join(cwd, 'part'))).toEqual(['b'])
    expect(await dagstore(cwd, ['car', 'extract', 'a.car', '-v', '-p', '/a/2/B.txt', 'single'])).toMatchObject({ code: 0, stderr: 'single/a/2/B.txt\nextracted 1 file(s)\n' })
    expect(await content(cwd, 'single', 'a', '2', 'B.txt')).toBe('a2B')
    for (const [path, code] of [['b/nothing', 1], ['big/x', 1], ['a/../b', 2], ['a//1', 2]] as const) {
      const run = await dagstore(cwd, ['car', 'extract', 'a.car', '-p', path, 'none'])
      expect(run.code, path).toBe(code)
    }
  })

  it('writes one file to stdout, and no directory', async () => {
    const cwd = await folderWith({ 'a.car': whole.v1 })
    expect(await dagstore(cwd, ['car', 'extract', 'a.car', '-p', 'a/1/A.txt', '-'])).toMatchObject({ code: 0, stdout: 'a1A', stderr: 'extracted 1 file(s)\n' })
    expect(Buffer.compare((await dagstore(cwd, ['car', 'extract', 'a.car', '-p', 'big', '-'])).bytes, big)).toBe(0)
    const refused = await dagstore(cwd, ['car', 'extract', 'a.car', '-'])
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toContain('cannot extract a directory to stdout')
  })

  it('skips what is not in the CAR, and says so, as go-car does', async () => {
    const some = await carOfTree(tree, { leave: (_, data) => ['b4D', 'a2B'].includes(Buffer.from(data).toString()) })
    const cwd = await folderWith({ 'a.car': some.v1 })
    expect(await dagstore(cwd, ['car', 'extract', 'a.car', 'out'])).toMatchObject({
      code: 0,
      stderr: 'data for entry not found: /a/2/B.txt (skipping...)\ndata for entry not found: /b/4/D.txt (skipping...)\nextracted 4 file(s)\n',
    })
    const none = await dagstore(cwd, ['car', 'extract', 'a.car', '-p', 'b/4', 'none'])
    expect(none.code).toBe(1)
    expect(none.stderr).toBe('data for entry not found: /b/4/D.txt (skipping...)\ndagstore: a.car: no files extracted (COMMAND_REFUSED)\n')
    // a file of which a part is not there is no file
    const parts = await carOfTree(tree, { leave: (_, data) => data.byteLength === 2_500_000 - (2 << 20) })
    await writeFile(join(cwd, 'b.car'), parts.v1)
    const torn = await dagstore(cwd, ['car', 'extract', 'b.car', '-p', 'big', 'torn'])
    expect(torn.code).toBe(1)
    expect(torn.stderr).toContain('BLOCKSTORE_NOT_FOUND')
    expect(await readdir(join(cwd, 'torn'))).toEqual([])
  })

  it('writes over nothing unless forced', async () => {
    const cwd = await folderWith({ 'a.car': whole.v1 })
    await mkdir(join(cwd, 'out'))
    await writeFile(join(cwd, 'out', 'big'), 'mine')
    const run = await dagstore(cwd, ['car', 'extract', 'a.car', 'out'])
    expect(run.code).toBe(1)
    expect(run.stderr).toMatch(/^dagstore: out\/big: is there already \(IO_EXISTS\)\n$/)
    expect(await content(cwd, 'out', 'big')).toBe('mine')
    expect((await dagstore(cwd, ['car', 'extract', '--force', 'a.car', 'out'])).code).toBe(0)
    expect(Buffer.compare(await readFile(join(cwd, 'out', 'big')), big)).toBe(0)
  })

  it.each([
    { why: 'a name with a separator', root: directory({ name: '../evil', cid: leaf.cid }), blocks: [] },
    { why: 'a name that leads up', root: directory({ name: '..', cid: leaf.cid }), blocks: [] },
    { why: 'no name', root: directory({ name: '', cid: leaf.cid }), blocks: [] },
    { why: 'a name with a NUL', root: directory({ name: 'a\0b', cid: leaf.cid }), blocks: [] },
    { why: 'a link that leads out', root: directory({ name: 'l', cid: link('../x').cid }), blocks: [link('../x')] },
    { why: 'a link to an absolute place', root: directory({ name: 'l', cid: link('/etc').cid }), blocks: [link('/etc')] },
    { why: 'two entries of one name', root: directory({ name: 'x', cid: leaf.cid }, { name: 'x', cid: leaf.cid }), blocks: [] },
  ])('refuses $why, and stays below the directory', async ({ root, blocks }) => {
    const cwd = await folderWith({ 'a.car': carV1([root.cid], [root, leaf, ...blocks]) })
    const run = await dagstore(cwd, ['car', 'extract', 'a.car', 'in/out'])
    expect(run.code).toBe(1)
    expect(run.stderr).toMatch(/^dagstore: [^\n]+\n$/)
    expect(await readdir(cwd)).toEqual(expect.arrayContaining(['a.car']))
    expect(existsSync(join(cwd, 'in', 'evil'))).toBe(false)
  })

  it('follows no link on the way, be it from the CAR or there before', async () => {
    const inner = directory({ name: 'file', cid: leaf.cid })
    const away = link('a')
    const root = directory({ name: 'a', cid: inner.cid }, { name: 'b', cid: away.cid }, { name: 'b', cid: inner.cid })
    const cwd = await folderWith({ 'a.car': carV1([root.cid], [root, inner, away, leaf]) })
    const run = await dagstore(cwd, ['car', 'extract', 'a.car', 'out'])
    expect(run.code).toBe(1)
    expect(run.stderr).toContain('redirect')
    await mkdir(join(cwd, 'other'))
    await mkdir(join(cwd, 'second'))
    await symlink(join(cwd, 'other'), join(cwd, 'second', 'a'))
    expect((await dagstore(cwd, ['car', 'extract', 'a.car', 'second'])).code).toBe(1)
    expect(await readdir(join(cwd, 'other'))).toEqual([])
  })

  it('writes a root that is a file as `unknown`, and skips raw roots', async () => {
    const file = await carOfTree(treeFile('x', big))
    const cwd = await folderWith({ 'a.car': file.v1, 'raw.car': carV1([leaf.cid], [leaf]) })
    expect((await dagstore(cwd, ['car', 'extract', 'a.car', 'out'])).stderr).toBe('extracted 1 file(s)\n')
    expect(Buffer.compare(await readFile(join(cwd, 'out', 'unknown')), big)).toBe(0)
    const raw = await dagstore(cwd, ['car', 'extract', '-v', 'raw.car', 'out'])
    expect(raw).toMatchObject({ code: 1, stderr: `skipping raw root ${CID.decode(leaf.cid).toString()}\ndagstore: raw.car: no files extracted (COMMAND_REFUSED)\n` })
  })

  it('writes the CARv1 inside a CARv2 with --v1', async () => {
    const cwd = await folderWith({ 'a.car': whole.v2 })
    expect(await dagstore(cwd, ['car', 'extract', '--v1', 'a.car', 'b.car'])).toMatchObject({ code: 0, stdout: '', stderr: '' })
    expect(Buffer.compare(await readFile(join(cwd, 'b.car')), whole.v1)).toBe(0)
    expect(Buffer.compare((await dagstore(cwd, ['car', 'extract', '--v1', 'a.car'])).bytes, whole.v1)).toBe(0)
    expect((await dagstore(cwd, ['car', 'extract', '--v1', '--force', 'a.car', 'a.car'])).code).toBe(0)
    expect(Buffer.compare(await readFile(join(cwd, 'a.car')), whole.v1)).toBe(0)
  })
})

describe('dagstore car get-dag', () => {
  const part = CID.decode(whole.blocks.find(({ data }) => Buffer.from(data).includes('E.txt'))!.cid).toString()

  it('writes the DAG below the only root, or below a block, as a CARv2 that verifies', async () => {
    const cwd = await folderWith({ 'a.car': whole.v1 })
    expect(await dagstore(cwd, ['car', 'get-dag', 'a.car', 'all.car'])).toMatchObject({ code: 0, stdout: '', stderr: '' })
    expect((await dagstore(cwd, ['car', 'verify', '--complete', '--policy', 'index=required', 'all.car'])).code).toBe(0)
    expect((await dagstore(cwd, ['car', 'list', 'all.car'])).stdout.split('\n')).toHaveLength(whole.blocks.length + 1)
    expect((await dagstore(cwd, ['car', 'get-dag', 'a.car', part, 'part.car'])).code).toBe(0)
    expect((await dagstore(cwd, ['car', 'list', '--unixfs', 'part.car'])).stdout).toBe('E.txt\n')
    expect((await dagstore(cwd, ['car', 'root', 'part.car'])).stdout).toBe(`${part}\n`)
  })

  it('writes a CARv1 with --version 1, to stdout too', async () => {
    const cwd = await folderWith({ 'a.car': whole.v2 })
    const { bytes } = await dagstore(cwd, ['car', 'get-dag', '--version', '1', 'a.car', part, '-'])
    await writeFile(join(cwd, 'part.car'), bytes)
    expect((await dagstore(cwd, ['car', 'inspect', 'part.car'])).stdout).toMatch(/^Version: 1\n[^]*Block count: 2\n/)
    expect((await dagstore(cwd, ['car', 'gd', '--version', '1', 'a.car', '-o', 'same.car', part])).code).toBe(0)
    expect(Buffer.compare(await readFile(join(cwd, 'same.car')), bytes)).toBe(0)
  })

  it('writes the blocks on the way along a path, and of its end what the scope says', async () => {
    const cwd = await folderWith({ 'a.car': whole.v1 })
    const blocksOf = async (...args: string[]): Promise<number> => {
      const run = await dagstore(cwd, ['car', 'get-dag', '--json', '--force', ...args, 'a.car', 'x.car'])
      expect(run.stderr).toBe('')
      return (JSON.parse(run.stdout) as { blockCount: number }).blockCount
    }
    expect(await blocksOf('--path', 'a/1')).toBe(4)
    expect(await blocksOf('--path', '/a/1/', '--scope', 'entity')).toBe(3)
    expect(await blocksOf('--scope', 'block')).toBe(1)
    expect(await blocksOf('--path', 'big')).toBe(5)
    expect(await blocksOf('--path', 'big', '--bytes', '0:9')).toBe(3)
    expect(await blocksOf('--path', 'big', '--bytes', '-1:*')).toBe(3)
    expect((await dagstore(cwd, ['car', 'root', 'x.car'])).stdout).toBe(`${whole.root.toString()}\n`)
    for (const args of [['--scope', 'some'], ['--bytes', '1'], ['--bytes', '*:1'], ['--bytes', '0:1', '--scope', 'all']]) {
      expect((await dagstore(cwd, ['car', 'get-dag', ...args, 'a.car', 'y.car'])).code, args.join(' ')).toBe(2)
    }
    const none = await dagstore(cwd, ['car', 'get-dag', '--path', 'a/3', 'a.car', 'y.car'])
    expect(none.code).toBe(1)
    expect(none.stderr).toContain('DAG_NO_LINK')
    expect(existsSync(join(cwd, 'y.car'))).toBe(false)
  })

  it('takes a block of a codec that nobody here can read as one without links, and says so', async () => {
    const odd = makeBlock(text('tree'), { codec: 0x78 })
    const cwd = await folderWith({ 'a.car': carV1([odd.cid], [odd]) })
    expect(await dagstore(cwd, ['car', 'get-dag', 'a.car', 'b.car'])).toMatchObject({ code: 0, stderr: '1 block of a codec whose links nobody here can read\n' })
    const strict = await dagstore(cwd, ['car', 'get-dag', '--strict', 'a.car', 'c.car'])
    expect(strict.stderr).toContain('DAG_UNKNOWN_CODEC')
  })

  it('goes on without blocks that are not there and says so, or fails with --strict', async () => {
    const some = await carOfTree(tree, { leave: (_, data) => Buffer.from(data).toString() === 'b4D' })
    const cwd = await folderWith({ 'a.car': some.v1 })
    expect(await dagstore(cwd, ['car', 'get-dag', 'a.car', 'b.car'])).toMatchObject({ code: 0, stderr: '1 block of the DAG is not in this CAR\n' })
    const strict = await dagstore(cwd, ['car', 'get-dag', '--strict', 'a.car', 'c.car'])
    expect(strict.code).toBe(1)
    expect(strict.stderr).toContain('BLOCKSTORE_NOT_FOUND')
    expect(existsSync(join(cwd, 'c.car'))).toBe(false)
    const { stdout } = await dagstore(cwd, ['car', 'get-dag', '--json', 'a.car', 'd.car'])
    expect(JSON.parse(stdout)).toMatchObject({ path: 'd.car', version: 2, blockCount: some.blocks.length, missing: [expect.any(String)] })
  })

  it('says that a root is not there, or that it does not know which', async () => {
    const cwd = await folderWith({ 'two.car': carV1([leaf.cid, whole.root.bytes], [leaf, ...whole.blocks]), 'a.car': whole.v1 })
    for (const [args, code] of [[['two.car', 'x.car'], 2], [['a.car', CID.decode(leaf.cid).toString(), 'x.car'], 1], [['a.car', 'no-cid', 'x.car'], 2], [['a.car'], 2], [['a.car', part, 'x', 'y'], 2], [['--version', '3', 'a.car', 'x'], 2]] as const) {
      const run = await dagstore(cwd, ['car', 'get-dag', ...args])
      expect(run.code, args.join(' ')).toBe(code)
      expect(existsSync(join(cwd, 'x.car'))).toBe(false)
    }
  })
})
