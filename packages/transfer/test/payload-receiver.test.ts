import { extractPayload, verifyCar } from '@dagstore/carv2'
import { linksOf } from '@dagstore/dag'
import { createHashes } from '@dagstore/hashes'
import { createBytesSource } from '@dagstore/io'
import { createWritableCar } from '@dagstore/writable-carv2'
import { describe, expect, it } from 'vitest'
import { openPayloadReceiver, type PayloadReceiver, type PayloadReceiverOptions } from '../src/index.ts'
import { bytesOf, inChunks, memoryFile, type MemoryFile, randomDag, type TestDag } from './dags.ts'

const SEEDS = [1, 2, 3, 4, 5, 6]
const open = async (file: MemoryFile, dag: TestDag, more: Partial<PayloadReceiverOptions> = {}): Promise<PayloadReceiver> =>
  openPayloadReceiver(await file.open(), { root: dag.root, totalBytes: dag.payload.byteLength, ...more })
/** All, or each end of a section and what is beside it. */
const cutsOf = (dag: TestDag, all: boolean): number[] => all
  ? Array.from({ length: Math.ceil(dag.payload.byteLength / 3) }, (_, i) => 3 * i)
  : [0, ...dag.ends.flatMap((end) => [end - 1, end, end + 1])].filter((cut) => cut < dag.payload.byteLength)
/** Where whoever has so many bytes goes on. */
const wholeBefore = ({ ends }: TestDag, at: number): number => at < ends[1]! ? 0 : ends.filter((end) => end <= at).at(-1)!
const inner = (file: MemoryFile): Promise<Uint8Array> => bytesOf(extractPayload(createBytesSource(file.content())))

const checkWhole = async (receiver: PayloadReceiver, file: MemoryFile, dag: TestDag): Promise<void> => {
  expect(receiver.complete).toBe(true)
  const facts = await receiver.finish()
  expect(facts.payloadBytes).toBe(dag.payload.byteLength)
  expect(facts.blockCount).toBe(dag.ends.length - 1)
  expect(facts.roots.map(String)).toEqual([dag.root.toString()])
  await receiver.close()
  expect(Buffer.compare(await inner(file), dag.payload)).toBe(0)
}

