import { createHash } from 'node:crypto'
import { makeBlock } from '@dagstore-tooling/fixtures'
import { createCrashFs } from '@dagstore-tooling/testkit'
import { IoError } from '@dagstore/io'
import type { Blockstore } from 'interface-blockstore'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { createWritableCar, type CreateCarOptions, extendWritableCar, resumeWritableCar, type WritableCar } from '../src/index.ts'
import { all, blocksOf, inlineBlock, memoryFile, type MemoryFile, putAll, testBlock, type TestBlock } from './blocks.ts'
import { takeApart } from './finished.ts'

const blocks = blocksOf(1, 6)
const [first, second] = blocks as [TestBlock, TestBlock]
const open = async (options: CreateCarOptions = {}): Promise<MemoryFile & { car: WritableCar }> => {
  const memory = await memoryFile()
  return { ...memory, car: await createWritableCar(memory.file, options) }
}
const texts = (list: readonly { cid: CID }[]): string[] => list.map(({ cid }) => cid.toString())

describe('put', () => {
  it('resolves with the CID when the block is readable', async () => {
    const { car } = await open()
    expect(await car.put(first.cid, first.bytes)).toEqual(first.cid)
    expect(await car.bytes(first.cid)).toEqual(first.bytes)
    expect(car.blockCount).toBe(1)
  })

  it('keeps no reference to the bytes', async () => {
    const { car } = await open()
    const mine = first.bytes.slice()
    await car.put(first.cid, mine)
    mine.fill(0)
    expect(await car.bytes(first.cid)).toEqual(first.bytes)
  })

  it('takes bytes at once, and chunks that come at once or in time', async () => {
    const { car } = await open()
    const halves = (bytes: Uint8Array): Uint8Array[] => [bytes.slice(0, 3), bytes.slice(3)]
    await car.put(first.cid, halves(first.bytes))
    await car.put(second.cid, (async function * () { yield * halves(second.bytes) })())
    expect(await car.bytes(first.cid)).toEqual(first.bytes)
    expect(await car.bytes(second.cid)).toEqual(second.bytes)
  })

  it('stores a multihash once, however many put it at once and under whatever CID', async () => {
    const { car, content } = await open()
    const other = CID.createV1(0x70, first.cid.multihash)
    await Promise.all(Array.from({ length: 32 }, (_, i) => car.put(i % 2 === 0 ? first.cid : other, first.bytes)))
    expect(car.blockCount).toBe(1)
    await car.finalize()
    expect((await takeApart(content())).blocks).toHaveLength(1)
  })

  it('with wholeCid stores a block once per CID, and finds it under that one alone', async () => {
    const { car } = await open({ wholeCid: true })
    const other = CID.createV1(0x70, first.cid.multihash)
    await car.put(first.cid, first.bytes)
    expect(await car.has(other)).toBe(false)
    await car.put(other, first.bytes)
    await car.put(other, first.bytes)
    expect(car.blockCount).toBe(2)
    expect(texts(await all(car.getAll())).sort()).toEqual(texts([first, { cid: other }]).sort())
  })

  it('never takes two blocks for one because their digests are equal', async () => {
    const { car } = await open()
    const digest = first.cid.multihash.digest
    const inline = CID.createV1(0x55, Digest.create(0, digest))
    await car.put(first.cid, first.bytes)
    await car.put(inline, digest)
    expect(await car.bytes(first.cid)).toEqual(first.bytes)
    expect(await car.bytes(inline)).toEqual(digest)
    expect(car.blockCount).toBe(2)
  })

  it('refuses bytes that do not match, unless told not to hash', async () => {
    const { car } = await open()
    await expect(car.put(first.cid, second.bytes)).rejects.toMatchObject({ code: 'BLOCKSTORE_HASH_MISMATCH' })
    expect(car.blockCount).toBe(0)
    const { car: trusting } = await open({ verifyPuts: false, verify: 'never' })
    await trusting.put(first.cid, second.bytes)
    expect(await trusting.bytes(first.cid)).toEqual(second.bytes)
  })

  it('refuses a hash without a hasher, unless told not to hash', async () => {
    const foreign = CID.createV1(0x55, Digest.create(0x1234, new Uint8Array(32)))
    const { car } = await open()
    await expect(car.put(foreign, first.bytes)).rejects.toMatchObject({ code: 'BLOCKSTORE_UNKNOWN_HASH' })
    const { car: trusting } = await open({ verifyPuts: false })
    await trusting.put(foreign, first.bytes)
    await expect(trusting.bytes(foreign)).rejects.toMatchObject({ code: 'BLOCKSTORE_UNKNOWN_HASH' })
  })

  it('refuses a section that readers would refuse, without asking for the rest of it', async () => {
    const { car } = await open({ maxSectionBytes: 1000 })
    await expect(car.put(first.cid, new Uint8Array(965))).rejects.toMatchObject({ code: 'BLOCKSTORE_TOO_LARGE' })
    let asked = 0
    const endless = function * (): Generator<Uint8Array> { for (;;) { asked++; yield new Uint8Array(100) } }
    await expect(car.put(first.cid, endless())).rejects.toMatchObject({ code: 'BLOCKSTORE_TOO_LARGE' })
    expect(asked).toBe(10)
    const largest = testBlock(makeBlock(new Uint8Array(964)))
    await car.put(largest.cid, largest.bytes)
    await expect(car.put(CID.createV1(0x55, Digest.create(0, new Uint8Array(2100))), new Uint8Array(2100))).rejects.toMatchObject({ code: 'BLOCKSTORE_TOO_LARGE' })
  })

  it('stores identity CIDs, or leaves them to themselves, as the file was made', async () => {
    const inline = inlineBlock('tiny')
    for (const [identity, count] of [['go-car-default', 0], ['full', 1]] as const) {
      const { car, content } = await open({ identity })
      await car.put(inline.cid, inline.bytes)
      expect(car.blockCount).toBe(count)
      expect(await car.has(inline.cid)).toBe(true)
      expect(await car.size(inline.cid)).toBe(4)
      expect(await car.bytes(inline.cid)).toEqual(inline.bytes)
      await expect(car.put(inline.cid, first.bytes)).rejects.toMatchObject({ code: 'BLOCKSTORE_HASH_MISMATCH' })
      await car.finalize()
      expect((await takeApart(content(), { fullyIndexed: identity === 'full' })).blocks).toHaveLength(count)
    }
  })

  it('rejects with the reason of an aborted signal, also while chunks come', async () => {
    const { car } = await open()
    const reason = new Error('enough')
    await expect(car.put(first.cid, first.bytes, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const chunks = async function * (): AsyncGenerator<Uint8Array> { yield first.bytes; controller.abort(reason); yield first.bytes }
    await expect(car.put(first.cid, chunks(), { signal: controller.signal })).rejects.toBe(reason)
    expect(car.blockCount).toBe(0)
  })

  it('takes thousands of puts at once, each readable when its put has resolved', async () => {
    const { car, content } = await open()
    const many = blocksOf(2, 3000, 1000)
    await Promise.all(many.map(async ({ cid, bytes }) => {
      await car.put(cid, bytes)
      expect(Buffer.compare(await car.bytes(cid), bytes)).toBe(0)
    }))
    await car.finalize({ roots: [many[0]!.cid] })
    expect((await takeApart(content())).blocks).toHaveLength(3000)
  })
})

describe('putMany, delete and deleteMany', () => {
  it('puts as it is iterated, and yields the CIDs', async () => {
    const { car } = await open()
    const putting = car.putMany(blocks)
    expect(car.blockCount).toBe(0)
    expect((await putting.next()).value).toEqual(first.cid)
    expect(car.blockCount).toBe(1)
    await all(putting)
    expect(car.blockCount).toBe(blocks.length)
  })

  it('can not delete, and says so before it touches the source', async () => {
    const { car } = await open()
    await expect(car.delete(first.cid)).rejects.toMatchObject({ name: 'ReadOnlyError', code: 'BLOCKSTORE_READ_ONLY' })
    let touched = false
    const source = function * (): Generator<CID> { touched = true; yield first.cid }
    await expect(car.deleteMany(source()).next()).rejects.toMatchObject({ code: 'BLOCKSTORE_READ_ONLY' })
    expect(touched).toBe(false)
  })

  it('goes wherever a Blockstore is asked for', async () => {
    const { car } = await open()
    const store: Blockstore = car
    await store.put(first.cid, first.bytes)
    expect(await store.has(first.cid)).toBe(true)
  })
})

describe('finalize', () => {
  it('makes a CARv2 file with every block, the roots and an index', async () => {
    const { car, content } = await open({ roots: [first.cid] })
    await putAll(car, blocks)
    const facts = await car.finalize()
    const bytes = content()
    const finished = await takeApart(bytes)
    expect(texts(finished.blocks)).toEqual(texts(blocks))
    expect(finished.roots).toEqual([first.cid.toString()])
    expect(facts).toMatchObject({ blockCount: 6, payloadBytes: car.payloadBytes, sizeBytes: bytes.byteLength })
    expect(bytes.subarray(64, 512).every((byte) => byte === 0)).toBe(true)
  })

  it('gives equal files for equal input, however they came about', async () => {
    const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
    const straight = await open()
    await putAll(straight.car, blocks)
    await straight.car.finalize({ roots: [first.cid] })

    const detour = await memoryFile()
    const begun = await createWritableCar(detour.file, { roots: [second.cid, first.cid], owns: false })
    await putAll(begun, blocks.slice(0, 2))
    await begun.checkpoint()
    await begun.close()
    const resumed = await resumeWritableCar(detour.file, { owns: false })
    await putAll(resumed, blocks.slice(0, 4))
    await resumed.finalize()
    await resumed.close()
    const extended = await extendWritableCar(detour.file)
    await putAll(extended, blocks)
    await extended.finalize({ roots: [first.cid] })
    expect(digest(detour.content())).toBe(digest(straight.content()))
  })

  it('takes no puts afterwards, and goes on reading', async () => {
    const { car } = await open()
    await putAll(car, blocks.slice(0, 2))
    await car.finalize()
    await expect(car.put(blocks[3]!.cid, blocks[3]!.bytes)).rejects.toMatchObject({ code: 'WRITABLE_CAR_FINALIZED' })
    await expect(car.checkpoint()).rejects.toMatchObject({ code: 'WRITABLE_CAR_FINALIZED' })
    await expect(car.finalize()).rejects.toMatchObject({ code: 'WRITABLE_CAR_FINALIZED' })
    expect(await car.bytes(first.cid)).toEqual(first.bytes)
  })

  it('refuses a put that was on its way when it began', async () => {
    const { car, content } = await open()
    let release = (): void => {}
    const released = new Promise<void>((resolve) => { release = resolve })
    const late = car.put(first.cid, (async function * () { await released; yield first.bytes })())
    await car.finalize()
    release()
    await expect(late).rejects.toMatchObject({ code: 'WRITABLE_CAR_FINALIZED' })
    expect((await takeApart(content())).blocks).toHaveLength(0)
  })

  it('makes a valid file of no blocks and no roots', async () => {
    const { car, content } = await open()
    await car.finalize()
    expect(await takeApart(content())).toEqual({ roots: [], blocks: [] })
  })

  it('refuses roots that do not fit, says how much they need, and can be called again', async () => {
    const roots = blocksOf(3, 100).map(({ cid }) => cid)
    const { car, content } = await open()
    const refused = await car.finalize({ roots }).catch((error: unknown) => error as { code: string, reserveBytes: number })
    expect(refused).toMatchObject({ code: 'WRITABLE_CAR_ROOTS_TOO_LARGE' })
    await car.finalize({ roots: roots.slice(0, 80) })
    expect((await takeApart(content())).roots).toHaveLength(80)

    const { reserveBytes } = refused as { reserveBytes: number }
    const roomy = await open({ reserveBytes })
    await roomy.car.finalize({ roots })
    expect((await takeApart(roomy.content())).roots).toHaveLength(100)
    const given = await open({ roots })
    await given.car.finalize()
    expect((await takeApart(given.content())).roots).toHaveLength(100)
    await expect(open({ roots, reserveBytes: 3584 })).rejects.toMatchObject({ code: 'WRITABLE_CAR_ROOTS_TOO_LARGE', reserveBytes })
  })
})

describe('order of operations', () => {
  it('of a checkpoint: data, sync, slot; of finalizing: index and header of the CARv1, sync, header, sync, slots, sync', async () => {
    const { car, log } = await open()
    await car.put(first.cid, first.bytes)
    const before = log.length
    await car.checkpoint()
    const middle = log.length
    await car.finalize()
    const kinds = (from: number, to?: number): string[] => log.slice(from, to).map((line) => line.replace(' car', '').replace(/\+\d{4,}$/, '+…'))
    const size = 1 + first.cid.bytes.byteLength + first.bytes.byteLength
    expect(kinds(before, middle)).toEqual([`write 4096+${size < 129 ? size : size + 1}`, 'sync', 'write 64+224'])
    expect(kinds(middle)).toEqual(['write 512+…', `write ${4096 + (size < 129 ? size : size + 1)}+…`, 'sync', 'write 11+40', 'sync', 'write 64+448', 'sync'])
  })

  it('of a checkpoint of blocks that were not hashed: the slot is synced too', async () => {
    const { car, log } = await open({ verifyPuts: false })
    await car.put(first.cid, first.bytes)
    await car.checkpoint()
    expect(log.slice(-2)).toEqual(['write car 64+224', 'sync car'])
  })

  it('of a checkpoint of blocks that the caller has hashed: no second sync', async () => {
    const { car, log } = await open({ verifyPuts: 'caller' })
    await car.put(first.cid, first.bytes)
    await car.checkpoint()
    expect(log.slice(-2)).toEqual(['sync car', 'write car 64+224'])
  })
})

describe('failures', () => {
  it('of writing leave what was put readable; a later checkpoint makes it durable', async () => {
    const fs = createCrashFs({ seed: 1 })
    const car = await createWritableCar(await fs.writableFile('car'))
    await putAll(car, blocks)
    fs.faults.failAt(({ kind }) => kind === 'write', new IoError('IO_FULL', 'full', { retry: 'later' }))
    await expect(car.checkpoint()).rejects.toMatchObject({ code: 'IO_FULL' })
    expect(await car.bytes(first.cid)).toEqual(first.bytes)
    await car.checkpoint()
    await car.close()
    expect((await resumeWritableCar(await fs.writableFile('car'))).blockCount).toBe(blocks.length)
  })

  it('of writing stop puts when too much waits, before anything of the put is stored', async () => {
    const fs = createCrashFs({ seed: 1 })
    const car = await createWritableCar(await fs.writableFile('car'), { verifyPuts: false })
    fs.faults.failAt(({ kind }) => kind === 'write', () => new IoError('IO_FULL', 'full', { retry: 'later' }), Infinity)
    const cids = blocksOf(4, 40, 8)
    const results = await Promise.allSettled(cids.map(async ({ cid }, i) => { for (let k = 0; k < i; k++) await Promise.resolve(); return car.put(cid, new Uint8Array(500_000)) }))
    const refused = results.filter(({ status }) => status === 'rejected')
    expect(refused.length).toBeGreaterThan(10)
    expect(car.blockCount).toBe(cids.length - refused.length)
    for (const result of refused) expect(result).toMatchObject({ reason: { code: 'IO_FULL' } })
  })

  it('of finalizing before its header leave the file as it was, to be tried again', async () => {
    const fs = createCrashFs({ seed: 1 })
    const car = await createWritableCar(await fs.writableFile('car'))
    await putAll(car, blocks.slice(0, 3))
    await car.checkpoint()
    fs.faults.failAt(({ kind }) => kind === 'write', new IoError('IO_FULL', 'full', { retry: 'later' }))
    await expect(car.finalize({ roots: [first.cid] })).rejects.toMatchObject({ code: 'IO_FULL' })
    await putAll(car, blocks.slice(3))
    await car.finalize({ roots: [first.cid] })
    expect((await takeApart(fs.content('car')!)).blocks).toHaveLength(blocks.length)
  })

  it('of syncing leave only reading, since nobody knows what is on disk; resume finds out', async () => {
    const fs = createCrashFs({ seed: 1 })
    const file = await fs.writableFile('car')
    const car = await createWritableCar(file, { owns: false })
    await putAll(car, blocks)
    fs.faults.failAt(({ kind }) => kind === 'sync', new IoError('IO_FAILED', 'sync'))
    await expect(car.checkpoint()).rejects.toMatchObject({ code: 'WRITABLE_CAR_FAILED', cause: { code: 'IO_FAILED' } })
    await expect(car.checkpoint()).rejects.toMatchObject({ code: 'WRITABLE_CAR_FAILED' })
    await expect(car.put(first.cid, first.bytes)).rejects.toMatchObject({ code: 'WRITABLE_CAR_FAILED' })
    await expect(car.finalize()).rejects.toMatchObject({ code: 'WRITABLE_CAR_FAILED' })
    expect(await car.bytes(first.cid)).toEqual(first.bytes)
    await car.close()
    expect((await resumeWritableCar(file)).blockCount).toBe(blocks.length)
  })
})

describe('close and discard', () => {
  it('close keeps what was put, discard what a checkpoint has kept', async () => {
    for (const [how, count] of [['close', 6], ['discard', 2]] as const) {
      const { file } = await memoryFile()
      const car = await createWritableCar(file, { owns: false })
      await putAll(car, blocks.slice(0, 2))
      await car.checkpoint()
      await putAll(car, blocks)
      await car[how]()
      await car[how]()
      expect((await resumeWritableCar(file)).blockCount).toBe(count)
    }
  })

  it('refuse later writes', async () => {
    const { car } = await open()
    await car.close()
    await expect(car.put(first.cid, first.bytes)).rejects.toMatchObject({ code: 'BLOCKSTORE_CLOSED' })
    await expect(car.checkpoint()).rejects.toMatchObject({ code: 'BLOCKSTORE_CLOSED' })
    await expect(car.finalize()).rejects.toMatchObject({ code: 'BLOCKSTORE_CLOSED' })
    await expect(car.delete(first.cid)).rejects.toMatchObject({ code: 'BLOCKSTORE_CLOSED' })
    await expect(car.putMany([]).next()).rejects.toMatchObject({ code: 'BLOCKSTORE_CLOSED' })
    await expect(car.deleteMany([]).next()).rejects.toMatchObject({ code: 'BLOCKSTORE_CLOSED' })
  })

  it('wait for puts that are under way', async () => {
    const { file } = await memoryFile()
    const car = await createWritableCar(file, { owns: false })
    let release = (): void => {}
    const gate = new Promise<void>((resolve) => { release = resolve })
    const putting = car.put(first.cid, (async function * () { await gate; yield first.bytes })())
    const closing = car.close()
    release()
    await putting
    await closing
    expect((await resumeWritableCar(file)).blockCount).toBe(1)
  })
})
