import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { untilAborted } from '../src/index.ts'

const reason = new Error('enough')
const one = Uint8Array.of(1)
/** Gives `count` chunks, then lets wait for ever; knows whether it was closed. */
const waiting = (count: number) => {
  const seen = { closed: false, asked: 0 }
  const chunks: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: () => seen.asked++ < count ? Promise.resolve({ done: false, value: one }) : new Promise(() => {}),
      return: async () => {
        seen.closed = true
        return { done: true, value: undefined }
      },
    }),
  }
  return { seen, chunks }
}
const take = async (chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, onChunk = (): void => {}): Promise<number> => {
  let count = 0
  for await (const _ of chunks) {
    count++
    onChunk()
  }
  return count
}

describe('untilAborted', () => {
  it('gives the same chunks, and leaves nothing at the signal', async () => {
    const { signal } = new AbortController()
    const chunks = async function * (): AsyncGenerator<Uint8Array> { yield * [one, one, one] }
    expect(await take(untilAborted(chunks(), signal))).toBe(3)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('passes on what needs no watch: chunks at hand, and a call without a signal', () => {
    const list = [one]
    const { chunks } = waiting(1)
    expect(untilAborted(list, new AbortController().signal)).toBe(list)
    expect(untilAborted(chunks, undefined)).toBe(chunks)
  })

  it('rejects at once while a chunk is waited for, and closes the chunks', async () => {
    const control = new AbortController()
    const { seen, chunks } = waiting(2)
    const taken = take(untilAborted(chunks, control.signal))
    await new Promise(setImmediate)
    control.abort(reason)
    await expect(taken).rejects.toBe(reason)
    expect(seen).toEqual({ closed: true, asked: 3 })
  })

  it('asks for no more once aborted, and closes the chunks before it rejects', async () => {
    const control = new AbortController()
    const { seen, chunks } = waiting(9)
    await expect(take(untilAborted(chunks, control.signal), () => { control.abort(reason) })).rejects.toBe(reason)
    expect(seen).toEqual({ closed: true, asked: 1 })
  })

  it('closes the chunks when its consumer stops, but not those that ended or failed', async () => {
    const { signal } = new AbortController()
    const { seen, chunks } = waiting(9)
    for await (const _ of untilAborted(chunks, signal)) break
    expect(seen.closed).toBe(true)
    let closed = 0
    const failing: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.reject(reason),
        return: async () => {
          closed++
          return { done: true, value: undefined }
        },
      }),
    }
    await expect(take(untilAborted(failing, signal))).rejects.toBe(reason)
    expect(closed).toBe(0)
  })
})