describe('a receiver', () => {
  it.each(SEEDS)('makes a CARv2 file of the payload, however it is cut into chunks; seed=%i', async (seed) => {
    const dag = await randomDag(seed)
    for (const lengths of [[1], [3, 1, 50], [dag.payload.byteLength]]) {
      const file = memoryFile()
      const receiver = await open(file, dag)
      expect([receiver.doneBytes, receiver.complete]).toEqual([0, false])
      const told: number[] = []
      await receiver.write(inChunks(dag.payload, ...lengths), { from: 0, onProgress: ({ doneBytes }) => { told.push(doneBytes) } })
      expect(told.at(-1)).toBe(dag.payload.byteLength)
      expect([...told].sort((a, b) => a - b)).toEqual(told)
      await checkWhole(receiver, file, dag)
    }
  })

  it.each(SEEDS)('keeps the whole sections of a stream that ends anywhere, and goes on behind them, also in a new process; seed=%i', async (seed) => {
    const dag = await randomDag(seed, 5, 40)
    for (const cut of cutsOf(dag, seed === 1)) {
      const file = memoryFile()
      const first = await open(file, dag)
      await first.write(inChunks(dag.payload.subarray(0, cut), 17), { from: 0 })
      expect(first.doneBytes).toBe(wholeBefore(dag, cut))
      const sameProcess = cut % 2 === 0
      if (!sameProcess) await first.close()
      const second = sameProcess ? first : await open(file, dag)
      expect(second.doneBytes).toBe(wholeBefore(dag, cut))
      expect(second.complete).toBe(false)
      await expect(second.finish()).rejects.toMatchObject({ code: 'TRANSFER_TRUNCATED' })
      // from where it is, and from anywhere before
      const from = cut % 3 === 0 ? second.doneBytes : Math.floor(second.doneBytes / 2)
      await second.write(inChunks(dag.payload.subarray(from), 29, 2), { from })
      await checkWhole(second, file, dag)
    }
  })

  it('puts a long block together from single bytes', async () => {
    const dag = await randomDag(15, 2, 12_000)
    const file = memoryFile()
    const receiver = await open(file, dag)
    await receiver.write(inChunks(dag.payload, 1), { from: 0 })
    expect(dag.payload.byteLength).toBeGreaterThan(4000)
    await checkWhole(receiver, file, dag)
  })

  it('takes what is finished as it is, and changes nothing of it', async () => {
    const dag = await randomDag(7)
    const file = memoryFile()
    const receiver = await open(file, dag)
    await receiver.write(inChunks(dag.payload, 100), { from: 0 })
    await receiver.finish()
    await receiver.close()
    const before = file.content().slice()
    const again = await open(file, dag)
    expect([again.complete, again.doneBytes]).toEqual([true, dag.payload.byteLength])
    await again.write(inChunks(dag.payload, 100), { from: 0 })
    await expect(again.write(inChunks(Uint8Array.of(0), 1), { from: dag.payload.byteLength })).rejects.toMatchObject({ code: 'TRANSFER_TOO_LARGE' })
    await checkWhole(again, file, dag)
    expect(Buffer.compare(file.content(), before)).toBe(0)
    await expect(openPayloadReceiver(await file.open(), { root: dag.root, totalBytes: dag.payload.byteLength + 1 })).rejects.toMatchObject({ code: 'TRANSFER_OTHER' })
  })

  it('refuses a file that holds another DAG, or something else, and leaves it as it is', async () => {
    const [dag, other] = [await randomDag(8), await randomDag(9)]
    for (const finish of [false, true]) {
      const file = memoryFile()
      const receiver = await open(file, other)
      await receiver.write(inChunks(finish ? other.payload : other.payload.subarray(0, other.ends[3]), 100), { from: 0 })
      if (finish) await receiver.finish()
      await receiver.close()
      await expect(open(file, dag)).rejects.toMatchObject({ code: 'TRANSFER_OTHER' })
      const same = await open(file, other)
      expect(same.doneBytes).toBeGreaterThan(0)
      await same.close()
    }
    const notes = new TextEncoder().encode('notes of somebody')
    const file = memoryFile(notes)
    await expect(open(file, dag)).rejects.toMatchObject({ code: 'TRANSFER_OTHER' })
    expect(Buffer.compare(file.content(), notes)).toBe(0)
  })

  it('refuses a file whose blocks are not the beginning of the payload', async () => {
    const dag = await randomDag(10)
    const file = memoryFile()
    const car = await createWritableCar(await file.open(), { roots: [dag.root], wholeCid: true })
    // a leaf, without what comes before it
    const [cid, bytes] = [...dag.store.blocks].at(-2)!
    await car.put((await import('multiformats/cid')).CID.parse(cid), bytes)
    await car.close()
    await expect(open(file, dag)).rejects.toMatchObject({ code: 'TRANSFER_OTHER' })
  })

  it('reads no leaf again when it goes on', async () => {
    const dag = await randomDag(11, 10, 3000)
    const file = memoryFile()
    const first = await open(file, dag)
    await first.write(inChunks(dag.payload.subarray(0, dag.ends.at(-2)), 512), { from: 0 })
    await first.close()
    const real = await file.open()
    const read: number[] = []
    const counting = new Proxy(real, { get: (target, key) => {
      if (key === 'read') return (at: number, length: number) => { read.push(length); return target.read(at, length) }
      const value = Reflect.get(target, key) as unknown
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value
    } })
    const again = await openPayloadReceiver(counting, { root: dag.root, totalBytes: dag.payload.byteLength })
    expect(again.doneBytes).toBe(dag.ends.at(-2))
    const leaves = [...dag.store.blocks].filter(([cid]) => cid.startsWith('bafkrei')).reduce((sum, [, bytes]) => sum + bytes.byteLength, 0)
    expect(leaves).toBeGreaterThan(8000)
    await again.close()
    expect(read.filter((length) => length > 2000 && length < 3100)).toEqual([])
  })

  it('wants bytes without a gap, one write at a time, and none when it is closed', async () => {
    const dag = await randomDag(12)
    const receiver = await open(memoryFile(), dag)
    await expect(receiver.write(inChunks(dag.payload, 10), { from: 1 })).rejects.toMatchObject({ code: 'TRANSFER_GAP' })
    let go = (): void => {}
    const gate = new Promise<void>((resolve) => { go = resolve })
    const waiting = receiver.write((async function * () { await gate; yield dag.payload.slice() })(), { from: 0 })
    await expect(receiver.write(inChunks(dag.payload, 10), { from: 0 })).rejects.toMatchObject({ code: 'TRANSFER_BUSY' })
    go()
    await waiting
    expect(receiver.complete).toBe(true)
    await receiver.close()
    await receiver.close()
    await expect(receiver.write(inChunks(dag.payload, 10), { from: 0 })).rejects.toMatchObject({ code: 'TRANSFER_REFUSED' })
  })

  it('gives the reason of an abort, keeps what came, and asks for nothing more', async () => {
    const dag = await randomDag(13)
    const receiver = await open(memoryFile(), dag)
    const aborting = new AbortController()
    const reason = new Error('no more')
    let left = false
    const half = dag.ends[Math.floor(dag.ends.length / 2)]!
    const chunks = async function * (): AsyncGenerator<Uint8Array> {
      try {
        yield dag.payload.slice(0, half)
        aborting.abort(reason)
        yield dag.payload.slice(half)
      } finally {
        left = true
      }
    }
    await expect(receiver.write(chunks(), { from: 0, signal: aborting.signal })).rejects.toBe(reason)
    expect(left).toBe(true)
    expect(receiver.doneBytes).toBe(half)
    await receiver.write(inChunks(dag.payload.subarray(half), 64), { from: half })
    expect(receiver.complete).toBe(true)
    await receiver.close()
  })

  it('makes a file that is verified whole', async () => {
    const dag = await randomDag(14)
    const file = memoryFile()
    const receiver = await open(file, dag)
    await receiver.write(inChunks(dag.payload, 1000), { from: 0 })
    await checkWhole(receiver, file, dag)
    const bytes = file.content()
    const report = await verifyCar(createBytesSource(bytes), createHashes(), { linksOf })
    expect(report).toMatchObject({ blockCount: dag.ends.length - 1, missingCount: 0, undecodable: 0, index: 'checked' })
  })
})
