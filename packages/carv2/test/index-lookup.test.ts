import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createIndexBuilder, type IndexView, openIndex } from '../src/index.ts'
import { concat, slowSource } from './support.ts'

/** An index of these digests, in memory and in pages. */
const viewsOf = async (digests: readonly Uint8Array[]): Promise<IndexView[]> => {
  const builder = createIndexBuilder()
  let at = 59
  for (const digest of digests) {
    const cid = Uint8Array.of(1, 0x55, 0x12, digest.byteLength, ...digest)
    builder.add({ cid, sectionOffset: at, headBytes: 1 + cid.byteLength, dataBytes: 9 })
    at += 10 + cid.byteLength
  }
  const built = builder.finish({ payloadStart: 0, payloadEnd: at, carV1Header: undefined, source: undefined })
  const bytes = concat(built.encode())
  return [built.view(), await openIndex(slowSource(bytes))]
}
const multihashOf = (digest: Uint8Array): Uint8Array => Uint8Array.of(0x12, digest.byteLength, ...digest)
const spread = (length: number, seed: number): Uint8Array => {
  let state = seed * 2654435761 + 1
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 24
  })
}

describe('a lookup of one entry', () => {
  const check = async (digests: readonly Uint8Array[], others: readonly Uint8Array[]): Promise<void> => {
    for (const view of await viewsOf(digests)) {
      for (const multihash of [...digests, ...others].map(multihashOf)) {
        const all = await view.find(multihash) // brings the pages
        expect(await view.find(multihash, { limit: 1 })).toEqual(all.slice(0, 1))
        expect([undefined, all.slice(0, 1)]).toContainEqual(view.peek?.(multihash))
      }
    }
  }

  it('gives the first of all entries, for any digests (property)', async () => {
    const digest = fc.oneof(
      fc.uint8Array({ minLength: 0, maxLength: 9 }),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.tuple(fc.nat(2), fc.nat(3), fc.nat(255)).map(([a, b, c]) => new Uint8Array(32).fill(a, 0, 5).fill(b, 5, 30).fill(c, 30)),
    )
    await fc.assert(fc.asyncProperty(fc.array(digest, { maxLength: 300 }), fc.array(digest, { maxLength: 30 }), check), { seed: 41, numRuns: 60 })
  })

  it('gives it among so many that fences and many pages are passed, on and between pages', async () => {
    const digests = Array.from({ length: 5000 }, (_, i) => spread(32, i))
    await check(digests, Array.from({ length: 300 }, (_, i) => spread(32, 100_000 + i)))
  })

  it('gives it where one digest stands a thousand times', async () => {
    const digests = Array.from({ length: 2000 }, (_, i) => spread(32, i % 2 === 0 ? 7 : i))
    await check(digests.slice(0, 300), [spread(32, 8)])
  })

  it('answers at once when its pages are there, also that there is none', async () => {
    const digests = Array.from({ length: 3000 }, (_, i) => spread(32, i))
    const [, paged] = await viewsOf(digests)
    for (const digest of digests) await paged!.find(multihashOf(digest))
    const answers = [...digests, ...digests.map((_, i) => spread(32, 50_000 + i))].map((digest) => paged!.find(multihashOf(digest), { limit: 1 }))
    expect(answers.filter((answer) => answer instanceof Promise)).toHaveLength(0)
    expect(answers.map((answer) => (answer as readonly unknown[]).length)).toEqual([...digests.map(() => 1), ...digests.map(() => 0)])
  })

  it('tells what is at hand without reading, and then only', async () => {
    const digests = Array.from({ length: 3000 }, (_, i) => spread(32, i))
    const [, paged] = await viewsOf(digests)
    const asked = [...digests, ...digests.map((_, i) => spread(32, 50_000 + i))].map(multihashOf)
    expect(asked.filter((multihash) => paged!.peek!(multihash) !== undefined).length).toBeLessThan(asked.length)
    for (const digest of digests) await paged!.find(multihashOf(digest))
    const answers = asked.map((multihash) => paged!.peek!(multihash)?.length)
    // what stands on two pages is left to `find`
    expect(answers.slice(0, 3000).filter((found) => found === 1).length).toBeGreaterThan(2900)
    expect(answers.slice(0, 3000)).not.toContain(0)
    expect(answers.slice(3000)).not.toContain(1)
    await paged!.close()
    expect(() => paged!.peek!(asked[0]!)).toThrow(expect.objectContaining({ code: 'IO_CLOSED' }))
  })
})
