import { describe, expect, it } from 'vitest'
import { createPageCache } from '../src/index.ts'

const page = (fill: number): Uint8Array => new Uint8Array(4096).fill(fill)

describe('createPageCache', () => {
  it('forgets the page used longest ago, whoever put it there', () => {
    const cache = createPageCache({ maxBytes: 3 * (4096 + 128) })
    const [a, b] = [cache.space(), cache.space()]
    a.set(1, page(1))
    b.set(1, page(2))
    a.set(2, page(3))
    expect(a.get(1)).toEqual(page(1))
    b.set(2, page(4))
    expect(b.get(1)).toBeUndefined()
    expect([a.get(1), a.get(2), b.get(2)].map((bytes) => bytes?.[0])).toEqual([1, 3, 4])
    expect(cache.usedBytes).toBe(cache.maxBytes)
  })

  it('holds nothing of a space that was cleared, and what others put there', () => {
    const cache = createPageCache()
    const [a, b] = [cache.space(), cache.space()]
    a.set(1, page(1))
    b.set(1, page(2))
    a.clear()
    expect(a.get(1)).toBeUndefined()
    expect(b.get(1)).toEqual(page(2))
    expect(cache.usedBytes).toBe(4096 + 128)
  })

  it('replaces a page of the same number', () => {
    const cache = createPageCache()
    const space = cache.space()
    space.set(1, page(1))
    space.set(1, page(2))
    expect(space.get(1)).toEqual(page(2))
    expect(cache.usedBytes).toBe(4096 + 128)
  })

  it('keeps nothing with a budget of 0, and stays in it with any', () => {
    const none = createPageCache({ maxBytes: 0 })
    const space = none.space()
    space.set(1, page(1))
    expect(space.get(1)).toBeUndefined()
    expect(none.usedBytes).toBe(0)
    expect(() => createPageCache({ maxBytes: -1 })).toThrow(RangeError)
  })
})
