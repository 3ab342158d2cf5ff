import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { withdrawable } from '../src/withdrawable.ts'

const reason = new Error('enough')
const failing = (): Promise<never> => Promise.reject(new Error('broken'))

describe('withdrawable', () => {
  it('gives what the work gives, and leaves nothing at the signal', async () => {
    const { signal } = new AbortController()
    expect(await withdrawable(Promise.resolve(1), signal)).toBe(1)
    await expect(withdrawable(failing(), signal)).rejects.toThrow('broken')
    expect(await withdrawable(Promise.resolve(2), undefined)).toBe(2)
    await Promise.resolve()
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('rejects with the reason, unchanged, while the work goes on', async () => {
    const controller = new AbortController()
    let end = (_value: number): void => {}
    const work = new Promise<number>((resolve) => { end = resolve })
    const waits = withdrawable(work, controller.signal)
    const other = withdrawable(work, new AbortController().signal)
    controller.abort(reason)
    await expect(waits).rejects.toBe(reason)
    end(3)
    expect(await other).toBe(3)
  })

  it('leaves no rejection unhandled when the work fails behind an abort, before or after the call', async () => {
    const unhandled: unknown[] = []
    const note = (error: unknown): void => { unhandled.push(error) }
    process.on('unhandledRejection', note)
    try {
      const controller = new AbortController()
      let fail = (_error: Error): void => {}
      const waits = withdrawable(new Promise((_resolve, reject) => { fail = reject }), controller.signal)
      controller.abort(reason)
      await expect(waits).rejects.toBe(reason)
      fail(new Error('later'))
      await expect(withdrawable(failing(), controller.signal)).rejects.toBe(reason)
      await new Promise(setImmediate)
      expect(unhandled).toEqual([])
    } finally {
      process.off('unhandledRejection', note)
    }
  })
})
