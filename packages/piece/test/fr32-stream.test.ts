import { seededBytes } from '@dagstore-tooling/fixtures'
import { seededRandom } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { padFr32, unpadFr32 } from '../src/fr32.ts'
import { padFr32Stream, unpadFr32Stream } from '../src/fr32-stream.ts'
import { createPieceEngine } from '../src/node-engine.ts'

const collect = async (chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> => {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return new Uint8Array(Buffer.concat(parts))
}

const cut = (bytes: Uint8Array, seed: string, max: number): Uint8Array[] => {
  const random = seededRandom(seed)
  const parts: Uint8Array[] = []
  for (let at = 0; at < bytes.byteLength;) {
    const length = random.int(max)
    parts.push(bytes.subarray(at, at + length))
    at += length
  }
  return parts
}

const filled = (payload: Uint8Array): Uint8Array => {
  const whole = new Uint8Array(Math.ceil(payload.byteLength / 127) * 127)
  whole.set(payload)
  return whole
}

const expectBytes = (got: Uint8Array, want: Uint8Array): void => {
  expect(Buffer.compare(got, want)).toBe(0)
}

describe.each([{ form: 'plain', engine: undefined }, { form: 'WebAssembly', engine: createPieceEngine() }])('fr32 streams, $form', ({ engine }) => {
  it.each([0, 1, 126, 127, 128, 65_023, 65_024, 65_025, 65_024 * 2, 200_000])('pad %i bytes, and give them back, however they are cut', async (length) => {
    const payload = seededBytes(length, length)
    const want = padFr32(filled(payload))
    for (const max of [100, 5000, 150_000]) {
      const padded = await collect(padFr32Stream(cut(payload, `p${max}`, max), { engine }))
      expectBytes(padded, want)
      expectBytes(await collect(unpadFr32Stream(cut(padded, `u${max}`, max), { engine, payloadBytes: length })), payload)
      expectBytes(await collect(unpadFr32Stream([padded], { engine })), unpadFr32(want))
    }
  })
  it('fill up to the size of a piece with zeros', async () => {
    const payload = seededBytes(1, 1000)
    const padded = await collect(padFr32Stream([payload], { engine, paddedBytes: 2 ** 18 }))
    expect(padded.byteLength).toBe(2 ** 18)
    expectBytes(padded.subarray(0, 1024), padFr32(filled(payload)))
    expect(padded.subarray(1024).every((byte) => byte === 0)).toBe(true)
    expectBytes(await collect(unpadFr32Stream([padded], { engine, payloadBytes: 1000 })), payload)
    expect((await collect(padFr32Stream([], { engine, paddedBytes: 256 }))).byteLength).toBe(256)
  })
  it('give memory of the consumer\'s own, and keep no reference to what came in', async () => {
    const reused = new Uint8Array(65_024)
    const source = function * (): Generator<Uint8Array> {
      for (let value = 1; value < 4; value++) yield reused.fill(value)
    }
    const chunks: Uint8Array[] = []
    for await (const chunk of padFr32Stream(source(), { engine })) {
      expect(chunk.buffer.byteLength).toBe(chunk.byteLength)
      chunks.push(chunk)
    }
    expect(chunks.map((chunk) => chunk[0])).toEqual([1, 2, 3])
  })
})

describe.each([{ name: 'padFr32Stream', stream: padFr32Stream }, { name: 'unpadFr32Stream', stream: unpadFr32Stream }])('$name', ({ stream }) => {
  it('rejects at once with the reason of an abort while its source lets wait', async () => {
    const reason = new Error('enough')
    const control = new AbortController()
    const source = async function * (): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(127 * 128)
      await new Promise(() => { control.abort(reason) })
    }
    await expect(collect(stream(source(), { signal: control.signal }))).rejects.toBe(reason)
  })
})

describe('padFr32Stream', () => {
  it('refuses a payload that is too long, and a size of no whole chunks', async () => {
    await expect(collect(padFr32Stream([new Uint8Array(128)], { paddedBytes: 128 }))).rejects.toMatchObject({ code: 'PIECE_TOO_LARGE' })
    await expect(collect(padFr32Stream([], { paddedBytes: 100 }))).rejects.toBeInstanceOf(RangeError)
  })
  it('rejects with the reason of an abort, and closes its source', async () => {
    const reason = new Error('enough')
    await expect(collect(padFr32Stream([new Uint8Array(1)], { signal: AbortSignal.abort(reason) }))).rejects.toBe(reason)
    const control = new AbortController()
    let closed = false
    const source = async function * (): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield new Uint8Array(65_024)
      } finally {
        closed = true
      }
    }
    const taken = (async () => {
      for await (const _ of padFr32Stream(source(), { signal: control.signal })) control.abort(reason)
    })()
    await expect(taken).rejects.toBe(reason)
    expect(closed).toBe(true)
    const zeros = new AbortController()
    const tail = (async () => {
      for await (const _ of padFr32Stream([], { paddedBytes: 2 ** 30, signal: zeros.signal })) zeros.abort(reason)
    })()
    await expect(tail).rejects.toBe(reason)
  })
})

describe('unpadFr32Stream', () => {
  it('refuses padded bytes that end early', async () => {
    const padded = padFr32(new Uint8Array(254))
    const truncated = { code: 'PIECE_TRUNCATED' }
    await expect(collect(unpadFr32Stream([padded], { payloadBytes: 255 }))).rejects.toMatchObject(truncated)
    await expect(collect(unpadFr32Stream([padded.subarray(0, 255)], { payloadBytes: 254 }))).rejects.toMatchObject(truncated)
    await expect(collect(unpadFr32Stream([padded.subarray(0, 255)]))).rejects.toMatchObject(truncated)
    await expect(collect(unpadFr32Stream([], { payloadBytes: 1 }))).rejects.toMatchObject(truncated)
    await expect(collect(unpadFr32Stream([], { payloadBytes: -1 }))).rejects.toBeInstanceOf(RangeError)
  })
  it('asks for no more than the payload takes', async () => {
    let asked = 0
    const source = function * (): Generator<Uint8Array> {
      for (;;) {
        asked++
        yield new Uint8Array(128)
      }
    }
    expect((await collect(unpadFr32Stream(source(), { payloadBytes: 65_024 + 1 }))).byteLength).toBe(65_025)
    expect(asked).toBe(1024)
    expect((await collect(unpadFr32Stream(source(), { payloadBytes: 0 }))).byteLength).toBe(0)
    expect(asked).toBe(1024)
  })
  it('rejects with the reason of an abort', async () => {
    const reason = new Error('enough')
    await expect(collect(unpadFr32Stream([new Uint8Array(128)], { signal: AbortSignal.abort(reason) }))).rejects.toBe(reason)
  })
})
