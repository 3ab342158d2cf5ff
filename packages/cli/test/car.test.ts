import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { carV1, carV2, damaged, makeBlocks, sharedFixtures } from '@dagstore-tooling/fixtures'
import { CID, type MultihashDigest } from 'multiformats'
import { describe, expect, it } from 'vitest'
import { CidLines, cidText } from '../src/car/cid-lines.ts'
import { dagstore, temporaryFolder } from './terminal.ts'

const blocks = makeBlocks(31, 12, { min: 0, max: 300 })
const cidOf = (index: number): string => CID.decode(blocks[index]!.cid).toString()

const folderWith = async (files: Readonly<Record<string, Uint8Array>>): Promise<string> => {
  const cwd = await temporaryFolder()
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(cwd, name), bytes)
  return cwd
}

describe('cidText', () => {
  it('writes CIDs as everybody does', () => {
    for (const { cid } of blocks) {
      const v1 = CID.decode(cid)
      for (const one of [v1, CID.createV0(v1.multihash as MultihashDigest<0x12>), CID.createV1(0x0129, v1.multihash)]) {
        expect(cidText(one.bytes)).toBe(one.toString())
        const lines = new CidLines()
        lines.cid(one.bytes)
        expect(Buffer.from(lines.take()).toString()).toBe(`${one.toString()}\n`)
      }
    }
  })
})

describe('dagstore car inspect', () => {
  it('reports a CARv1 in the words of the Go command', async () => {
    const cwd = await folderWith({ 'a.car': carV1([blocks[0]!.cid], blocks, { paddingBytes: 30 }) })
    const lengths = blocks.map((block) => block.data.byteLength)
    expect(await dagstore(cwd, ['car', 'inspect', 'a.car'])).toMatchObject({
      code: 0,
      stdout: [
        'Version: 1',
        `Roots: ${cidOf(0)}`,
        'Root blocks present in data: Yes',
        'Block count: 12',
        `Min / average / max block length (bytes): ${Math.min(...lengths)} / ${Math.floor(lengths.reduce((a, b) => a + b) / 12)} / ${Math.max(...lengths)}`,
        'Min / average / max CID length (bytes): 36 / 36 / 36',
        'Block count per codec:',
        '\traw: 12',
        'CID count per multihash:',
        '\tsha2-256: 12',
        'Zero padding (bytes): 30',
        '',
      ].join('\n'),
    })
  })

  it('adds the header and the index of a CARv2', async () => {
    const cwd = await folderWith({ 'a.car': carV2({ roots: [], blocks, dataPadding: 9 }) })
    const { stdout } = await dagstore(cwd, ['car', 'inspect', 'a.car'])
    expect(stdout).toContain('Version: 2\nCharacteristics: 00000000000000000000000000000000\nData offset: 60\n')
    expect(stdout).toContain('Index type: car-multihash-index-sorted\n')
    const report = JSON.parse((await dagstore(cwd, ['car', 'inspect', '--json', 'a.car'])).stdout) as object
    expect(report).toMatchObject({ version: 2, dataOffset: 60, roots: [], blockCount: 12, codecs: { raw: 12 } })
  })

  it('reads every foreign sample of go-car', async ({ skip }) => {
    const shared = sharedFixtures()
    if (shared === undefined) return skip('the foreign fixtures are not beside the checkout')
    const sample = join(shared, 'go-car', 'sample-v1.car')
    const { stdout, code } = await dagstore(shared, ['car', 'inspect', '--full', sample])
    expect(code).toBe(0)
    expect(stdout).toContain('Block count: 1049\n')
    expect(stdout).toContain('\tidentity: 6\n\tblake2b-256: 1043\n')
  })

  it('hashes every block with --full and names the one that is wrong', async () => {
    const cwd = await folderWith({ 'flip.car': damaged['block-bit-flip']! })
    expect((await dagstore(cwd, ['car', 'inspect', 'flip.car'])).code).toBe(0)
    const full = await dagstore(cwd, ['car', 'inspect', '--full', 'flip.car'])
    expect(full.code).toBe(1)
    expect(full.stderr).toMatch(/^dagstore: flip\.car: .*\(CARV2_HASH_MISMATCH\)\n$/)
  })
})

