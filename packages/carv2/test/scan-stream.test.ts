import { carV1, carV2, makeBlock, makeBlocks, mixedBlocks, placedBlocks } from '@dagstore-tooling/fixtures'
import { createHashes } from '@dagstore/hashes'
import { type BlockingSource, createBytesSource } from '@dagstore/io'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildIndex, scanSections, scanSectionsSync, scanStream, readLayout, type StreamOptions } from '../src/index.ts'
import { concat, plainBlocks, scanAll, slowSource } from './support.ts'

const hashes = createHashes()
const blocks = mixedBlocks(81)
const roots = [blocks[0]!.cid]
const v1 = carV1(roots, blocks)
const v2 = carV2({ roots, blocks, dataPadding: 33 })
const placed = placedBlocks(roots, blocks)

/** Chunks of these lengths, again and again; counts what was taken. */
const chunked = (bytes: Uint8Array, lengths: readonly number[]): AsyncIterable<Uint8Array> & { given: number, closed: number } => {
  const stream = {
    given: 0,
    closed: 0,
    async * [Symbol.asyncIterator] () {
      try {
        for (let at = 0, i = 0; at < bytes.byteLength; i++) {
          const chunk = bytes.slice(at, at + lengths[i % lengths.length]!)
          at += chunk.byteLength
          stream.given = at
          yield chunk
        }
      } finally {
        stream.closed++
      }
    },
  }
  return stream
}

const scanChunks = async (bytes: Uint8Array, lengths: readonly number[], options: StreamOptions = {}): ReturnType<typeof scanAll> =>
  scanAll((await scanStream(chunked(bytes, lengths), options)).sections)

