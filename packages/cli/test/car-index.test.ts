import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { carV1, carV2, damaged, entriesOf, indexBytes, mixedBlocks, placedBlocks } from '@dagstore-tooling/fixtures'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { dagstore, temporaryFolder } from './terminal.ts'

const blocks = mixedBlocks(301)
const roots = [blocks[0]!.cid, blocks[6]!.cid]
const v1 = carV1(roots, blocks)
const rows = entriesOf(placedBlocks(roots, blocks))

const folderWith = async (files: Readonly<Record<string, Uint8Array>>): Promise<string> => {
  const cwd = await temporaryFolder()
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(cwd, name), bytes)
  return cwd
}
const read = async (cwd: string, name: string): Promise<Uint8Array> => new Uint8Array(await readFile(join(cwd, name)))

describe('dagstore car wrap and car index', () => {
  it.each([
    { what: 'go-car\'s WrapV1', args: ['--standard', '--identity', 'go-car-default'], expected: carV2({ roots, blocks, identityCids: 'excluded' }) },
    { what: 'all identity CIDs', args: ['--standard'], expected: carV2({ roots, blocks, fullyIndexed: true }) },
    { what: 'the codec of 2021', args: ['--codec', 'car-index-sorted', '--identity', 'lotus-2021'], expected: carV2({ roots, blocks, index: 0x0400 }) },
    { what: 'no index', args: ['--codec', 'none'], expected: carV2({ roots, blocks, index: 'none' }) },
  ])('give the bytes of a plain writer: $what', async ({ args, expected }) => {
    const cwd = await folderWith({ 'a.car': v1 })
    for (const command of ['wrap', 'index', 'i']) {
      expect(await dagstore(cwd, ['car', command, ...args, 'a.car', `${command}.car`]), command).toMatchObject({ code: 0, stdout: '', stderr: '' })
      expect(Buffer.compare(await read(cwd, `${command}.car`), expected), command).toBe(0)
    }
    expect(Buffer.compare((await dagstore(cwd, ['car', 'wrap', ...args, 'a.car'])).bytes, expected)).toBe(0)
    expect(Buffer.compare((await dagstore(cwd, ['car', 'wrap', ...args], { stdin: v1 })).bytes, expected)).toBe(0)
    expect(Buffer.compare((await dagstore(cwd, ['car', 'wrap', ...args, '-', '-o', '-'], { stdin: v1 })).bytes, expected)).toBe(0)
  })

  it('puts paddings where they are wanted', async () => {
    const cwd = await folderWith({ 'a.car': v1 })
    await dagstore(cwd, ['car', 'wrap', '--standard', '--data-padding', '1413', '--index-padding', '9', 'a.car', '-o', 'b.car'])
    expect(Buffer.compare(await read(cwd, 'b.car'), carV2({ roots, blocks, dataPadding: 1413, indexPadding: 9, fullyIndexed: true }))).toBe(0)
    expect((await dagstore(cwd, ['car', 'wrap', '--data-padding', '-1', 'a.car'])).code).toBe(2)
    expect((await dagstore(cwd, ['car', 'wrap', '--data-padding', 'many', 'a.car'])).code).toBe(2)
  })

  it('tell of the file as JSON, and want one then', async () => {
    const cwd = await folderWith({ 'a.car': v1 })
    const { stdout } = await dagstore(cwd, ['car', 'wrap', '--json', '--standard', 'a.car', 'b.car'])
    expect(JSON.parse(stdout)).toEqual({ path: 'b.car', version: 2, payloadBytes: v1.byteLength, entryCount: blocks.length, sizeBytes: (await read(cwd, 'b.car')).byteLength })
    const mixed = await dagstore(cwd, ['car', 'wrap', '--json', 'a.car'])
    expect(mixed.code).toBe(2)
    expect(JSON.parse(mixed.stdout)).toEqual({ ok: false, error: { code: 'COMMAND_USAGE', message: '--json needs an output file' } })
  })

  it('write files whole or not at all, and over no other unless forced', async () => {
    const cwd = await folderWith({ 'a.car': v1, 'mine': Uint8Array.of(1), 'torn.car': v1.subarray(0, -1) })
    for (const [args, named] of [[['a.car', 'mine'], 'mine'], [['a.car', 'a.car'], 'a.car'], [['torn.car', 'new'], 'torn.car'], [['gone.car', 'new'], 'gone.car']] as const) {
      const run = await dagstore(cwd, ['car', 'index', ...args])
      expect(run, named).toMatchObject({ code: 1, stdout: '' })
      expect(run.stderr, named).toMatch(new RegExp(`^dagstore: ${named.replaceAll('.', '\\.')}: [^\\n]+\\n$`))
    }
    expect((await readdir(cwd)).sort()).toEqual(['a.car', 'mine', 'torn.car'])
    expect((await dagstore(cwd, ['car', 'index', '--force', '--standard', 'a.car', 'a.car'])).code).toBe(0)
    expect(Buffer.compare(await read(cwd, 'a.car'), carV2({ roots, blocks, fullyIndexed: true }))).toBe(0)
  })

  it('strip a CARv2 with --version 1, as go-car does', async () => {
    const cwd = await folderWith({ 'a.car': carV2({ roots, blocks, dataPadding: 7 }) })
    expect(Buffer.compare((await dagstore(cwd, ['car', 'index', '--version', '1', 'a.car'])).bytes, v1)).toBe(0)
    expect((await dagstore(cwd, ['car', 'index', '--version', '1', '--codec', 'car-index-sorted', 'a.car'])).code).toBe(2)
    expect((await dagstore(cwd, ['car', 'index', '--version', '3', 'a.car'])).code).toBe(2)
    expect((await dagstore(cwd, ['car', 'index', '--codec', 'car-index-unsorted', 'a.car'])).code).toBe(2)
    expect((await dagstore(cwd, ['car', 'index'])).code).toBe(2)
  })

  it('drop zeros behind the last section unless told to keep them', async () => {
    const cwd = await folderWith({ 'a.car': carV1(roots, blocks, { paddingBytes: 99 }) })
    expect((await dagstore(cwd, ['car', 'wrap', '--codec', 'none', 'a.car'])).bytes.byteLength).toBe(51 + v1.byteLength)
    expect((await dagstore(cwd, ['car', 'wrap', '--codec', 'none', '--keep-padding', 'a.car'])).bytes.byteLength).toBe(51 + v1.byteLength + 99)
  })

  it('put the index into the file itself with --attach', async () => {
    const cwd = await folderWith({ 'a.car': damaged['v2-unknown-index-codec']!, 'v1.car': v1 })
    expect((await dagstore(cwd, ['car', 'verify', 'a.car'])).code).toBe(1)
    const { stdout } = await dagstore(cwd, ['car', 'index', '--attach', '--json', 'a.car'])
    expect(JSON.parse(stdout)).toMatchObject({ path: 'a.car', version: 2, indexOffset: 652 })
    expect((await dagstore(cwd, ['car', 'verify', '--complete', '--policy', 'index=required', 'a.car'])).code).toBe(0)
    const refused = await dagstore(cwd, ['car', 'index', '--attach', 'v1.car'])
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/^dagstore: v1\.car: .*wrap.*\(CARV2_NOT_V2\)\n$/)
    expect((await dagstore(cwd, ['car', 'index', '--attach', 'a.car', 'b.car'])).code).toBe(2)
  })

  it('stop at Ctrl-C with 130, and leave nothing', async () => {
    const cwd = await folderWith({ 'a.car': v1 })
    const run = await dagstore(cwd, ['car', 'wrap', 'a.car', 'b.car'], { signal: AbortSignal.abort(new Error('stop')) })
    expect(run.code).toBe(130)
    expect(await readdir(cwd)).toEqual(['a.car'])
  })
})

