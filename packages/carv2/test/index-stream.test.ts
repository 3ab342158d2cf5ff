import { carV1, carV2, makeBlocks, mixedBlocks } from '@dagstore-tooling/fixtures'
import { CrashError, createCrashFs, seededRandom } from '@dagstore-tooling/testkit'
import { createBytesSource, createMemoryDirectory, IoError, type WritableFile } from '@dagstore/io'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildIndex, buildIndexStream, createIndexBuilder, createIndexStreamBuilder, type IndexedSection, openIndex } from '../src/index.ts'
import { collect, concat, digestsOf, plainBlocks, slowSource } from './support.ts'

const scratchFile = (): { scratch: () => Promise<WritableFile>, opened: () => number } => {
  let opened = 0
  const directory = createMemoryDirectory()
  return { scratch: () => directory.openWritable(`scratch-${opened++}`, 'new'), opened: () => opened }
}

const bytesOf = async (chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> => {
  const out: Uint8Array[] = []
  for await (const chunk of chunks) out.push(chunk.slice()) // used again for the next
  return concat(out)
}

const blocks = [...mixedBlocks(71), ...makeBlocks(72, 800, { min: 0, max: 40 }), ...mixedBlocks(71)]
const car = carV1([blocks[0]!.cid], blocks)
/** Each of its sources says the same of itself. */
const known = (bytes: Uint8Array): ReturnType<typeof createBytesSource> => createBytesSource(bytes, { identity: { kind: 'content', cid: 'same', sizeBytes: bytes.byteLength } })

describe('an index that is made on a scratch file', () => {
  it.each([0, 1, 1000, 20_000, 1 << 25])('is byte for byte the one made in memory, whatever memory holds: %d bytes', async (memoryBytes) => {
    const built = await buildIndex(known(car))
    const { scratch, opened } = scratchFile()
    const stream = await buildIndexStream(slowSource(car), { scratch, memoryBytes })
    expect(opened()).toBe(memoryBytes < 1 << 25 ? 1 : 0)
    // the sources differ in what they say of themselves
    expect({ ...stream.facts, source: built.facts.source }).toEqual(built.facts)
    expect([stream.entryCount, stream.standardBytes, stream.sizeBytes]).toEqual([built.entryCount, built.standardBytes, built.sizeBytes])
    const same = await buildIndexStream(known(car), { ...scratchFile(), memoryBytes })
    const expected = concat(built.encode())
    expect(Buffer.compare(await bytesOf(same.encode()), expected)).toBe(0)
    expect(Buffer.compare(await bytesOf(same.encode()), expected), 'asked for again').toBe(0)
    expect(await collect(same.entries())).toEqual(await collect(built.view().entries()))
    expect(await digestsOf(same)).toEqual(await digestsOf(built.view()))
  })

  it('is the same for any sections in any order (property)', async () => {
    const digest = fc.oneof(fc.uint8Array({ maxLength: 9 }), fc.constantFrom(0, 1, 2).map((byte) => new Uint8Array(32).fill(byte)), fc.uint8Array({ minLength: 32, maxLength: 32 }))
    const section = fc.record({ codec: fc.constantFrom(0x55, 0x70, 0x71), code: fc.constantFrom(0, 0x12, 0x13), digest, dataBytes: fc.nat(2 ** 32 - 1), sectionOffset: fc.maxSafeInteger().map(Math.abs) })
    await fc.assert(fc.asyncProperty(fc.array(section, { maxLength: 300 }), fc.nat(5000), fc.constantFrom('full', 'go-car-default'), async (list, memoryBytes, identity) => {
      const memory = createIndexBuilder({ identity: identity as 'full' })
      const spilling = createIndexStreamBuilder({ ...scratchFile(), memoryBytes, identity: identity as 'full' })
      for (const { codec, code, digest, dataBytes, sectionOffset } of list) {
        const one: IndexedSection = { cid: Uint8Array.of(1, codec, code, digest.byteLength, ...digest), dataBytes, sectionOffset, headBytes: 4 + digest.byteLength + 5 }
        memory.add(one)
        await spilling.add(one)
      }
      expect(spilling.entryCount).toBe(memory.entryCount)
      const subject = { payloadStart: 7, payloadEnd: 99, carV1Header: undefined, source: undefined }
      const stream = await spilling.finish(subject)
      expect(Buffer.compare(await bytesOf(stream.encode()), concat(memory.finish(subject).encode()))).toBe(0)
    }), { seed: 73, numRuns: 80 })
  })

  it('is the same where there are fences, many runs and many kinds of hash', async () => {
    const random = seededRandom(74)
    const memory = createIndexBuilder()
    const spilling = createIndexStreamBuilder({ ...scratchFile(), memoryBytes: 400_000 })
    for (let i = 0; i < 60_000; i++) {
      const digest = random.bytes(32)
      const one = { cid: Uint8Array.of(1, 0x55, i % 97 === 0 ? i % 50 : 0x12, 32, ...digest), dataBytes: i, sectionOffset: 50 * i, headBytes: 38 }
      memory.add(one)
      const room = spilling.add(one)
      if (room !== undefined) await room
    }
    const subject = { payloadStart: 0, payloadEnd: 3_000_000, carV1Header: undefined, source: undefined }
    expect(Buffer.compare(await bytesOf((await spilling.finish(subject)).encode()), concat(memory.finish(subject).encode()))).toBe(0)
  })

  it('holds no more than it was told to, and a few windows (go-car defect 7, dagstore D39: an index is made in memory, without a bound)', async () => {
    const many = carV2({ roots: [], blocks: plainBlocks(40_000, 5), index: 'none' })
    let longest = 0
    const directory = createMemoryDirectory()
    const stream = await buildIndexStream(createBytesSource(many), {
      memoryBytes: 100_000,
      scratch: async () => {
        const file = await directory.openWritable('scratch', 'new')
        return { ...file, get sizeBytes () { return file.sizeBytes }, read: async (at, length) => { longest = Math.max(longest, length); return file.read(at, length) }, write: async (at, bytes) => { longest = Math.max(longest, bytes.byteLength); return file.write(at, bytes) } }
      },
    })
    for await (const chunk of stream.encode()) longest = Math.max(longest, chunk.byteLength)
    expect(longest).toBeLessThanOrEqual(1 << 20)
    expect((await directory.stat('scratch'))!.sizeBytes).toBe((45 + 5) * 40_000)
  })

  it('rejects with the reason of its signal, at any point, and with what the scratch file says', async () => {
    const reason = new Error('enough')
    for (let step = 0; step < 12; step++) {
      const stop = new AbortController()
      let left = step
      const { scratch } = scratchFile()
      const work = (async () => {
        const stream = await buildIndexStream(slowSource(car), {
          memoryBytes: 2000,
          signal: stop.signal,
          scratch: async () => {
            const file = await scratch()
            return { ...file, get sizeBytes () { return file.sizeBytes }, write: async (at, bytes) => { if (left-- === 0) stop.abort(reason); return file.write(at, bytes) } }
          },
        })
        return bytesOf(stream.encode({ signal: stop.signal }))
      })()
      await expect(work).rejects.toBe(reason)
    }
    const full = new IoError('IO_FULL', 'no space left')
    await expect(buildIndexStream(known(car), { memoryBytes: 0, scratch: async () => { throw full } })).rejects.toBe(full)
    await expect(buildIndexStream(known(car), { memoryBytes: -1, ...scratchFile() })).rejects.toThrow(RangeError)
  })

  it('is whole when what could not be written to the scratch file was tried again', async () => {
    const full = new IoError('IO_FULL', 'no space left')
    const { scratch } = scratchFile()
    let writes = 0
    let hasRoom = false
    const builder = createIndexStreamBuilder({
      memoryBytes: 3000,
      scratch: async () => {
        const file = await scratch()
        return { ...file, get sizeBytes () { return file.sizeBytes }, write: async (at, bytes) => { if (!hasRoom && ++writes % 3 === 0) throw full; return file.write(at, bytes) } }
      },
    })
    const memory = createIndexBuilder()
    let failed = 0
    for (let i = 0; i < 500; i++) {
      const section = { cid: Uint8Array.of(1, 0x55, i % 3 === 0 ? 0x13 : 0x12, 2, i >> 8, i & 255), sectionOffset: 20 * i, headBytes: 7, dataBytes: 13 }
      memory.add(section)
      await builder.add(section)?.catch((error: unknown) => { expect(error).toBe(full); failed++ })
    }
    expect(failed).toBeGreaterThan(0)
    hasRoom = true
    const subject = { payloadStart: 0, payloadEnd: 10_000, carV1Header: undefined, source: undefined }
    expect(Buffer.compare(await bytesOf((await builder.finish(subject)).encode()), concat(memory.finish(subject).encode()))).toBe(0)
  })

  it('leaves, cut after any operation on its files, a whole index or none', async () => {
    const some = carV1([], makeBlocks(75, 60, { min: 1, max: 9 }))
    const expected = concat((await buildIndex(known(some))).encode())
    const run = async (fs: ReturnType<typeof createCrashFs>): Promise<void> => {
      const stream = await buildIndexStream(known(some), { memoryBytes: 1000, scratch: () => fs.directory.openWritable('scratch', 'any') })
      await fs.directory.writeAtomic('index', stream.encode())
      await fs.directory.remove('scratch')
    }
    const whole = createCrashFs({ seed: 76 })
    await run(whole)
    expect(whole.names()).toEqual(['index'])
    let cuts = 0
    for (let n = 0; ; n++) {
      const fs = createCrashFs({ seed: `76/${n}` })
      fs.faults.crashAfter(n)
      const outcome = await run(fs).then(() => undefined, (error: unknown) => error)
      if (outcome === undefined) break
      expect(outcome).toBeInstanceOf(CrashError)
      const found = fs.recover(`77/${n}`)
      const index = found.content('index')
      if (index !== undefined) expect(Buffer.compare(index, expected)).toBe(0)
      // what is left of the scratch file does not harm the next attempt
      await run(found)
      expect(Buffer.compare(found.content('index')!, expected)).toBe(0)
      expect(found.names()).toEqual(['index'])
      cuts++
    }
    expect(cuts).toBeGreaterThan(10)
  })

  it('answers lookups once it lies in a file', async () => {
    const stream = await buildIndexStream(known(car), { ...scratchFile(), memoryBytes: 3000 })
    const view = await openIndex(slowSource(await bytesOf(stream.encode())))
    for (const { multihash, data } of blocks) expect((await view.find(multihash))[0]).toMatchObject({ dataBytes: data.byteLength })
  })
})