describe('scanStream', () => {
  it.each([[1], [2], [7], [1000], [1 << 20], [0, 3, 0, 100]].map((lengths) => ({ lengths })))('gives what a scan of the file gives, in chunks of $lengths', async ({ lengths }) => {
    for (const bytes of [v1, v2, carV1(roots, blocks, { paddingBytes: 3000 }), carV1([], []), carV1([], [], { nullRoots: true }), carV2({ roots, blocks, payloadPadding: 50, index: 'none' })]) {
      const source = createBytesSource(bytes)
      const layout = await readLayout(source)
      for (const options of [{}, { data: true }, { hashes }]) {
        const stream = await scanStream(chunked(bytes, lengths), options)
        expect(stream.layout).toEqual({ ...layout, payloadBytes: layout.version === 1 ? undefined : layout.payloadBytes })
        expect(await scanAll(stream.sections)).toEqual(await scanAll(scanSections(source, layout, options)))
      }
    }
  })

  it('says where sections are: in the payload, and in the stream', async () => {
    const { sections } = await scanChunks(v2, [100], { data: true })
    expect(sections.map(({ sectionOffset, sourceOffset, headBytes, dataBytes }) => ({ sectionOffset, sourceOffset, headBytes, dataBytes })))
      .toEqual(placed.map(({ sectionOffset, headBytes, data }) => ({ sectionOffset, sourceOffset: 51 + 33 + sectionOffset, headBytes, dataBytes: data.byteLength })))
    for (const [i, { sourceOffset, headBytes, data }] of sections.entries()) {
      expect(data).toEqual(blocks[i]!.data)
      expect(v2.subarray(sourceOffset + headBytes, sourceOffset + headBytes + data!.byteLength)).toEqual(blocks[i]!.data)
    }
  })

  it('takes web streams, and cancels one that is left early', async () => {
    let cancelled: unknown
    const stream = (endless: boolean): ReadableStream<Uint8Array> => new ReadableStream({
      start: (controller) => {
        for (let at = 0; at < v1.byteLength; at += 500) controller.enqueue(v1.slice(at, at + 500))
        if (!endless) controller.close()
      },
      cancel: (reason) => { cancelled = reason ?? 'cancelled' },
    })
    expect(await scanAll((await scanStream(stream(false))).sections)).toEqual(await scanChunks(v1, [500]))
    for await (const section of (await scanStream(stream(true))).sections) if (section.sectionOffset > 200) break
    expect(cancelled).toBe('cancelled')
    const withoutIteration = (): ReadableStream<Uint8Array> => {
      const web = stream(true)
      return { getReader: () => web.getReader() } as ReadableStream<Uint8Array>
    }
    cancelled = undefined
    for await (const section of (await scanStream(withoutIteration())).sections) if (section.sectionOffset > 200) break
    expect(cancelled).toBe('cancelled')
  })

  it('reads a CARv2 no further than its data goes, and then lets it go', async () => {
    const stream = chunked(v2, [64])
    await scanAll((await scanStream(stream)).sections)
    const layout = await readLayout(createBytesSource(v2))
    expect(stream.given).toBeLessThan(layout.payloadStart + layout.payloadBytes + 64)
    expect(stream.closed).toBe(1)
  })

  it('takes a cut at any byte for what it is: whole sections, or torn with the end of the last whole one', async () => {
    const starts = [...placed.map(({ sectionOffset }) => sectionOffset), v1.byteLength]
    for (let end = 0; end < v1.byteLength; end++) {
      const scan = scanChunks(v1.subarray(0, end), [97], { data: end % 2 === 0 })
      if (end < starts[0]!) await expect(scan).rejects.toMatchObject({ code: 'CARV2_TRUNCATED', offset: end })
      else if (starts.includes(end)) expect((await scan).end).toEqual({ payloadEnd: end, paddingBytes: 0 })
      else await expect(scan).rejects.toMatchObject({ code: 'CARV2_TRUNCATED', offset: starts.findLast((start) => start <= end) })
    }
    const dataEnd = 51 + 33 + v1.byteLength
    for (let end = 0; end < dataEnd; end += 5) await expect(scanChunks(v2.subarray(0, end), [50])).rejects.toMatchObject({ code: 'CARV2_TRUNCATED' })
  })

  it('never gives a section of which not all has come (go-car defect 1: a half block counts as there)', async () => {
    const cut = carV1([], [makeBlock(new Uint8Array(5000))]).subarray(0, 4000)
    const given: unknown[] = []
    await expect((async () => { for await (const section of (await scanStream(chunked(cut, [100]))).sections) given.push(section) })()).rejects.toMatchObject({ code: 'CARV2_TRUNCATED', offset: 18 })
    expect(given).toEqual([])
  })

  it('ends as a scan of the file does, whatever the bytes (property)', async () => {
    const codeOf = async (work: Promise<unknown>): Promise<unknown> => work.then(() => 'good', (error: unknown) => (error as { code?: string }).code ?? error)
    await fc.assert(fc.asyncProperty(fc.constantFrom(v1, v2), fc.array(fc.tuple(fc.nat(), fc.nat(7)), { maxLength: 3 }), fc.integer({ min: 1, max: 300 }), async (file, flips, length) => {
      const bytes = file.slice()
      for (const [at, bit] of flips) bytes[at % bytes.byteLength]! ^= 1 << bit
      const source = createBytesSource(bytes)
      const whole = await codeOf((async () => scanAll(scanSections(source, await readLayout(source), { hashes })))())
      const streamed = await codeOf(scanChunks(bytes, [length], { hashes }))
      // the length of a file tells more than its bytes so far
      if (whole !== 'CARV2_TRUNCATED' && whole !== 'CARV2_BAD_HEADER' && streamed !== 'CARV2_TRUNCATED') expect(streamed).toBe(whole)
      if (whole === 'good') expect(streamed).toBe('good')
    }), { seed: 82, numRuns: 400 })
  })

  it('keeps to limits, to the policy for zeros, and hashes when it is given hashes', async () => {
    await expect(scanChunks(v1, [9], { maxSectionBytes: 50 })).rejects.toMatchObject({ code: 'CARV2_TOO_LARGE' })
    await expect(scanChunks(v1, [9], { maxHeaderBytes: 50 })).rejects.toMatchObject({ code: 'CARV2_TOO_LARGE', offset: 0 })
    await expect(scanChunks(carV1(roots, blocks, { paddingBytes: 4 }), [9], { zeroPadding: 'refuse' })).rejects.toMatchObject({ code: 'CARV2_ZERO_PADDING', offset: v1.byteLength })
    await expect(scanChunks(concat([v1, new Uint8Array(40), Uint8Array.of(1)]), [9])).rejects.toMatchObject({ code: 'CARV2_BAD_SECTION', offset: v1.byteLength + 40 })
    const flipped = v1.slice()
    const last = placed.findLast(({ data }) => data.byteLength > 0)!
    flipped[last.sectionOffset + last.headBytes]! ^= 1
    expect((await scanChunks(flipped, [9], { data: true })).sections).toHaveLength(blocks.length)
    const source = createBytesSource(flipped)
    for (const scan of [scanChunks(flipped, [9], { hashes }), (async () => scanAll(scanSections(source, await readLayout(source), { hashes })))()]) {
      await expect(scan).rejects.toMatchObject({ code: 'CARV2_HASH_MISMATCH', offset: last.sectionOffset, cid: last.cid })
    }
    await expect(scanStream((async function * () { yield 'text' as unknown as Uint8Array })())).rejects.toThrow(TypeError)
  })

  it('rejects with the reason of its signal while it waits, and does not wait for a stream that never answers', async () => {
    const reason = new Error('enough')
    const stop = new AbortController()
    let first = true
    const silent: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          if (!first) return new Promise(() => {})
          first = false
          return Promise.resolve({ done: false, value: v1.slice(0, 300) })
        },
        return: () => new Promise(() => {}),
      }),
    }
    const { sections } = await scanStream(silent, { signal: stop.signal })
    const scan = scanAll(sections)
    stop.abort(reason)
    await expect(scan).rejects.toBe(reason)
    await expect(scanStream(chunked(v1, [5]), { signal: stop.signal })).rejects.toBe(reason)
  })

  it('passes on what the stream throws, and closes it once', async () => {
    const broken = new Error('broken')
    let closed = 0
    const stream = (async function * () {
      try {
        yield v1.slice(0, 400)
        throw broken
      } finally {
        closed++
      }
    })()
    await expect((async () => scanAll((await scanStream(stream)).sections))()).rejects.toBe(broken)
    const torn = chunked(v1.subarray(0, 400), [64])
    await expect((async () => scanAll((await scanStream(torn)).sections))()).rejects.toMatchObject({ code: 'CARV2_TRUNCATED' })
    expect([closed, torn.closed]).toEqual([1, 1])
  })
})

