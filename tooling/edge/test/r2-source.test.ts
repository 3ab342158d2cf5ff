import { IoError } from '@dagstore/io'
import { GatewayRefusal } from '@dagstore/trustless-gateway'
import { describe, expect, it } from 'vitest'
import { createBudget } from '../../../examples/worker/src/budget.ts'
import { createR2Objects, createR2Source } from '../../../examples/worker/src/r2-source.ts'
import { bodyOf, createTestBucket } from './buckets.ts'

const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i)
const coded = (code: string): unknown => expect.objectContaining({ code })
const free = (): void => {}

describe('an object in R2', () => {
  it('is read by ranges of the version that the first answer is of', async () => {
    const bucket = createTestBucket()
    bucket.put('a', bytes)
    const source = createR2Source(bucket, 'a', { sizeBytes: 1000, etag: undefined }, free)
    expect(await source.read(10, 5)).toEqual(bytes.slice(10, 15))
    expect(await source.read(1000, 0)).toEqual(new Uint8Array(0))
    expect(source.peek(0, 1)).toBeUndefined()
    bucket.put('a', bytes)
    await expect(source.read(10, 5)).rejects.toEqual(coded('IO_SOURCE_CHANGED'))
    expect(bucket.asked).toEqual(['a 10+5', 'a 10+5'])
  })

  it('has no bytes of another version than the one that is known, nor of another length', async () => {
    const bucket = createTestBucket()
    bucket.put('a', bytes)
    await expect(createR2Source(bucket, 'a', { sizeBytes: 1000, etag: 'put-0' }, free).read(0, 1)).rejects.toEqual(coded('IO_SOURCE_CHANGED'))
    await expect(createR2Source(bucket, 'a', { sizeBytes: 999, etag: undefined }, free).read(0, 1)).rejects.toEqual(coded('IO_SOURCE_CHANGED'))
    expect(await createR2Source(bucket, 'a', { sizeBytes: 1000, etag: 'put-1' }, free).read(0, 1)).toEqual(bytes.slice(0, 1))
  })

  it('tells what is wrong with an answer', async () => {
    const bucket = createTestBucket()
    bucket.put('a', bytes)
    const read = (): Promise<Uint8Array> => createR2Source(bucket, 'a', { sizeBytes: 1000, etag: undefined }, free).read(5, 10)
    bucket.answer = async () => null
    await expect(read()).rejects.toEqual(expect.objectContaining({ code: 'IO_SOURCE_LOST', retry: 'never' }))
    bucket.answer = async () => { throw new Error('internal error') }
    await expect(read()).rejects.toEqual(expect.objectContaining({ code: 'IO_SOURCE_LOST', retry: 'later' }))
    bucket.answer = async () => bodyOf(bytes.subarray(5, 14), 1000, 'x')
    await expect(read()).rejects.toEqual(coded('IO_TRUNCATED'))
    bucket.answer = async () => ({ ...bodyOf(bytes, 1000, 'x'), arrayBuffer: async () => { throw new Error('connection') } })
    await expect(read()).rejects.toEqual(expect.objectContaining({ code: 'IO_SOURCE_LOST', retry: 'later' }))
  })

  it('is asked for nothing outside of it, after its end, or for who has left', async () => {
    const bucket = createTestBucket()
    bucket.put('a', bytes)
    const source = createR2Source(bucket, 'a', { sizeBytes: 1000, etag: undefined }, free)
    await expect(source.read(999, 2)).rejects.toEqual(coded('IO_OUT_OF_RANGE'))
    const left = AbortSignal.abort(new Error('left'))
    await expect(source.read(0, 1, { signal: left })).rejects.toBe(left.reason)
    await source.close()
    await expect(source.read(0, 1)).rejects.toEqual(coded('IO_CLOSED'))
    expect(() => source.peek(0, 1)).toThrow(IoError)
    expect(bucket.asked).toEqual([])
  })

  it('gives its end and its version by one request', async () => {
    const bucket = createTestBucket()
    bucket.put('a', bytes)
    const objects = createR2Objects(bucket, free)
    expect(await objects.end('a', 10)).toEqual({ version: { sizeBytes: 1000, etag: 'put-1' }, bytes: bytes.slice(-10) })
    expect((await objects.end('a', 5000)).bytes).toEqual(bytes)
    await expect(objects.end('b', 10)).rejects.toEqual(coded('IO_NOT_FOUND'))
    expect(bucket.asked).toEqual(['a -10', 'a -5000', 'b -10'])
  })

  it('is asked no more often than a request may ask', async () => {
    const bucket = createTestBucket()
    bucket.put('a', bytes)
    const source = createR2Source(bucket, 'a', { sizeBytes: 1000, etag: undefined }, createBudget(2).spend)
    await source.read(0, 1)
    await source.read(1, 1)
    const refused: unknown = await source.read(2, 1).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(GatewayRefusal)
    expect(refused).toMatchObject({ code: 'GATEWAY_TOO_LARGE', status: 503 })
    expect(bucket.asked).toHaveLength(2)
  })
})
