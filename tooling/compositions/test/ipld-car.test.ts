/** What writable-carv2 writes, read by @ipld/car: by its readers of streams, of bytes and of files, and with our index ignored. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mixedBlocks } from '@dagstore-tooling/fixtures'
import { createCarFile, extendCarFile } from '@dagstore/writable-carv2/node'
import { CarBlockIterator, CarBufferReader, CarIndexedReader, CarIndexer, CarReader } from '@ipld/car'
import { CID } from 'multiformats/cid'
import { afterAll, describe, expect, it } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'compositions-'))
afterAll(() => { rmSync(folder, { recursive: true }) })

const blocks = mixedBlocks(3).map(({ cid, data }) => ({ cid: CID.decode(cid), bytes: new Uint8Array(data) }))
/** Each multihash once, under its first CID: what a store of ours keeps. */
const kept = blocks.filter(({ cid }, i) => blocks.findIndex((other) => Buffer.compare(other.cid.multihash.bytes, cid.multihash.bytes) === 0) === i)
const show = ({ cid, bytes }: { cid: { toString(): string }, bytes: Uint8Array }): string => `${cid.toString()} ${Buffer.from(bytes).toString('hex')}`
const expected = kept.map(show)

describe.each([0, 1, 3])('a file with %d roots', (rootCount) => {
  const path = join(folder, `${rootCount}.car`)
  const roots = kept.slice(0, rootCount).map(({ cid }) => cid)
  const names = roots.map(String)
  let bytes = new Uint8Array(0)

  it('is written in two goes', async () => {
    const car = await createCarFile(path, {})
    for (const { cid, bytes } of blocks.slice(0, 9)) await car.put(cid, bytes)
    await car.finalize({ roots: kept.slice(2, 7).map(({ cid }) => cid) })
    await car.close()
    const again = await extendCarFile(path, {})
    for (const { cid, bytes } of blocks) await again.put(cid, bytes)
    await again.finalize({ roots })
    await again.close()
    bytes = new Uint8Array(readFileSync(path))
  })

  it('is read by CarReader', async () => {
    const reader = await CarReader.fromBytes(bytes)
    expect(reader.version).toBe(2)
    expect((await reader.getRoots()).map(String)).toEqual(names)
    const found: string[] = []
    for await (const block of reader.blocks()) found.push(show(block))
    expect(found).toEqual(expected)
  })

  it('is read by the reader that does not wait', () => {
    const reader = CarBufferReader.fromBytes(bytes)
    expect(reader.getRoots().map(String)).toEqual(names)
    expect(reader.blocks().map(show)).toEqual(expected)
  })

  it('is read as a stream of small chunks', async () => {
    const stream = async function * (): AsyncGenerator<Uint8Array> { for (let at = 0; at < bytes.byteLength; at += 100) yield bytes.slice(at, at + 100) }
    const found: string[] = []
    for await (const block of await CarBlockIterator.fromIterable(stream())) found.push(show(block))
    expect(found).toEqual(expected)
  })

  it('is indexed, and read by that index from the file', async () => {
    const indexer = await CarIndexer.fromBytes(bytes)
    const handle: FileHandle = await open(path)
    const found: string[] = []
    for await (const entry of indexer) found.push(show(await CarReader.readRaw(handle, entry)))
    await handle.close()
    expect(found).toEqual(expected)
    const reader = await CarIndexedReader.fromFile(path)
    expect(show((await reader.get(kept[3]!.cid))!)).toBe(expected[3])
    await reader.close()
  })
})
