import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeKey, encodeKey, indexName, MAX_KEY_BYTES, parseIndexName } from '../src/index.ts'

const utf8Bytes = (text: string): number => new TextEncoder().encode(text).byteLength
const keys = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'A', 'Z', '.', '/', '\\', ' ', '%', '4', '1', ':', '\0', 'ä', 'Ä', '大', '😀', '-', '_', '\ufeff'), minLength: 1, maxLength: 128 }),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 128 }),
  fc.constantFrom('con', 'CON', 'nul', 'com1', 'lpt9', 'prn', 'aux', '.', '..', '.hidden', 'x'.repeat(200), 'x'.repeat(201), 'x'.repeat(512), 'X'.repeat(512), `${'x'.repeat(200)}con`, '大'.repeat(170)),
).filter((key) => utf8Bytes(key) <= MAX_KEY_BYTES)

describe('encodeKey', () => {
  it('D23: gives any key a safe relative name, and reads it back', () => {
    fc.assert(fc.property(keys, (key) => {
      const name = encodeKey(key)
      expect(name).toMatch(/^[a-z0-9%_/-]+$/u)
      for (const part of name.split('/')) {
        expect(part.length).toBeGreaterThan(0)
        expect(part.length).toBeLessThanOrEqual(202)
        expect(part).not.toMatch(/^(?:con|prn|aux|nul|com\d|lpt\d)$/u)
      }
      for (const part of indexName(key, Number.MAX_SAFE_INTEGER).split('/')) expect(part.length).toBeLessThanOrEqual(255)
      expect(decodeKey(name)).toBe(key)
    }), { seed: 23, numRuns: 2000 })
  })

  it('D23: gives two keys two names, also where cases of letters are one', () => {
    fc.assert(fc.property(keys, keys, (one, other) => {
      expect(encodeKey(one).toLowerCase() === encodeKey(other).toLowerCase()).toBe(one === other)
    }), { seed: 23, numRuns: 2000 })
  })

  it.each([
    ['baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq', 'baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq'],
    ['../evil', '%2e%2e%2fevil'],
    ['a/b', 'a%2fb'],
    ['QmA', '%51m%41'],
    ['nul', '%6eul'],
    ['ä', '%c3%a4'],
  ])('D23: writes %s as %s', (key, name) => {
    expect(encodeKey(key)).toBe(name)
  })

  it('spreads a long key over folders', () => {
    const name = encodeKey('A'.repeat(512))
    expect(name.split('/').map((part) => part.length)).toEqual([200, 200, 200, 200, 200, 200, 200, 136])
    expect(decodeKey(name)).toBe('A'.repeat(512))
  })

  it.each(['', 'x'.repeat(513), '大'.repeat(171), '\ud800', 'a\udc00b'])('refuses a key that is none', (key) => {
    expect(() => encodeKey(key)).toThrow(expect.objectContaining({ code: 'INDEX_BAD_KEY' }))
  })
})

describe('decodeKey', () => {
  it.each(['', 'A', 'a.b', '%2E', '%61', '%', '%4', '%zz', 'a/b', '/a', 'a/', '%ff', 'con'])('takes %j for none of ours', (name) => {
    expect(decodeKey(name)).toBeUndefined()
  })

  it('takes what is too long, or not split, for none of ours', () => {
    for (const name of ['x'.repeat(201), '%2f'.repeat(600), '%41'.repeat(513), 'x'.repeat(1_000_000)]) expect(decodeKey(name)).toBeUndefined()
  })

  it('gives a key for nothing but its one name', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom('a', '%', '6', '1', 'c', '3', '/', 'A') }), (name) => {
      const key = decodeKey(name)
      if (key !== undefined) expect(encodeKey(key)).toBe(name)
    }), { seed: 23, numRuns: 2000 })
  })
})

describe('indexName', () => {
  it('stands in one of 256 folders, and is read back', () => {
    expect(indexName('k', 3)).toBe('ea/k.3.full.idx')
    fc.assert(fc.property(keys, fc.nat({ max: Number.MAX_SAFE_INTEGER }), (key, generation) => {
      const name = indexName(key, generation)
      expect(name).toMatch(/^[0-9a-f]{2}\/.+\.\d+\.full\.idx$/u)
      expect(parseIndexName(name)).toEqual({ key, generation })
    }), { seed: 23 })
  })

  it('is as docs/formats/index-repo.md says', () => {
    const page = readFileSync(new URL('../../../docs/formats/index-repo.md', import.meta.url), 'utf8')
    const rows = [...page.matchAll(/^\| `([^`]+)` \| `(\S+\.1\.full\.idx)` \|$/gmu)]
    expect(rows.map(([, key]) => key)).toEqual(['k', '../evil', 'QmA', 'nul'])
    for (const [, key = '', name] of rows) expect(indexName(key, 1)).toBe(name)
    expect(indexName('A'.repeat(512), 1)).toMatch(/^4a\/(?:[%41]{200}\/){7}[%41]{136}\.1\.full\.idx$/u)
    expect(page).toContain(indexName('baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq', 3))
  })

  it('spreads keys that begin and end alike', () => {
    const folders = new Set(Array.from({ length: 4096 }, (_, at) => indexName(`baga6ea4seaq${at}mpq`, 0).slice(0, 2)))
    expect(folders.size).toBe(256)
  })

  it.each([-1, 0.5, Number.NaN, 2 ** 53])('refuses generation %d', (generation) => {
    expect(() => indexName('k', generation)).toThrow(RangeError)
  })

  it.each(['ea/k.03.full.idx', 'ea/k.full.idx', 'ea/k.3.idx', 'e5/k.3.full.idx', 'k.3.full.idx', 'ea/.3.full.idx', 'ea/k.99999999999999999.full.idx', 'ea/K.3.full.idx', 'EA/k.3.full.idx', ''])('is not %j', (name) => {
    expect(parseIndexName(name)).toBeUndefined()
  })
})