describe('dagstore car index create', () => {
  it('writes a detached index', async () => {
    const cwd = await folderWith({ 'a.car': v1 })
    expect(Buffer.compare((await dagstore(cwd, ['car', 'index', 'create', '--standard', 'a.car'])).bytes, indexBytes(0x0401, rows))).toBe(0)
    expect(Buffer.compare((await dagstore(cwd, ['car', 'index', 'create', '--codec', 'car-index-sorted', '--identity', 'go-car-default', 'a.car'])).bytes, indexBytes(0x0400, rows.filter(({ code }) => code !== 0)))).toBe(0)
    const { stdout } = await dagstore(cwd, ['car', 'index', 'create', '--json', 'a.car', 'a.idx'])
    expect(JSON.parse(stdout)).toEqual({ path: 'a.idx', entryCount: blocks.length, sizeBytes: (await read(cwd, 'a.idx')).byteLength })
    expect((await dagstore(cwd, ['car', 'index', 'create', '--codec', 'none', 'a.car'])).code).toBe(2)
  })
})

describe('dagstore car detach-index', () => {
  it('writes the index of a CARv2 into a file of its own', async () => {
    const cwd = await folderWith({ 'a.car': carV2({ roots, blocks }) })
    expect(await dagstore(cwd, ['car', 'detach-index', 'a.car', 'a.idx'])).toMatchObject({ code: 0, stdout: '', stderr: '' })
    expect(Buffer.compare(await read(cwd, 'a.idx'), indexBytes(0x0401, rows))).toBe(0)
    await dagstore(cwd, ['car', 'wrap', 'a.car', 'ours.car'])
    expect(Buffer.compare((await dagstore(cwd, ['car', 'detach-index', '--standard', 'ours.car'])).bytes, indexBytes(0x0401, rows))).toBe(0)
    expect((await dagstore(cwd, ['car', 'detach-index', 'ours.car'])).bytes.byteLength).toBeGreaterThan(indexBytes(0x0401, rows).byteLength)
    expect(JSON.parse((await dagstore(cwd, ['car', 'detach-index', '--json', 'a.car', 'b.idx'])).stdout)).toMatchObject({ path: 'b.idx' })
  })

  it('says that there is none', async () => {
    const cwd = await folderWith({ 'a.car': carV2({ roots, blocks, index: 'none' }), 'v1.car': v1 })
    for (const name of ['a.car', 'v1.car']) {
      const run = await dagstore(cwd, ['car', 'detach-index', name, 'out'])
      expect(run).toMatchObject({ code: 1, stdout: '', stderr: `dagstore: ${name}: no index present (CARV2_NO_INDEX)\n` })
      expect(existsSync(join(cwd, 'out'))).toBe(false)
    }
  })

  it('lists multihashes and offsets of a detached index, from a file or what is piped in', async () => {
    const cwd = await folderWith({ 'a.idx': indexBytes(0x0401, rows) })
    const run = await dagstore(cwd, ['car', 'detach-index', 'list', 'a.idx'])
    const lines = run.stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(blocks.length)
    const placed = placedBlocks(roots, blocks).map(({ multihash, sectionOffset }) => `${Buffer.from(multihash).toString('hex')} ${sectionOffset}`)
    expect([...lines].sort()).toEqual(placed.sort())
    expect((await dagstore(cwd, ['car', 'detach-index', 'list'], { stdin: indexBytes(0x0401, rows) })).stdout).toBe(run.stdout)
    const [first] = (await dagstore(cwd, ['car', 'detach-index', 'list', '--json', 'a.idx'])).stdout.split('\n')
    expect(JSON.parse(first!)).toMatchObject({ multihash: expect.any(String) as string, code: 0, offset: expect.any(Number) as number, dataBytes: null })
  })

  it('does not take digests for multihashes: an index of the older codec is refused as go-car refuses it', async () => {
    const cwd = await folderWith({ 'a.idx': indexBytes(0x0400, rows), 'bad.idx': damaged['index-unsorted']! })
    const run = await dagstore(cwd, ['car', 'detach-index', 'list', 'a.idx'])
    expect(run).toMatchObject({ code: 1, stdout: '' })
    expect((await dagstore(cwd, ['car', 'detach-index', 'list', '--json', 'a.idx'])).stdout).toContain('"multihash":null')
    expect((await dagstore(cwd, ['car', 'detach-index', 'list', 'bad.idx'])).stderr).toContain('CARV2_BAD_INDEX')
  })
})

