import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { carV1Header, varint } from '@dagstore-tooling/fixtures'
import type { ByteSource } from '@dagstore/io'
import { openDirectory } from '@dagstore/io/node'
import { describe, expect, it } from 'vitest'
import { buildIndex, createIndexStreamBuilder, createPageCache, openIndex } from '../src/index.ts'
import { concat } from './support.ts'

/** A source of records of one length behind a head, made when they are read; of each the beginning is given, zeros follow. */
const madeSource = (head: Uint8Array, count: number, recordBytes: number, begin: (i: number) => Uint8Array): ByteSource & { readBytes: number } => {
  const sizeBytes = head.byteLength + count * recordBytes
  const close = async (): Promise<void> => {}
  return {
    sizeBytes,
    identity: { kind: 'content', cid: 'made', sizeBytes },
    cost: { kind: 'local', seekBytes: 16384 },
    readBytes: 0,
    async read (at, length) {
      if (at < 0 || at + length > sizeBytes) throw new RangeError(`read out of range; at=${at} length=${length}`)
      this.readBytes += length
      const out = new Uint8Array(length)
      if (at < head.byteLength) out.set(head.subarray(at, at + length))
      for (let i = Math.max(0, Math.floor((at - head.byteLength) / recordBytes)); i < count; i++) {
        const start = head.byteLength + i * recordBytes - at
        if (start >= length) break
        const from = Math.max(0, -start)
        out.set(begin(i).subarray(from, Math.max(from, length - start)), start + from)
      }
      return out
    },
    peek: () => undefined,
    close,
    [Symbol.asyncDispose]: close,
  }
}

describe('an index of 150,000,000 blocks', () => {
  const COUNT = 150_000_000
  const WIDTH = 40
  const head = new Uint8Array(30)
  head.set([0x81, 0x08])
  const view = new DataView(head.buffer)
  view.setInt32(2, 1, true)
  view.setBigUint64(6, 0x12n, true)
  view.setInt32(14, 1, true)
  view.setUint32(18, WIDTH, true)
  view.setBigUint64(22, BigInt(COUNT * WIDTH), true)
  /** Ascending, with some unevenness behind the even part. */
  const digestOf = (i: number): Uint8Array => {
    const out = new Uint8Array(32)
    new DataView(out.buffer).setBigUint64(0, BigInt(i) * (2n ** 64n / BigInt(COUNT)) + BigInt(i % 1000) * 10_000_000n)
    return out
  }
  const source = madeSource(head, COUNT, WIDTH, (i) => {
    const entry = concat([digestOf(i), new Uint8Array(8)])
    new DataView(entry.buffer).setBigUint64(32, BigInt(i) * 1000n, true)
    return entry
  })

  it('is opened and searched like a small one', async () => {
    const index = await openIndex(source, { pages: createPageCache({ maxBytes: 0 }) })
    expect(index.facts.entryCount).toBe(COUNT)
    expect(source.readBytes).toBeLessThan(64_000)
    for (const i of [0, 1, 2 ** 24, 2 ** 24 + 1, 107_374_183, COUNT - 1]) {
      const before = source.readBytes
      expect(await index.find(Uint8Array.of(0x12, 0x20, ...digestOf(i)))).toEqual([{ sectionOffset: i * 1000, headBytes: undefined, dataBytes: undefined }])
      expect(source.readBytes - before).toBeLessThanOrEqual(12 * 4096)
      const absent = digestOf(i)
      absent[31] = 1
      expect(await index.find(Uint8Array.of(0x12, 0x20, ...absent))).toEqual([])
    }
  })
})

describe('a CAR of 64 GiB', () => {
  it('is indexed by its heads, with offsets that are right behind 4 GiB', async () => {
    const COUNT = 10_000
    const DATA = 6_871_948
    const length = varint(36 + DATA)
    const source = madeSource(carV1Header([]), COUNT, length.byteLength + 36 + DATA, (i) => {
      const head = concat([length, Uint8Array.of(1, 0x55, 0x12, 0x20), new Uint8Array(32)])
      new DataView(head.buffer).setUint32(length.byteLength + 4, Math.imul(i + 1, 0x9e3779b1) >>> 0)
      return head
    })
    const index = await buildIndex(source)
    expect(index.entryCount).toBe(COUNT)
    expect(index.facts.payloadEnd).toBe(source.sizeBytes)
    expect(source.readBytes).toBeLessThan(100_000_000)
    const last = new Uint8Array(34)
    last.set([0x12, 0x20])
    new DataView(last.buffer).setUint32(2, Math.imul(COUNT, 0x9e3779b1) >>> 0)
    const recordBytes = length.byteLength + 36 + DATA
    expect(index.view().find(last)).toEqual([{ sectionOffset: 18 + recordBytes * (COUNT - 1), headBytes: length.byteLength + 36, dataBytes: DATA }])
    expect(concat(index.encode()).byteLength).toBe(index.sizeBytes)
  })
})

describe('an index of more than 2^24 blocks, made by this library', () => {
  it.skipIf(process.env['DAGSTORE_LONG'] !== '1')('is made in bounded memory, and searched with four reads at most, two of them for checksums (long: needs DAGSTORE_LONG=1)', async () => {
    const COUNT = 2 ** 24 + 1000
    const cid = new Uint8Array(36)
    cid.set([1, 0x55, 0x12, 0x20])
    const view = new DataView(cid.buffer)
    const cidOf = (i: number): Uint8Array => {
      // odd factors: no two numbers give the same
      view.setUint32(4, Math.imul(i, 0x9e3779b1) >>> 0)
      view.setUint32(8, Math.imul(i, 0x85ebca6b) >>> 0)
      return cid
    }
    const folder = await mkdtemp(join(tmpdir(), 'carv2-'))
    try {
      const directory = openDirectory(folder)
      const scratch = await directory.openWritable('scratch', 'new')
      const builder = createIndexStreamBuilder({ scratch: async () => scratch })
      const before = process.memoryUsage().rss
      let most = 0
      for (let i = 0; i < COUNT; i++) {
        const room = builder.add({ cid: cidOf(i), sectionOffset: 100 * i, headBytes: 37, dataBytes: 63 })
        if (room === undefined) continue
        await room
        most = Math.max(most, process.memoryUsage().rss - before)
      }
      const index = await builder.finish({ payloadStart: 0, payloadEnd: 100 * COUNT, carV1Header: undefined, source: undefined })
      const chunks = async function * (): AsyncGenerator<Uint8Array> {
        for await (const chunk of index.encode()) {
          most = Math.max(most, process.memoryUsage().rss - before)
          yield chunk
        }
      }
      expect((await directory.writeAtomic('index', chunks())).sizeBytes).toBe(index.sizeBytes)
      expect(most).toBeLessThan(256 << 20)
      const file = await directory.openSource('index')
      let reads = 0
      const opened = await openIndex({ ...file, sizeBytes: file.sizeBytes, read: (at, length) => { reads++; return file.read(at, length) }, peek: () => undefined })
      expect([opened.facts.entryCount, reads]).toEqual([COUNT, 1])
      const LOOKUPS = Math.ceil(COUNT / 99_991)
      for (let i = 0; i < COUNT; i += 99_991) {
        expect(await opened.find(cidOf(i).slice(2))).toEqual([{ sectionOffset: 100 * i, headBytes: 37, dataBytes: 63 }])
      }
      expect((reads - 1) / LOOKUPS).toBeLessThan(4.2)
      await file.close()
      await scratch.close()
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
