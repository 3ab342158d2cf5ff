/** Files with more CIDs than are held in memory: the others are read from the file, and nothing else changes. */
import { makeBlock } from '@dagstore-tooling/fixtures'
import { createCrashFs } from '@dagstore-tooling/testkit'
import { IoError, type WritableFile } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { beforeEach, describe, expect, it } from 'vitest'
import { createWritableCar, extendWritableCar, resumeWritableCar, type WritableCar } from '../src/index.ts'
import { all, blocksOf, memoryFile, type MemoryFile, putAll, testBlock, type TestBlock } from './blocks.ts'
import { takeApart } from './finished.ts'

/** So many of so long CIDs are more than the 12 MiB that are held. */
const filling = Array.from({ length: 6500 }, (_, i) => {
  const data = new Uint8Array(2000)
  new DataView(data.buffer).setUint32(0, i)
  return testBlock(makeBlock(data, { hash: 'identity' }))
})
const blocks = [...blocksOf(31, 40, 300), ...blocksOf(32, 3, 60_000)]
const [first] = blocks as [TestBlock]

let memory: MemoryFile
let car: WritableCar
beforeEach(async () => {
  memory = await memoryFile()
  car = await createWritableCar(memory.file, { owns: false })
  await putAll(car, filling)
})
const stored = filling.length + blocks.length

/** All that a store can be asked. */
const check = async (store: WritableCar): Promise<void> => {
  expect(store.blockCount).toBe(stored)
  for (const { cid, bytes } of [...blocks, ...filling.slice(-2)]) {
    expect(await store.has(cid)).toBe(true)
    expect(await store.size(cid)).toBe(bytes.byteLength)
    expect(await store.bytes(cid)).toEqual(bytes)
    expect(await store.put(cid, bytes)).toEqual(cid)
  }
  expect(store.blockCount).toBe(stored)
  expect(await store.has(blocksOf(33, 1)[0]!.cid)).toBe(false)
  const listed = await all(store.getAll())
  expect(listed).toHaveLength(stored)
  expect(listed.slice(filling.length).map(({ cid }) => cid.toString())).toEqual(blocks.map(({ cid }) => cid.toString()))
}

describe('blocks whose CIDs are not in memory', () => {
  it('are found while they wait to be written, in the file, after a restart, and by the index', async () => {
    await putAll(car, blocks)
    await check(car)
    await car.checkpoint()
    await check(car)
    await car.close()
    const resumed = await resumeWritableCar(memory.file, { owns: false })
    await check(resumed)
    await resumed.finalize({ roots: [first.cid] })
    await checkReads(resumed)
    await resumed.close()
    expect((await takeApart(memory.content())).blocks).toHaveLength(stored)
    await check(await extendWritableCar(memory.file))
  })

  it('are stored once, however many put them at once', async () => {
    await putAll(car, blocks)
    await car.checkpoint()
    const other = CID.createV1(0x70, first.cid.multihash)
    const [late] = blocksOf(34, 1) as [TestBlock]
    await Promise.all([...Array.from({ length: 50 }, (_, i) => car.put(i % 2 === 0 ? first.cid : other, [first.bytes])), ...Array.from({ length: 20 }, () => car.put(late.cid, late.bytes))])
    expect(car.blockCount).toBe(stored + 1)
  })

  it('are repeated where that is allowed, and found as repeats after a restart', async () => {
    const { file } = await memoryFile()
    const allowing = await createWritableCar(file, { duplicates: 'allow', owns: false })
    await putAll(allowing, filling)
    await putAll(allowing, blocks)
    await allowing.checkpoint()
    await putAll(allowing, blocks)
    expect(allowing.blockCount).toBe(stored + blocks.length)
    await allowing.close()
    const resumed = await resumeWritableCar(file)
    expect(resumed.blockCount).toBe(stored + blocks.length)
    expect(await all(resumed.getAll())).toHaveLength(stored)
  })

  it('are an error where the file can not be read, never absent or stored again', async () => {
    const fs = createCrashFs({ seed: 1 })
    const broken = await createWritableCar(await fs.writableFile('car'), { owns: false })
    await putAll(broken, filling)
    await putAll(broken, blocks)
    await broken.checkpoint()
    fs.faults.failAt(({ kind }) => kind === 'read', () => new IoError('IO_FAILED', 'the disk is broken'), Infinity)
    const unreadable = { code: 'BLOCKSTORE_UNREADABLE' }
    await expect(Promise.resolve(broken.has(first.cid))).rejects.toMatchObject(unreadable)
    await expect(Promise.resolve(broken.size(first.cid))).rejects.toMatchObject(unreadable)
    await expect(broken.bytes(first.cid)).rejects.toMatchObject(unreadable)
    await expect(broken.put(first.cid, first.bytes)).rejects.toMatchObject(unreadable)
    await expect(broken.finalize()).rejects.toMatchObject(unreadable)
    expect(broken.blockCount).toBe(stored)
  })

  it('are told of by calls that were under way when the store is closed', async () => {
    await car.checkpoint()
    await car.close()
    let closed = false
    const slow: WritableFile = new Proxy(memory.file, {
      get: (target, key) => key === 'read'
        ? async (at: number, length: number) => {
          if (closed) throw new IoError('IO_CLOSED', 'file is closed')
          await new Promise((resolve) => { setImmediate(resolve) })
          return target.read(at, length)
        }
        : key === 'close' ? async () => { closed = true } : Reflect.get(target, key) as unknown,
    })
    const store = await resumeWritableCar(slow, { identity: { store: true, index: true, mark: true, inline: true } })
    const { cid, bytes } = filling.at(-1)!
    const size = store.size(cid)
    const has = store.has(CID.createV1(0x70, cid.multihash))
    await store.close()
    expect([await size, await has]).toEqual([bytes.byteLength, true])
  })

  it('are an error where the file has been changed, and no index is made of it', async () => {
    await putAll(car, blocks)
    await car.checkpoint()
    const at = Buffer.from(memory.content()).indexOf(first.cid.bytes)
    // not the codec: it is no part of what blocks are found by
    for (const change of [0, 10, 35].map((offset) => at + offset)) {
      const [was] = await memory.file.read(change, 1)
      await memory.file.write(change, Uint8Array.of(was! ^ 0x11))
      await expect(Promise.resolve(car.has(first.cid))).rejects.toMatchObject({ code: 'BLOCKSTORE_UNREADABLE' })
      await expect(car.put(first.cid, first.bytes)).rejects.toMatchObject({ code: 'BLOCKSTORE_UNREADABLE' })
      await expect(car.finalize()).rejects.toMatchObject({ code: 'BLOCKSTORE_UNREADABLE' })
      await memory.file.write(change, Uint8Array.of(was!))
    }
    await car.finalize()
    expect((await takeApart(memory.content())).blocks).toHaveLength(stored)
  })
})

/** A finalized store takes no puts. */
const checkReads = async (store: WritableCar): Promise<void> => {
  for (const { cid, bytes } of blocks) expect(await store.bytes(cid)).toEqual(bytes)
}