describe('dagstore car verify', () => {
  it('is silent about a good CAR', async () => {
    const cwd = await folderWith({ 'a.car': carV2({ roots: [blocks[3]!.cid], blocks }) })
    expect(await dagstore(cwd, ['car', 'verify', 'a.car'])).toMatchObject({ code: 0, stdout: '', stderr: '' })
  })

  it.each([
    ['block-no-roots', 'CARV2_NO_ROOTS'],
    ['block-root-missing', 'CARV2_ROOT_MISSING'],
    ['block-bit-flip', 'CARV2_HASH_MISMATCH'],
    ['v1-cut-in-data', 'CARV2_TRUNCATED'],
  ])('refuses %s with %s, the file and one sentence', async (name, code) => {
    const cwd = await folderWith({ 'bad.car': damaged[name]! })
    const run = await dagstore(cwd, ['car', 'verify', 'bad.car'])
    expect(run.code).toBe(1)
    expect(run.stdout).toBe('')
    expect(run.stderr).toMatch(/^dagstore: bad\.car: [^\n]+\n$/)
    expect(run.stderr).toContain(code)
  })
})

describe('dagstore … --json', () => {
  it('gives a failure as one document too, with the code of its cause', async () => {
    const cwd = await folderWith({ 'bad.car': damaged['v1-cut-in-data']! })
    const run = await dagstore(cwd, ['car', 'verify', '--json', 'bad.car'])
    expect(run.code).toBe(1)
    expect(JSON.parse(run.stdout)).toEqual({ ok: false, error: { code: 'CARV2_TRUNCATED', message: expect.stringMatching(/^bad\.car: /) as string } })
    expect(JSON.parse((await dagstore(cwd, ['list-shards', '--json'])).stdout)).toMatchObject({ ok: false, error: { code: 'COMMAND_NO_STORE' } })
    expect(JSON.parse((await dagstore(cwd, ['car', 'verify', '--json'])).stdout)).toMatchObject({ ok: false, error: { code: 'COMMAND_USAGE' } })
  })
})

describe('dagstore car list', () => {
  it('lists the sections in their order, as text and as one object a line', async () => {
    const cwd = await folderWith({ 'a.car': carV1([], blocks) })
    expect((await dagstore(cwd, ['car', 'list', 'a.car'])).stdout).toBe(blocks.map((_, i) => `${cidOf(i)}\n`).join(''))
    const lines = (await dagstore(cwd, ['car', 'list', '--json', 'a.car'])).stdout.trim().split('\n').map((line) => JSON.parse(line) as { dataOffset: number, dataBytes: number })
    const file = await readFile(join(cwd, 'a.car'))
    lines.forEach(({ dataOffset, dataBytes }, i) => {
      expect(new Uint8Array(file.subarray(dataOffset, dataOffset + dataBytes))).toEqual(new Uint8Array(blocks[i]!.data))
    })
  })
})