describe('scanSectionsSync', () => {
  it('gives the same without a promise', async () => {
    const bytes = carV2({ roots, blocks: [...blocks, ...plainBlocks(5, 300_000), ...makeBlocks(83, 50, { min: 1, max: 4000 })], payloadPadding: 9 })
    const slow = slowSource(bytes)
    const source: BlockingSource = { ...slow, read: () => Promise.reject(new Error('not blocking')), readSync: (at, into) => { into.set(bytes.subarray(at, at + into.byteLength)); return into.byteLength } }
    const layout = await readLayout(slow)
    for (const options of [{}, { data: true }, { hashes }]) {
      const expected = await scanAll(scanSections(slow, layout, options))
      const scan = scanSectionsSync(source, layout, options)
      const sections: unknown[] = []
      let next = scan.next()
      for (; next.done !== true; next = scan.next()) sections.push(next.value)
      expect({ sections, end: next.value }).toEqual(expected)
    }
  })
})

describe('a scan of a source that answers later', () => {
  it('reads ahead by a bounded number of windows, and each byte once', async () => {
    const bytes = carV1([], plainBlocks(9000, 1000))
    const slow = slowSource(bytes)
    let underWay = 0
    let most = 0
    const source = { ...slow, read: async (at: number, length: number) => {
      most = Math.max(most, ++underWay)
      const answer = await slow.read(at, length)
      await new Promise((resolve) => { setImmediate(resolve) })
      underWay--
      return answer
    } }
    expect((await buildIndex(source)).entryCount).toBe(9000)
    expect(most).toBe(3)
    expect(slow.reads.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(bytes.byteLength * 1.01 + 4096)
  })

  it('guesses the places of heads in a file of leaves of one length, and is not led astray when they change', async () => {
    const leaves = plainBlocks(60, 100_000)
    const bytes = carV1([], [...leaves.slice(0, 30), makeBlock(new Uint8Array(777)), ...leaves.slice(30), makeBlock(new Uint8Array(50_000)), ...plainBlocks(9, 40_000)])
    const slow = slowSource(bytes)
    let underWay = 0
    let most = 0
    const source = { ...slow, read: async (at: number, length: number) => {
      most = Math.max(most, ++underWay)
      const answer = await slow.read(at, length)
      await new Promise((resolve) => { setImmediate(resolve) })
      underWay--
      return answer
    } }
    expect(Buffer.compare(concat((await buildIndex(source)).encodeStandard()), concat((await buildIndex(createBytesSource(bytes))).encodeStandard()))).toBe(0)
    expect(most).toBeGreaterThan(4)
    expect(most).toBeLessThanOrEqual(33)
    expect(slow.reads.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(bytes.byteLength / 10)
  })

  it('leaves no rejection behind when it ends while reads are under way', async () => {
    const broken = new Error('broken')
    const rejections: unknown[] = []
    const listen = (error: unknown): void => { rejections.push(error) }
    process.on('unhandledRejection', listen)
    try {
      const bytes = carV1([], plainBlocks(9000, 1000))
      const slow = slowSource(bytes)
      const layout = await readLayout(slow)
      for (const failing of [2, 5, 6]) {
        let reads = 0
        const source = { ...slow, read: async (at: number, length: number) => { if (++reads >= failing) throw broken; return slow.read(at, length) } }
        await expect(scanAll(scanSections(source, layout))).rejects.toBe(broken)
        // left in the middle
        reads = -100
        for await (const _ of scanSections(source, layout, { data: true })) break
        reads = 100
      }
      await new Promise((resolve) => { setImmediate(resolve) })
      expect(rejections).toEqual([])
    } finally {
      process.off('unhandledRejection', listen)
    }
  })
})
