import { describe, expect, it } from 'vitest'
import { createReusedMemory } from '../src/node.ts'

const MIB = 1 << 20

describe('reused memory', () => {
  it('is as long as was asked for, and an eighth longer at most behind that', () => {
    const memory = createReusedMemory()
    for (const length of [1, 7, 8, 9, 15, 17, 65_536, 65_537, 1_000_000, MIB, MIB + 41, 5 * MIB - 1]) {
      const bytes = memory.take(length)
      expect(bytes.byteLength).toBe(length)
      expect(bytes.buffer.byteLength).toBeLessThanOrEqual(Math.ceil(length * 9 / 8))
    }
  })

  it('comes again once it was given back, by any view of it, for lengths like the one before', () => {
    const memory = createReusedMemory()
    const first = memory.take(MIB)
    const second = memory.take(MIB)
    expect(second.buffer).not.toBe(first.buffer)
    memory.giveBack(first.subarray(40, 50))
    expect(memory.freeBytes).toBe(MIB)
    expect(memory.take(MIB - 100).buffer).toBe(first.buffer)
    expect(memory.freeBytes).toBe(0)
    memory.giveBack(first)
    expect(memory.take(MIB / 2).buffer).not.toBe(first.buffer)
  })

  it('is given to one at a time, though it be given back twice', () => {
    const memory = createReusedMemory()
    const bytes = memory.take(MIB)
    memory.giveBack(bytes)
    memory.giveBack(bytes)
    expect(memory.freeBytes).toBe(MIB)
    expect(memory.take(MIB).buffer).toBe(bytes.buffer)
    expect(memory.take(MIB).buffer).not.toBe(bytes.buffer)
  })

  it('is none that came from elsewhere', () => {
    const memory = createReusedMemory()
    memory.giveBack(new Uint8Array(MIB))
    memory.giveBack(createReusedMemory().take(MIB))
    expect(memory.freeBytes).toBe(0)
  })

  it('lies about up to a limit, of lengths that were given back last', () => {
    const memory = createReusedMemory({ maxFreeBytes: 4 * MIB })
    const long = Array.from({ length: 6 }, () => memory.take(MIB))
    for (const bytes of long) memory.giveBack(bytes)
    expect(memory.freeBytes).toBe(4 * MIB)
    const short = Array.from({ length: 8 }, () => memory.take(MIB / 2))
    for (const bytes of short) memory.giveBack(bytes)
    expect(memory.freeBytes).toBe(4 * MIB)
    const again = Array.from({ length: 8 }, () => memory.take(MIB / 2).buffer)
    expect(new Set(again)).toEqual(new Set(short.map(({ buffer }) => buffer)))
    memory.giveBack(short[0]!)
    memory.giveBack(memory.take(5 * MIB))
    expect(memory.freeBytes).toBe(MIB / 2)
  })
})
