import { carV1Header, concat, seededBytes, varint } from '@dagstore-tooling/fixtures'
import * as cbor from '@ipld/dag-cbor'
import { beforeAll, describe, expect, it } from 'vitest'
import { openPayloadReceiver, type PayloadReceiver, type TransferErrorCode } from '../src/index.ts'
import { inChunks, memoryFile, MemoryStore, payloadOf, randomDag, type TestDag } from './dags.ts'

let dag: TestDag
beforeAll(async () => { dag = await randomDag(3, 6) })
/** Sections that come before the false one. */
const GOOD = 5
const receive = async (of: TestDag = dag, totalBytes = of.payload.byteLength): Promise<PayloadReceiver> => openPayloadReceiver(await memoryFile().open(), { root: of.root, totalBytes, maxSectionBytes: 4096 })

/** The false bytes come behind a good beginning. */
const refused = async (bytes: Uint8Array, code: TransferErrorCode): Promise<void> => {
  for (const lengths of [[1], [bytes.byteLength + 5000]]) {
    const receiver = await receive()
    const good = dag.ends[GOOD]!
    await expect(receiver.write(inChunks(concat([dag.payload.slice(0, good), bytes]), ...lengths), { from: 0 })).rejects.toMatchObject({ code })
    expect(receiver.doneBytes, 'what was good is kept, and no more').toBe(good)
    // and it goes on with the right bytes
    await receiver.write(inChunks(dag.payload.subarray(good), 50), { from: good })
    expect(receiver.complete).toBe(true)
    await receiver.close()
  }
}
const sectionAt = (n: number): Uint8Array => dag.payload.slice(dag.ends[n], dag.ends[n + 1])

describe('a receiver refuses', () => {
  it('a block of other bytes', async () => {
    const section = sectionAt(GOOD)
    section[section.byteLength - 1]! ^= 1
    await refused(section, 'TRANSFER_HASH_MISMATCH')
  })

  it('an identity block of other bytes', async () => {
    const store = new MemoryStore()
    const root = store.add(0x71, cbor.encode({ links: [store.add(0x55, Uint8Array.of(1, 2, 3), 0)] }))
    const own = { store, root, ...await payloadOf(store, root) }
    const bytes = own.payload.slice()
    bytes[bytes.byteLength - 1]! ^= 1
    const receiver = await receive(own)
    await expect(receiver.write(inChunks(bytes, 10), { from: 0 })).rejects.toMatchObject({ code: 'TRANSFER_HASH_MISMATCH' })
    expect(receiver.doneBytes).toBe(own.ends[1])
    await receiver.close()
  })

  it('a good block out of its turn, and one that nobody asked for', async () => {
    await refused(sectionAt(GOOD + 1), 'TRANSFER_UNREQUESTED')
    await refused(sectionAt(GOOD - 1), 'TRANSFER_UNREQUESTED')
    const other = await randomDag(4)
    await refused(other.payload.slice(other.ends[0], other.ends[1]), 'TRANSFER_UNREQUESTED')
  })

  it('a section of length 0', () => refused(Uint8Array.of(0), 'TRANSFER_BAD_SECTION'))
  it('a section without a CID', () => refused(Uint8Array.of(4, 9, 9, 9, 9), 'TRANSFER_BAD_SECTION'))
  it('a varint without end', () => refused(new Uint8Array(40).fill(0xff), 'TRANSFER_BAD_SECTION'))
  it('a varint in more bytes than it needs', () => refused(Uint8Array.of(0x81, 0x80, 0, 1, 2, 3, 4, 5, 6, 7), 'TRANSFER_BAD_SECTION'))
  it('a section above the limit, before its bytes come', () => refused(varint(5000), 'TRANSFER_TOO_LARGE'))
  it('a section that ends behind the payload', () => refused(varint(4000), 'TRANSFER_BAD_SECTION'))

  it('another header', async () => {
    const other = await randomDag(5)
    const receiver = await receive()
    await expect(receiver.write(inChunks(other.payload.subarray(0, dag.payload.byteLength), 9), { from: 0 })).rejects.toMatchObject({ code: 'TRANSFER_UNREQUESTED' })
    await expect(receiver.write(inChunks(carV1Header([]), 9), { from: 0 })).rejects.toMatchObject({ code: 'TRANSFER_UNREQUESTED' })
    expect(receiver.doneBytes).toBe(0)
    await receiver.close()
  })

  it('bytes behind the end, and a stream that never ends', async () => {
    for (const lengths of [[64], [100_000]]) {
      const receiver = await receive()
      let given = 0
      const endless = async function * (): AsyncGenerator<Uint8Array> {
        yield * inChunks(dag.payload, ...lengths)
        for (;;) {
          given++
          yield new Uint8Array(1000)
        }
      }
      await expect(receiver.write(endless(), { from: 0 })).rejects.toMatchObject({ code: 'TRANSFER_TOO_LARGE' })
      expect(given).toBe(1)
      expect(receiver.doneBytes).toBe(dag.payload.byteLength)
      await receiver.close()
    }
  })

  it('a payload that ends before its DAG, and one that goes on behind it', async () => {
    const short = await receive(dag, dag.ends.at(-2))
    await expect(short.write(inChunks(dag.payload.subarray(0, dag.ends.at(-2)), 100), { from: 0 })).rejects.toMatchObject({ code: 'TRANSFER_OTHER' })
    expect(short.complete).toBe(false)
    await short.close()
    const long = await receive(dag, dag.payload.byteLength + 100)
    await expect(long.write(inChunks(concat([dag.payload, varint(90)]), 100), { from: 0 })).resolves.toBeUndefined()
    expect(long.complete).toBe(false)
    const again = sectionAt(2)
    const longer = await receive(dag, dag.payload.byteLength + again.byteLength)
    await expect(longer.write(inChunks(concat([dag.payload, again]), 100), { from: 0 })).rejects.toMatchObject({ code: 'TRANSFER_OTHER' })
    await Promise.all([long.close(), longer.close()])
  })

  it('a block that is of its hash, but not of its codec', async () => {
    const store = new MemoryStore()
    const bad = store.add(0x71, seededBytes(1, 50))
    const root = store.add(0x71, cbor.encode({ links: [bad] }))
    const body = concat([bad.bytes, seededBytes(1, 50)])
    const first = concat([root.bytes, store.blocks.get(root.toString())!])
    const payload = concat([carV1Header([root.bytes]), varint(first.byteLength), first, varint(body.byteLength), body])
    const receiver = await openPayloadReceiver(await memoryFile().open(), { root, totalBytes: payload.byteLength })
    await expect(receiver.write(inChunks(payload, 20), { from: 0 })).rejects.toMatchObject({ code: 'TRANSFER_BAD_SECTION' })
    expect(receiver.doneBytes).toBe(payload.byteLength - varint(body.byteLength).byteLength - body.byteLength)
    await receiver.close()
  })

  it('a size that is none', async () => {
    for (const totalBytes of [0, 10, -1, NaN, 1.5]) await expect(receive(dag, totalBytes)).rejects.toMatchObject({ code: 'TRANSFER_TOO_LARGE' })
  })
})
