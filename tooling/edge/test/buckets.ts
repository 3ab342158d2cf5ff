/** A bucket in memory, that misbehaves as it is told. */
import type { R2Bucket, R2GetOptions, R2Object, R2ObjectBody } from '../../../examples/worker/src/bindings.ts'

export interface TestBucket extends R2Bucket {
  readonly objects: Map<string, { bytes: Uint8Array, etag: string }>
  /** `key offset+length`, or `key -suffix`. */
  readonly asked: string[]
  /** From now on every answer is this. */
  answer: (() => Promise<R2ObjectBody | R2Object | null>) | undefined
  put (key: string, bytes: Uint8Array): void
}

export const bodyOf = (bytes: Uint8Array, size: number, etag: string): R2ObjectBody => ({
  size,
  etag,
  body: new ReadableStream(),
  arrayBuffer: async () => bytes.slice().buffer as ArrayBuffer,
})

export const createTestBucket = (): TestBucket => {
  let puts = 0
  const bucket: TestBucket = {
    objects: new Map(),
    asked: [],
    answer: undefined,
    put: (key, bytes) => { bucket.objects.set(key, { bytes, etag: `put-${++puts}` }) },
    get: async (key, { range, onlyIf }: R2GetOptions = {}) => {
      const object = bucket.objects.get(key)
      const size = object?.bytes.byteLength ?? 0
      const { offset, length } = range === undefined ? { offset: 0, length: size } : 'suffix' in range ? { offset: Math.max(0, size - range.suffix), length: Math.min(size, range.suffix) } : range
      bucket.asked.push(range !== undefined && 'suffix' in range ? `${key} -${range.suffix}` : `${key} ${offset}+${length}`)
      if (bucket.answer !== undefined) return bucket.answer()
      if (object === undefined) return null
      if (onlyIf !== undefined && onlyIf.etagMatches !== object.etag) return { size, etag: object.etag }
      return bodyOf(object.bytes.subarray(offset, offset + length), size, object.etag)
    },
  }
  return bucket
}
