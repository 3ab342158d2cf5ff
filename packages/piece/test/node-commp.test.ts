import { seededBytes } from '@dagstore-tooling/fixtures'
import type { ByteProgress } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { createCommP } from '../src/commp.ts'
import { commpOf } from '../src/node-commp.ts'

describe('commpOf', () => {
  const payload = seededBytes(3, 2_500_000)
  const want = ((): ReturnType<ReturnType<typeof createCommP>['finish']> => {
    const commp = createCommP()
    commp.write(payload)
    return commp.finish()
  })()

  it('commits to a stream of chunks, however they are cut', async () => {
    expect(await commpOf([payload])).toEqual(want)
    const chunks = async function * (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < payload.byteLength; at += 77_777) yield payload.subarray(at, at + 77_777)
    }
    expect(await commpOf(chunks())).toEqual(want)
  })
  it('reports progress that never decreases, with the total it was told', async () => {
    const seen: ByteProgress[] = []
    await commpOf([payload], { totalBytes: payload.byteLength, onProgress: (progress) => { seen.push(progress) } })
    expect(seen.map(({ doneBytes }) => doneBytes)).toEqual([1 << 20, 2 << 20])
    expect(seen.every(({ totalBytes }) => totalBytes === payload.byteLength)).toBe(true)
  })
  it('gives way to other work between slices', async () => {
    let turns = 0
    const timer = setInterval(() => { turns++ }, 0)
    await commpOf([seededBytes(4, 6 << 20)])
    clearInterval(timer)
    expect(turns).toBeGreaterThan(0)
  })
  it('rejects with the reason of an abort, before the first chunk and between chunks', async () => {
    const reason = new Error('enough')
    await expect(commpOf([payload], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const control = new AbortController()
    let closed = false
    const chunks = async function * (): AsyncGenerator<Uint8Array> {
      try {
        yield payload
        control.abort(reason)
        yield payload
        throw new Error('not to be asked for')
      } finally {
        closed = true
      }
    }
    await expect(commpOf(chunks(), { signal: control.signal })).rejects.toBe(reason)
    expect(closed).toBe(true)
  })
  it('rejects at once with the reason of an abort while the stream lets wait, and closes it when it goes on', async () => {
    const reason = new Error('enough')
    for (const workers of [undefined, 1]) {
      const control = new AbortController()
      let goOn = (): void => {}
      let closed = false
      const chunks = async function * (): AsyncGenerator<Uint8Array> {
        try {
          yield payload
          await new Promise<void>((resolve) => {
            goOn = resolve
            control.abort(reason)
          })
          yield payload
        } finally {
          closed = true
        }
      }
      await expect(commpOf(chunks(), { signal: control.signal, workers })).rejects.toBe(reason)
      expect(closed).toBe(false)
      goOn()
      await new Promise((resolve) => { setImmediate(resolve) })
      expect(closed).toBe(true)
    }
  })
  it('tells the reason of an abort alone, whatever the stream it left does after that', async () => {
    const reason = new Error('enough')
    const control = new AbortController()
    let fail = (_: Error): void => {}
    const waiting = new Promise<never>((_, reject) => { fail = reject })
    const chunks = { [Symbol.asyncIterator]: () => ({ next: () => { control.abort(reason); return waiting }, return: async () => { throw new Error('cannot be closed') } }) }
    await expect(commpOf(chunks, { signal: control.signal })).rejects.toBe(reason)
    fail(new Error('disk'))
    await new Promise((resolve) => { setImmediate(resolve) })
  })
  it('takes a signal that never aborts for none, and closes nothing that has ended', async () => {
    const { signal } = new AbortController()
    let returned = 0
    let left = 2
    const chunks = { [Symbol.asyncIterator]: () => ({ next: async () => left-- > 0 ? { done: false as const, value: payload } : { done: true as const, value: undefined }, return: async () => { returned++; return { done: true as const, value: undefined } } }) }
    const twice = await commpOf(chunks, { signal })
    expect(twice.payloadBytes).toBe(2 * payload.byteLength)
    expect(returned).toBe(0)
    const broken = new Error('disk')
    const failing = { [Symbol.asyncIterator]: () => ({ next: async (): Promise<never> => { throw broken }, return: async (): Promise<never> => { returned++; throw broken } }) }
    await expect(commpOf(failing, { signal })).rejects.toBe(broken)
    expect(returned).toBe(0)
  })
  it('hands on the error of the stream', async () => {
    const broken = new Error('disk')
    const chunks = async function * (): AsyncGenerator<Uint8Array> { yield payload; throw broken }
    await expect(commpOf(chunks())).rejects.toBe(broken)
  })
  it('refuses an empty stream', async () => {
    await expect(commpOf([])).rejects.toMatchObject({ code: 'PIECE_TOO_SMALL' })
  })
})
