import { describe, expect, it } from 'vitest'
import { oneChunk } from '../src/index.ts'

const chunk = Uint8Array.of(1, 2, 3)
const failure = new Error('no such luck')
const soon = <T>(value: T): Promise<T> => new Promise((resolve) => { setImmediate(resolve, value) })
type Read = () => Promise<Uint8Array>
type Chunks = AsyncGenerator<Uint8Array, void, undefined>
type Use = (chunks: Chunks) => Promise<unknown>[]

/** What it stands for. */
async function * plain (read: Read): Chunks { yield await read() }

const reads: { readonly [name: string]: Read } = {
  'a chunk': () => soon(chunk),
  'a failure': () => soon(failure).then((error) => { throw error }),
}
const uses: { readonly [name: string]: Use } = {
  'taken one after another': (chunks) => [chunks.next(), chunks.next(), chunks.next()],
  'ended before anything was taken': (chunks) => [chunks.return(), chunks.next()],
  'ended while it reads': (chunks) => [chunks.next(), chunks.return(), chunks.next()],
  'broken before anything was taken': (chunks) => [chunks.throw(failure), chunks.next()],
  'broken while it reads': (chunks) => [chunks.next(), chunks.throw(failure), chunks.next()],
  'ended with a failure': (chunks) => [chunks.return(Promise.reject(failure)), chunks.next()],
}

/** Outcomes in the order in which they came. */
const outcomes = async (make: (read: Read) => Chunks, read: Read, use: Use): Promise<unknown[]> => {
  const seen: unknown[] = []
  await Promise.all(use(make(read)).map((step, at) => step.then((result) => seen.push([at, result]), (error: unknown) => seen.push([at, 'rejects', error]))))
  return seen
}

describe('oneChunk', () => {
  it.each(Object.keys(reads).flatMap((read) => Object.keys(uses).map((use) => ({ read, use }))))('of $read is what a generator function gives when $use', async ({ read, use }) => {
    expect(await outcomes(oneChunk, reads[read]!, uses[use]!)).toEqual(await outcomes(plain, reads[read]!, uses[use]!))
  })

  it('reads when asked first, once, and never when it is ended before', async () => {
    let count = 0
    const read = async (): Promise<Uint8Array> => { count++; return chunk }
    const [taken, ended] = [oneChunk(read), oneChunk(read)]
    expect(count).toBe(0)
    for await (const part of taken) expect(part).toBe(chunk)
    await ended.return()
    for await (const part of ended) expect.unreachable(`${part.byteLength} bytes`)
    await ended[Symbol.asyncDispose]()
    expect(count).toBe(1)
  })

  it('iterates itself, and has what all async iterators have', () => {
    const chunks = oneChunk(async () => chunk)
    expect(chunks[Symbol.asyncIterator]()).toBe(chunks)
    const shared = Object.getPrototypeOf(Object.getPrototypeOf(Object.getPrototypeOf(plain(async () => chunk)))) as object
    expect(Object.prototype.isPrototypeOf.call(shared, chunks)).toBe(true)
  })
})
