import { carV1, carV2, damaged, mixedBlocks } from '@dagstore-tooling/fixtures'
import { everyCrash } from '@dagstore-tooling/testkit'
import { createBytesSource, createMemoryDirectory, type Directory } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { extractFile, extractPayload, readLayout } from '../src/index.ts'
import { collect } from './support.ts'

const blocks = mixedBlocks(221)
const roots = [blocks[0]!.cid]
const v1 = carV1(roots, blocks)
const v2 = carV2({ roots, blocks, dataPadding: 5, indexPadding: 5 })

const folderWith = async (files: Readonly<Record<string, Uint8Array>>): Promise<Directory> => {
  const directory = createMemoryDirectory()
  for (const [name, bytes] of Object.entries(files)) await directory.writeAtomic(name, [bytes])
  return directory
}
const content = async (directory: Directory, name: string): Promise<Uint8Array> => {
  const source = await directory.openSource(name)
  return source.read(0, source.sizeBytes)
}

describe('extractFile', () => {
  it('writes the payload of a CARv2 into a file of its own, or in its place', async () => {
    const directory = await folderWith({ 'a.car': v2 })
    expect(await extractFile(directory, 'a.car', 'b.car')).toEqual({ sizeBytes: v1.byteLength })
    expect(Buffer.compare(await content(directory, 'b.car'), v1)).toBe(0)
    await extractFile(directory, 'a.car', 'a.car')
    expect(Buffer.compare(await content(directory, 'a.car'), v1)).toBe(0)
  })

  it('refuses a CARv1 as go-car does, unless told to pass it on', async () => {
    const directory = await folderWith({ 'a.car': v1 })
    await expect(extractFile(directory, 'a.car', 'b.car')).rejects.toMatchObject({ code: 'CARV2_ALREADY_V1' })
    expect(await directory.stat('b.car')).toBeUndefined()
    expect(await extractFile(directory, 'a.car', 'b.car', { v1: 'pass' })).toEqual({ sizeBytes: v1.byteLength })
    await expect(collect(extractPayload(createBytesSource(v1), { v1: 'refuse' }))).rejects.toMatchObject({ code: 'CARV2_ALREADY_V1' })
  })

  it('never writes over another file, nor anything of a damaged one', async () => {
    const directory = await folderWith({ 'a.car': v2, 'mine': Uint8Array.of(1), 'bad.car': damaged['v2-cut-in-payload']! })
    await expect(extractFile(directory, 'a.car', 'mine')).rejects.toMatchObject({ code: 'IO_EXISTS' })
    expect(await content(directory, 'mine')).toEqual(Uint8Array.of(1))
    await expect(extractFile(directory, 'bad.car', 'bad.car')).rejects.toMatchObject({ code: 'CARV2_TRUNCATED' })
    expect(await content(directory, 'bad.car')).toEqual(damaged['v2-cut-in-payload'])
    expect(await extractFile(directory, 'a.car', 'mine', { replace: true })).toEqual({ sizeBytes: v1.byteLength })
  })

  it.each(['v2-index-offset-past-end', 'v2-index-offset-inside-data'])('needs no index: %s', async (name) => {
    const directory = await folderWith({ 'a.car': damaged[name]! })
    const { payloadStart, payloadBytes } = await readLayout(createBytesSource(damaged[name]!), { badIndex: 'report' })
    expect(await extractFile(directory, 'a.car', 'b.car')).toEqual({ sizeBytes: payloadBytes })
    expect(Buffer.compare(await content(directory, 'b.car'), damaged[name]!.subarray(payloadStart, payloadStart + payloadBytes))).toBe(0)
  })

  it('drops zeros behind the last section when told to', async () => {
    const directory = await folderWith({ 'a.car': carV2({ roots, blocks, payloadPadding: 77 }) })
    expect(await extractFile(directory, 'a.car', 'b.car', { padding: 'drop' })).toEqual({ sizeBytes: v1.byteLength })
  })

  it('leaves, wherever it is cut in place, the CARv2 or the CARv1, whole', async () => {
    const outcomes = new Set<string>()
    await everyCrash({
      seed: 222,
      prepare: async ({ fs }) => { fs.plant('a.car', v2) },
      run: async ({ fs }) => { await extractFile(fs.directory, 'a.car', 'a.car') },
      check: async ({ fs }) => {
        const bytes = fs.content('a.car')!
        outcomes.add(Buffer.compare(bytes, v2) === 0 ? 'v2' : Buffer.compare(bytes, v1) === 0 ? 'v1' : 'neither')
      },
    })
    expect(outcomes).toEqual(new Set(['v2', 'v1']))
  })
})
