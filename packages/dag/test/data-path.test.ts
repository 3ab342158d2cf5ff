import * as dagCbor from '@ipld/dag-cbor'
import * as dagJson from '@ipld/dag-json'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { followCbor, followJson, type InBlock } from '../src/data-path.ts'
import { cidOf, text } from './blocks.ts'

const link = cidOf(text('link'))

const values = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null), fc.boolean(), fc.integer(), fc.string(), fc.uint8Array({ maxLength: 4 }), fc.constant(link),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom('a', 'b', '0', '1', 'long key', 'ü'), tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value

/** The same on decoded values, written down simply. */
const naive = (value: unknown, segments: readonly string[], used = 0): InBlock => {
  const cid = CID.asCID(value)
  if (cid !== null) return { to: 'link', link: cid, used }
  const segment = segments[used]
  if (segment === undefined) return { to: 'value' }
  const inList = Array.isArray(value) && /^(0|[1-9]\d*)$/.test(segment) && Number(segment) < value.length
  const inMap = typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array) && Object.hasOwn(value, segment)
  if (!inList && !inMap) return { to: 'nothing', used }
  return naive((value as Record<string, unknown>)[segment], segments, used + 1)
}

const plain = (found: InBlock): unknown => (found.to === 'link' ? { ...found, link: String(found.link) } : found)

describe('paths inside blocks', () => {
  const segments = fc.array(fc.constantFrom('a', 'b', '0', '1', '2', 'long key', 'ü', '01', ''), { maxLength: 5 })

  it('lead in DAG-CBOR where they lead in the decoded value', () => {
    const seen = new Set<string>()
    fc.assert(fc.property(values, segments, (value, path) => {
      const bytes = dagCbor.encode(value)
      const found = followCbor(bytes, path, true)
      seen.add(found.to)
      expect(plain(found)).toEqual(plain(naive(dagCbor.decode(bytes), path)))
    }), { seed: 21, numRuns: 3000 })
    expect(seen.size).toBe(3)
  })

  it('lead in DAG-JSON where they lead in the decoded value', () => {
    fc.assert(fc.property(values, segments, (value, path) => {
      const bytes = dagJson.encode(value)
      expect(plain(followJson(bytes, path, true))).toEqual(plain(naive(dagJson.decode(bytes), path)))
    }), { seed: 22, numRuns: 3000 })
  })

  it('fail or lead somewhere in any bytes, without running away', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 50 }), segments, (bytes, path) => {
      for (const follow of [followCbor, followJson]) {
        try {
          expect(['link', 'value', 'nothing']).toContain(follow(bytes, path, true).to)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
      }
    }), { seed: 23, numRuns: 3000 })
  })

  it('lead past a million nested lists, and into them', () => {
    const nested = new Uint8Array(1_000_004).fill(0x81)
    nested.set([0xa2, 0x61, 0x61])
    nested.set([0x01], 1_000_001)
    const bytes = new Uint8Array([...nested.subarray(0, 1_000_002), 0x61, 0x62, 0xf5])
    expect(followCbor(bytes, ['b'], true)).toEqual({ to: 'value' })
    expect(followCbor(bytes, ['a', '0', '0', '1'], true)).toEqual({ to: 'nothing', used: 3 })
  })

  it('does not loop where a map or list claims to be longer than its block', () => {
    for (const head of [0x9b, 0xbb]) {
      expect(() => followCbor(Uint8Array.of(head, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x61, 0x61, 0x01), ['7'], true)).toThrow(Error)
    }
    expect(() => followCbor(Uint8Array.of(0xa1, 0x01, 0x01), ['1'], true)).toThrow(Error)
  })
})
