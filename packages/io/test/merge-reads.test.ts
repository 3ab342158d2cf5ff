import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { createMergedReads, type MergeOptions } from '../src/index.ts'

const bytes = Uint8Array.from({ length: 5000 }, (_, at) => at * 7)
/** Reads of `bytes`, as `at+length`. */
const counted = (options: Partial<MergeOptions> = {}): { readonly read: ReturnType<typeof createMergedReads>, readonly made: string[] } => {
  const made: string[] = []
  const read = createMergedReads({
    read: async (at, length) => {
      made.push(`${at}+${length}`)
      return bytes.slice(at, at + length)
    },
    gapBytes: 10,
    maxBytes: 1000,
    splitOnFailure: false,
    ...options,
  })
  return { read, made }
}

describe('createMergedReads', () => {
  it('gives every caller what was asked for, in memory of its own, whatever is asked at once', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.nat(4000), fc.nat(1000)), { maxLength: 20 }), async (spans) => {
      const { read, made } = counted()
      const parts = await Promise.all(spans.map(([at, length]) => read(at, length)))
      for (const [i, [at, length]] of spans.entries()) {
        expect(parts[i]).toEqual(bytes.slice(at, at + length))
        expect(parts[i]!.buffer.byteLength).toBe(length)
      }
      expect(new Set(parts.map((part) => part.buffer)).size).toBe(spans.length)
      expect(made.length).toBeLessThanOrEqual(spans.length)
    }), { seed: 31 })
  })

  it('gives every caller memory of its own also of a reader that gives a Buffer, whose slices are views', async () => {
    const { read } = counted({ read: async (at, length) => Buffer.from(bytes.subarray(at, at + length)) })
    const [first, second] = await Promise.all([read(0, 100), read(50, 100)])
    first!.fill(0)
    expect(second).toEqual(bytes.slice(50, 150))
  })

  it('rejects for a reader that throws at once', async () => {
    const failure = new Error('closed')
    const { read } = counted({ read: () => { throw failure } })
    await expect(read(0, 100)).rejects.toBe(failure)
  })

  it('reads through short gaps only, and up to a length', async () => {
    const { read, made } = counted()
    await Promise.all([read(0, 100), read(110, 100), read(221, 100), read(1000, 600), read(1600, 600), read(1700, 10), read(3000, 1500)])
    expect(made).toEqual(['0+210', '221+100', '1000+600', '1600+600', '3000+1500'])
  })

  it('makes each read alone after a merged one failed, where that is asked for', async () => {
    const failure = new Error('a bad place')
    const make = (splitOnFailure: boolean): ReturnType<typeof createMergedReads> => counted({
      splitOnFailure,
      read: async (at, length) => {
        if (at <= 150 && 150 < at + length) throw failure
        return bytes.slice(at, at + length)
      },
    }).read
    const outcomes = async (read: ReturnType<typeof createMergedReads>): Promise<string[]> =>
      (await Promise.allSettled([read(0, 100), read(100, 100), read(200, 100)])).map(({ status }) => status)
    expect(await outcomes(make(false))).toEqual(['rejected', 'rejected', 'rejected'])
    expect(await outcomes(make(true))).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })

  it('reads nothing for those who withdrew in the same turn, and lets go of their signals', async () => {
    const { read, made } = counted()
    const controller = new AbortController()
    const reason = new Error('enough')
    const given = read(0, 10, controller.signal)
    const kept = read(1000, 10)
    controller.abort(reason)
    await expect(given).rejects.toBe(reason)
    await kept
    expect(made).toEqual(['1000+10'])
    await expect(read(0, 10, controller.signal)).rejects.toBe(reason)

    const { signal } = new AbortController()
    let listeners = 0
    const watched = Object.create(signal, {
      aborted: { get: () => false },
      addEventListener: { value: () => { listeners++ } },
      removeEventListener: { value: () => { listeners-- } },
    }) as AbortSignal
    await Promise.all([read(0, 10, watched), read(5, 10, watched)])
    expect(listeners).toBe(0)
  })
})
