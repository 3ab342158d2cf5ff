import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ByteSource, compareIdentity, createBytesSource, createMemoryDirectory, createWindow, isBlocking, readChunks, type SourceIdentity } from '../src/index.ts'

const bytes = Uint8Array.from({ length: 1000 }, (_, at) => at * 7)
const coded = (code: string): unknown => expect.objectContaining({ code })
const outside = [[0, 1001], [1000, 1], [1001, 0], [-1, 1], [0, -1], [0.5, 1], [0, Number.NaN], [Number.MAX_SAFE_INTEGER, 1]] as const
const readAll = async (source: ByteSource, from: number, to: number, options?: Parameters<typeof readChunks>[3]): Promise<Uint8Array[]> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of readChunks(source, from, to, options)) chunks.push(chunk)
  return chunks
}

describe('createBytesSource', () => {
  it('reads copies and looks at views', async () => {
    const source = createBytesSource(bytes)
    expect(source).toMatchObject({ sizeBytes: 1000, cost: { kind: 'memory', seekBytes: 0 } })
    expect(isBlocking(source)).toBe(true)
    const part = await source.read(10, 20)
    expect(part).toEqual(bytes.slice(10, 30))
    expect(part.buffer.byteLength).toBe(20)
    expect(source.peek(10, 20)).toEqual(part)
    expect(source.peek(10, 20)?.buffer).toBe(bytes.buffer)
    for (const [at, length] of outside) {
      await expect(source.read(at, length)).rejects.toEqual(coded('IO_OUT_OF_RANGE'))
      expect(() => source.peek(at, length)).toThrow(coded('IO_OUT_OF_RANGE') as Error)
    }
  })

  it('reads without promises, up to the end', async () => {
    const source = createBytesSource(bytes)
    const into = new Uint8Array(20)
    expect(source.readSync(10, into)).toBe(20)
    expect(into).toEqual(bytes.slice(10, 30))
    expect(source.readSync(995, into)).toBe(5)
    expect(into).toEqual(Uint8Array.of(...bytes.subarray(995), ...bytes.subarray(15, 30)))
    expect(source.readSync(1000, into)).toBe(0)
    for (const at of [-1, 1001, 0.5, Number.NaN]) expect(() => source.readSync(at, into)).toThrow(coded('IO_OUT_OF_RANGE') as Error)
    await source.close()
    expect(() => source.readSync(0, into)).toThrow(coded('IO_CLOSED') as Error)
  })

  it('gives memory of its own of a Buffer too, whose slices are views', async () => {
    const source = createBytesSource(Buffer.from(bytes))
    const part = await source.read(10, 20)
    part.fill(0)
    expect(await source.read(10, 20)).toEqual(bytes.slice(10, 30))
    source.peek(10, 20)!.slice().fill(0)
    expect(await source.read(10, 20)).toEqual(bytes.slice(10, 30))
  })

  it('has an identity that equals no other, or the one given', () => {
    const identities = [createBytesSource(bytes).identity, createBytesSource(bytes).identity]
    expect(compareIdentity(identities[0]!, identities[1]!)).toBe('unknown')
    const given: SourceIdentity = { kind: 'content', cid: 'bafk', sizeBytes: 1000 }
    expect(createBytesSource(bytes, { identity: given }).identity).toBe(given)
  })

  it('refuses reads once closed, and with a signal that is aborted', async () => {
    const source = createBytesSource(bytes)
    const reason = new Error('enough')
    await expect(source.read(0, 1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await source.close()
    await source[Symbol.asyncDispose]()
    await expect(source.read(0, 1)).rejects.toEqual(coded('IO_CLOSED'))
    expect(() => source.peek(0, 1)).toThrow(coded('IO_CLOSED') as Error)
  })
})

describe('createWindow', () => {
  it('is a part of the source, and reads nothing beside it', async () => {
    const window = createWindow(createBytesSource(bytes), 100, 300)
    expect(window.sizeBytes).toBe(300)
    expect(await window.read(0, 300)).toEqual(bytes.slice(100, 400))
    expect(window.peek(299, 1)).toEqual(bytes.slice(399, 400))
    for (const [at, length] of [[0, 301], [300, 1], [-1, 1], [-100, 10]] as const) {
      await expect(window.read(at, length)).rejects.toEqual(coded('IO_OUT_OF_RANGE'))
      expect(() => window.peek(at, length)).toThrow(coded('IO_OUT_OF_RANGE') as Error)
    }
    expect(await createWindow(window, 10, 5).read(1, 2)).toEqual(bytes.slice(111, 113))
    for (const [at, length] of outside) expect(() => createWindow(createBytesSource(bytes), at, length)).toThrow(coded('IO_OUT_OF_RANGE') as Error)
  })

  it('has an identity made from the source\'s, or the one given', () => {
    const identity = (of: SourceIdentity, start: number): SourceIdentity => createWindow(createBytesSource(bytes, { identity: of }), start, 10).identity
    const content: SourceIdentity = { kind: 'content', cid: 'bafk', sizeBytes: 1000 }
    const version: SourceIdentity = { kind: 'version', tag: '"a"', sizeBytes: 1000 }
    const file: SourceIdentity = { kind: 'file', sizeBytes: 1000, mtimeNs: 5n, inode: 6n }
    expect(compareIdentity(identity(content, 0), identity(content, 0))).toBe('same')
    expect(compareIdentity(identity(content, 0), identity(content, 1))).toBe('different')
    expect(compareIdentity(identity(version, 0), identity(version, 0))).toBe('same')
    expect(compareIdentity(identity(version, 0), identity(version, 1))).toBe('different')
    expect(identity(file, 0)).toEqual({ ...file, sizeBytes: 10 })
    expect(compareIdentity(identity(file, 1), identity(file, 1))).toBe('same')
    expect(compareIdentity(identity(file, 0), identity(file, 1))).toBe('unknown')
    expect(createWindow(createBytesSource(bytes), 0, 10, { identity: content }).identity).toBe(content)
  })

  it('closes the source only when it owns it', async () => {
    const source = createBytesSource(bytes)
    const lent = createWindow(source, 0, 10)
    await lent.close()
    await expect(lent.read(0, 1)).rejects.toEqual(coded('IO_CLOSED'))
    expect(() => lent.peek(0, 1)).toThrow(coded('IO_CLOSED') as Error)
    expect(await source.read(0, 1)).toEqual(bytes.slice(0, 1))
    const owned = createWindow(source, 0, 10, { owns: true })
    const closing = owned.close()
    expect(owned[Symbol.asyncDispose]()).toBe(closing)
    await closing
    await expect(source.read(0, 1)).rejects.toEqual(coded('IO_CLOSED'))
  })
})

describe('readChunks', () => {
  it('gives any range in chunks of any length', async () => {
    const source = createBytesSource(bytes)
    await fc.assert(fc.asyncProperty(fc.nat(1000), fc.nat(1000), fc.integer({ min: 1, max: 1100 }), async (a, b, chunkBytes) => {
      const [from, to] = a < b ? [a, b] : [b, a]
      const chunks = await readAll(source, from, to, { chunkBytes })
      expect(Buffer.compare(Buffer.concat(chunks), bytes.subarray(from, to))).toBe(0)
      expect(chunks.slice(0, -1).every(({ byteLength }) => byteLength === chunkBytes)).toBe(true)
    }), { seed: 1 })
  })

  it('refuses a range that is not inside, and a chunk length that is none', async () => {
    const source = createBytesSource(bytes)
    await expect(readAll(source, 0, 1001)).rejects.toEqual(coded('IO_OUT_OF_RANGE'))
    await expect(readAll(source, 10, 9)).rejects.toEqual(coded('IO_OUT_OF_RANGE'))
    for (const chunkBytes of [0, -1, 0.5, Number.NaN]) await expect(readAll(source, 0, 10, { chunkBytes })).rejects.toThrow(RangeError)
  })

  it('reads one chunk ahead and no more, and none when the consumer stops', async () => {
    const reads: number[] = []
    const inner = createBytesSource(bytes)
    const source: ByteSource = { ...inner, read: (at, length, options) => { reads.push(at); return inner.read(at, length, options) } }
    const chunks = readChunks(source, 0, 1000, { chunkBytes: 100 })
    expect(reads).toEqual([])
    await chunks.next()
    expect(reads).toEqual([0, 100])
    await chunks.next()
    expect(reads).toEqual([0, 100, 200])
    await chunks.return()
    expect(reads).toEqual([0, 100, 200])
  })

  it('gives the chunks before a failure, and leaves no failure unhandled when the consumer stops', async () => {
    const failure = new Error('no more')
    const inner = createBytesSource(bytes)
    const source: ByteSource = { ...inner, read: (at, length) => at < 200 ? inner.read(at, length) : Promise.reject(failure) }
    const chunks = readChunks(source, 0, 1000, { chunkBytes: 100 })
    await chunks.next()
    await chunks.next()
    await expect(chunks.next()).rejects.toBe(failure)
    const stopped = readChunks(source, 0, 1000, { chunkBytes: 100 })
    await stopped.next()
    await stopped.next()
    await stopped.return()
  })

  it('rejects with the reason of a signal', async () => {
    const reason = new Error('enough')
    const controller = new AbortController()
    const chunks = readChunks(createBytesSource(bytes), 0, 1000, { chunkBytes: 100, signal: controller.signal })
    await chunks.next()
    controller.abort(reason)
    await chunks.next() // read ahead, before the abort
    await expect(chunks.next()).rejects.toBe(reason)
  })
})

describe('createMemoryDirectory', () => {
  it('keeps a source on the bytes that it was opened on, whatever is written', async () => {
    const directory = createMemoryDirectory()
    const file = await directory.openWritable('a', 'new')
    await file.write(0, bytes)
    const before = await directory.openSource('a')
    await file.write(0, new Uint8Array(10))
    const middle = await directory.openSource('a')
    await file.truncate(5)
    const after = await directory.openSource('a')
    await file.write(0, Uint8Array.of(9, 9, 9, 9, 9, 9))
    expect(await before.read(0, 1000)).toEqual(bytes)
    expect((await middle.read(0, 1000)).subarray(0, 12)).toEqual(Uint8Array.from([...new Uint8Array(10), ...bytes.subarray(10, 12)]))
    expect(await after.read(0, 5)).toEqual(new Uint8Array(5))
    expect(compareIdentity(before.identity, middle.identity)).toBe('unknown')
    expect(compareIdentity(before.identity, after.identity)).toBe('different')
    expect(compareIdentity(before.identity, (await directory.openSource('a')).identity)).toBe('different')
  })

  it('says that it is full when there is no memory', async () => {
    const file = await createMemoryDirectory().openWritable('a', 'new')
    await file.write(0, bytes)
    await expect(file.write(2 ** 50, bytes)).rejects.toEqual(coded('IO_FULL'))
    await expect(file.truncate(2 ** 50)).rejects.toEqual(coded('IO_FULL'))
    expect(file.sizeBytes).toBe(1000)
    expect(await file.read(0, 1000)).toEqual(bytes)
  })
})