describe('dagstore car get-block', () => {
  it('gives the bytes of a block on stdout, into a file, and as JSON', async () => {
    const cwd = await folderWith({ 'a.car': carV1([], blocks) })
    const block = blocks.findIndex(({ data }) => data.byteLength > 10)
    const data = new Uint8Array(blocks[block]!.data)
    expect(new Uint8Array((await dagstore(cwd, ['car', 'get-block', 'a.car', cidOf(block)])).bytes)).toEqual(data)
    expect(await dagstore(cwd, ['car', 'get-block', 'a.car', cidOf(block), 'out.bin'])).toMatchObject({ code: 0, stdout: '' })
    expect(new Uint8Array(await readFile(join(cwd, 'out.bin')))).toEqual(data)
    expect(JSON.parse((await dagstore(cwd, ['car', 'get-block', '--json', 'a.car', cidOf(block)])).stdout)).toEqual({ cid: cidOf(block), sizeBytes: data.byteLength, base64: Buffer.from(data).toString('base64') })
  })

  it('never replaces a file, and names the one that it can not write', async () => {
    const cwd = await folderWith({ 'a.car': carV1([blocks[0]!.cid], blocks), 'mine.txt': Uint8Array.of(1) })
    for (const output of ['mine.txt', 'a.car', '.', 'a.car/x']) {
      const run = await dagstore(cwd, ['car', 'get-block', 'a.car', cidOf(3), output])
      expect(run.code, output).toBe(1)
      expect(run.stderr).toContain(`dagstore: ${output}: `)
    }
    expect(await readFile(join(cwd, 'mine.txt'))).toEqual(Buffer.of(1))
  })

  it('writes the file with --json too, and tells of it', async () => {
    const cwd = await folderWith({ 'a.car': carV1([blocks[0]!.cid], blocks) })
    const { stdout } = await dagstore(cwd, ['car', 'get-block', '--json', 'a.car', cidOf(3), 'out'])
    expect(JSON.parse(stdout)).toEqual({ cid: cidOf(3), sizeBytes: blocks[3]!.data.byteLength, path: 'out' })
    expect(new Uint8Array(await readFile(join(cwd, 'out')))).toEqual(blocks[3]!.data)
  })

  it('says that a block is not there, and writes nothing', async () => {
    const cwd = await folderWith({ 'a.car': carV1([], blocks.slice(1)) })
    const run = await dagstore(cwd, ['car', 'get-block', 'a.car', cidOf(0), 'out.bin'])
    expect(run).toMatchObject({ code: 1, stdout: '' })
    expect(run.stderr).toContain('BLOCKSTORE_NOT_FOUND')
    expect(existsSync(join(cwd, 'out.bin'))).toBe(false)
  })

  it('never gives bytes that do not hash to their CID', async () => {
    const car = carV1([], blocks.slice(5, 6))
    car[car.byteLength - 1]! ^= 1
    const cwd = await folderWith({ 'a.car': car })
    const run = await dagstore(cwd, ['car', 'get-block', 'a.car', cidOf(5)])
    expect(run).toMatchObject({ code: 1, stdout: '' })
    expect(run.stderr).toContain('BLOCKSTORE_HASH_MISMATCH')
  })

  it('takes a word that is no CID for wrong usage', async () => {
    const cwd = await folderWith({ 'a.car': carV1([], blocks) })
    expect((await dagstore(cwd, ['car', 'get-block', 'a.car', 'no-cid'])).code).toBe(2)
  })
})

describe('dagstore pieces commp', () => {
  it('hashes the payload of a CARv2, every byte with --raw', async () => {
    const cwd = await folderWith({ 'v1.car': carV1([], blocks), 'v2.car': carV2({ roots: [], blocks }) })
    const commp = async (...args: string[]): Promise<string> => (JSON.parse((await dagstore(cwd, ['pieces', 'commp', '--json', ...args])).stdout) as { pieceCid: string }).pieceCid
    expect(await commp('v2.car')).toBe(await commp('v1.car'))
    expect(await commp('--raw', 'v2.car')).not.toBe(await commp('v1.car'))
  })

  it('knows the piece of the bytes 0 to 126', async () => {
    const cwd = await folderWith({ chunk: Uint8Array.from({ length: 127 }, (_, i) => i) })
    const run = await dagstore(cwd, ['pieces', 'commp', 'chunk'])
    expect(run.stdout).toContain('CID: baga6ea4seaqlqfyjsvd3rrmqmd7n4f7i73ybzuxfq4p4za6lft2jeaaaaguxefq\n')
    expect(run.stdout).toContain('Piece size: 128 B ( 128 B )\n')
  })

  it.each(['v2-data-size-past-end', 'v2-index-offset-past-end'])('refuses a CARv2 that is damaged (%s) rather than taking its header for payload', async (name) => {
    const bytes = damaged[name]!
    const cwd = await folderWith({ 'bad.car': bytes })
    const run = await dagstore(cwd, ['pieces', 'commp', 'bad.car'])
    expect(run).toMatchObject({ code: 1, stdout: '' })
    expect(run.stderr).toContain('CARV2_')
    expect(JSON.parse((await dagstore(cwd, ['pieces', 'commp', '--raw', '--json', 'bad.car'])).stdout)).toMatchObject({ payloadBytes: bytes.byteLength })
  })

  it('refuses an empty file and a missing one in one sentence', async () => {
    const cwd = await folderWith({ empty: new Uint8Array(0) })
    for (const name of ['empty', 'missing']) {
      const run = await dagstore(cwd, ['pieces', 'commp', name])
      expect(run).toMatchObject({ code: 1, stdout: '' })
      expect(run.stderr).toMatch(new RegExp(`^dagstore: ${name}: [^\\n]+\\n$`))
    }
  })
})
