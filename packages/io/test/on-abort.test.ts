import { describe, expect, it } from 'vitest'
import { onAbort } from '../src/index.ts'

describe('onAbort', () => {
  it('tells everyone once, by one listener, but for those who left', () => {
    const controller = new AbortController()
    const { signal } = controller
    let listeners = 0
    const { addEventListener, removeEventListener } = signal
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => { listeners++; addEventListener.apply(signal, args) }
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => { listeners--; removeEventListener.apply(signal, args) }
    const told: number[] = []
    const leave = Array.from({ length: 100 }, (_, i) => onAbort(signal, () => { told.push(i) }))
    expect(listeners).toBe(1)
    for (const i of [3, 50, 3]) leave[i]!()
    controller.abort()
    for (const left of leave) left()
    expect(told).toEqual(Array.from({ length: 100 }, (_, i) => i).filter((i) => i !== 3 && i !== 50))
  })

  it('leaves nothing behind when all have left, and begins anew after that', () => {
    const controller = new AbortController()
    const told: string[] = []
    onAbort(controller.signal, () => { told.push('left') })()
    onAbort(controller.signal, () => { told.push('stayed') })
    controller.abort()
    expect(told).toEqual(['stayed'])
  })

  it('lets one who is told make another leave', () => {
    const controller = new AbortController()
    const told: string[] = []
    let leaveSecond = (): void => {}
    onAbort(controller.signal, () => { told.push('first'); leaveSecond() })
    leaveSecond = onAbort(controller.signal, () => { told.push('second') })
    controller.abort()
    expect(told).toEqual(['first'])
  })
})
