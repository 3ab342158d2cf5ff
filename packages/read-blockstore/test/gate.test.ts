import { describe, expect, it } from 'vitest'
import { createGate } from '../src/index.ts'

const closed = expect.objectContaining({ code: 'BLOCKSTORE_CLOSED' }) as unknown

describe('a gate', () => {
  it('lets calls under way finish before it is shut, also those that fail, and refuses later ones at once', async () => {
    const gate = createGate()
    const log: string[] = []
    let finish = (): void => {}
    const call = gate.pass(() => new Promise<void>((resolve) => { finish = resolve })).then(() => { log.push('call') })
    const failing = gate.pass(async () => { throw new RangeError('no') })
    gate.enter()
    const shut = gate.shut().then(() => { log.push('shut') })
    expect(() => { gate.check() }).toThrow(closed)
    expect(() => { gate.enter() }).toThrow(closed)
    await expect(gate.pass(async () => 1)).rejects.toEqual(closed)
    await expect(failing).rejects.toThrow(RangeError)
    finish()
    await call
    expect(log).toEqual(['call'])
    gate.leave()
    await shut
    expect(log).toEqual(['call', 'shut'])
  })

  it('is shut at once when nothing is under way, and may be shut again', async () => {
    const gate = createGate()
    await gate.pass(async () => {})
    await gate.shut()
    await gate.shut()
    expect(() => { gate.check() }).toThrow(closed)
  })
})