describe('dagstore car root', () => {
  it('prints the roots, one a line', async () => {
    const cwd = await folderWith({ 'a.car': v1, 'none.car': carV1([], blocks, { nullRoots: true }) })
    const text = roots.map((root) => `${CID.decode(root).toString()}\n`).join('')
    expect(await dagstore(cwd, ['car', 'root', 'a.car'])).toMatchObject({ code: 0, stdout: text, stderr: '' })
    expect((await dagstore(cwd, ['car', 'root'], { stdin: carV2({ roots, blocks }) })).stdout).toBe(text)
    expect(JSON.parse((await dagstore(cwd, ['car', 'root', '--json', 'a.car'])).stdout)).toEqual({ roots: roots.map((root) => CID.decode(root).toString()) })
    expect(await dagstore(cwd, ['car', 'root', 'none.car'])).toMatchObject({ code: 0, stdout: '' })
    expect(await dagstore(cwd, ['car', 'root', 'gone.car'])).toMatchObject({ code: 1, stderr: expect.stringMatching(/^dagstore: gone\.car: .*\(IO_NOT_FOUND\)\n$/) as string })
  })
})

describe('dagstore car inspect and verify', () => {
  it('name several roots one a line, and none by a word', async () => {
    const cwd = await folderWith({ 'a.car': v1, 'none.car': carV1([], []) })
    expect((await dagstore(cwd, ['car', 'inspect', 'a.car'])).stdout).toContain(`Roots:\n\t${CID.decode(roots[0]!).toString()}\n\t${CID.decode(roots[1]!).toString()}\nRoot blocks`)
    expect((await dagstore(cwd, ['car', 'inspect', 'none.car'])).stdout).toContain('Roots: (none)\nRoot blocks present in data: Yes\nBlock count: 0\n')
  })

  it('print every bit of the characteristics', async () => {
    const bytes = carV2({ roots, blocks, fullyIndexed: true })
    bytes[26] = 0x5a
    const cwd = await folderWith({ 'a.car': bytes })
    expect((await dagstore(cwd, ['car', 'inspect', 'a.car'])).stdout).toContain(`Characteristics: 80${'00'.repeat(14)}5a\n`)
  })

  it('say what is wrong with an index, where verify refuses the file', async () => {
    const cwd = await folderWith({ 'a.car': damaged['v2-unknown-index-codec']!, 'b.car': damaged['v2-index-offset-past-end']!, 'c.car': damaged['v2-index-lacks-an-entry']! })
    expect((await dagstore(cwd, ['car', 'inspect', 'a.car'])).stdout).toMatch(/Index type: 0x402\n[^]*Index unusable: .*at byte 652 \(CARV2_UNKNOWN_INDEX\)\n$/)
    expect((await dagstore(cwd, ['car', 'inspect', 'b.car'])).stdout).toMatch(/Index unusable: .*\(CARV2_TRUNCATED\)\n$/)
    expect((await dagstore(cwd, ['car', 'inspect', 'c.car'])).stdout).not.toContain('unusable')
    expect((await dagstore(cwd, ['car', 'inspect', '--full', 'c.car'])).stdout).toContain('CARV2_INDEX_INCOMPLETE')
    const { index } = JSON.parse((await dagstore(cwd, ['car', 'inspect', '--json', 'a.car'])).stdout) as { index: object }
    expect(index).toMatchObject({ offset: 652, entryCount: null, trailer: false, fault: { code: 'CARV2_UNKNOWN_INDEX', offset: 652 } })
    for (const name of ['a.car', 'b.car', 'c.car']) expect((await dagstore(cwd, ['car', 'verify', name])).code).toBe(1)
    expect((await dagstore(cwd, ['car', 'verify', '--policy', 'index=ignore', 'a.car'])).code).toBe(0)
  })

  it.each(['v2-index-offset-past-end', 'v2-index-offset-inside-data'])('work without the index of %s, and say that they do', async (name) => {
    const cwd = await folderWith({ 'a.car': damaged[name]! })
    const calls = [['list', 'a.car'], ['list', '--unixfs', 'a.car'], ['index', 'a.car', 'b.car'], ['index', 'create', 'a.car', 'c.idx'], ['index', 'create', '--standard', 'a.car', 'd.idx'], ['wrap', 'a.car', 'e.car'], ['extract', '--v1', 'a.car', 'f.car']]
    for (const args of calls) {
      const run = await dagstore(cwd, ['car', ...args])
      expect(run, args.join(' ')).toMatchObject({ code: 0, stderr: expect.stringMatching(/^a\.car: attached index is not used: [^\n]+\n(a.car: index rebuilt[^\n]+\n)?$/) as string })
    }
    for (const car of ['b.car', 'e.car']) expect(await dagstore(cwd, ['car', 'verify', car])).toMatchObject({ code: 0 })
  })

  it('take a policy of what is refused, and no words that they do not know', async () => {
    const cwd = await folderWith({ 'a.car': carV1(roots, blocks, { paddingBytes: 5 }), 'none.car': carV1([], blocks) })
    expect((await dagstore(cwd, ['car', 'verify', 'a.car'])).code).toBe(0)
    expect((await dagstore(cwd, ['car', 'verify', '--policy', 'padding=refuse', 'a.car'])).stderr).toContain('CARV2_ZERO_PADDING')
    expect((await dagstore(cwd, ['car', 'verify', '--policy', 'duplicates=refuse', 'a.car'])).stderr).toContain('CARV2_DUPLICATE')
    expect((await dagstore(cwd, ['car', 'verify', '--policy', 'duplicates=count', 'a.car'])).stderr).toBe('3 blocks are repeats\n')
    expect((await dagstore(cwd, ['car', 'verify', '--policy', 'noRoots=allow', '--policy', 'identity=refuse', 'none.car'])).stderr).toContain('CARV2_IDENTITY')
    expect((await dagstore(cwd, ['car', 'verify', '--policy', 'noRoots=allow', 'none.car'])).code).toBe(0)
    for (const word of ['padding', 'padding=maybe', 'paddings=refuse', 'toString=refuse']) expect((await dagstore(cwd, ['car', 'verify', '--policy', word, 'a.car'])).code, word).toBe(2)
    expect(JSON.parse((await dagstore(cwd, ['car', 'verify', '--json', 'a.car'])).stdout)).toMatchObject({ ok: true, blockCount: blocks.length, paddingBytes: 5, identityCount: 4, index: 'none', missingRoots: [] })
  })

  it('read what is piped in', async () => {
    const cwd = await temporaryFolder()
    expect((await dagstore(cwd, ['car', 'inspect'], { stdin: v1 })).stdout).toContain(`Block count: ${blocks.length}\n`)
    expect((await dagstore(cwd, ['car', 'list', '-'], { stdin: v1 })).stdout.trimEnd().split('\n')).toHaveLength(blocks.length)
    expect(await dagstore(cwd, ['car', 'verify', '-'], { stdin: v1 })).toMatchObject({ code: 0, stdout: '' })
    const torn = await dagstore(cwd, ['car', 'verify', '-'], { stdin: v1.subarray(0, -1) })
    expect(torn.stderr).toMatch(/^dagstore: stdin: .*\(CARV2_TRUNCATED\)\n$/)
    expect(await dagstore(cwd, ['car', 'list'])).toMatchObject({ code: 2, stdout: '' })
  })
})
