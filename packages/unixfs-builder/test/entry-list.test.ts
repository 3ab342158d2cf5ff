import { seededRandom } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { EntryList } from '../src/entry-list.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const namesOf = (list: EntryList): string[] => Array.from({ length: list.count }, (_, entry) => new TextDecoder().decode(list.name(entry)))

describe('EntryList', () => {
  it('keeps any entries, and sorts them by the bytes of their names', () => {
    const random = seededRandom('entries')
    const list = new EntryList()
    const model = new Map<string, { cid: Uint8Array, dagBytes: number }>()
    for (let i = 0; i < 20_000; i++) {
      const name = `${random.int(1e9)}${random.pick(['', 'é', '\u{1f600}', '～'])}${i}`
      const entry = { cid: random.bytes(34 + random.int(100)), dagBytes: random.pick([0, 5, 2 ** 45 + 1]) }
      model.set(name, entry)
      expect(list.add(utf8(name), entry.cid, entry.dagBytes)).toBe(true)
    }
    expect(list.sort()).toBeUndefined()
    expect(namesOf(list)).toEqual([...model.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
    for (const [entry, name] of namesOf(list).entries()) {
      const { cid, dagBytes } = model.get(name)!
      expect(Buffer.compare(list.cid(entry), cid)).toBe(0)
      expect(list.dagBytes(entry)).toBe(dagBytes)
    }
    expect(list.nameAndCidBytes).toBe([...model].reduce((sum, [name, { cid }]) => sum + utf8(name).byteLength + cid.byteLength, 0))
  })
  it('finds two of one name, at once or when it sorts', () => {
    const list = new EntryList()
    const cid = new Uint8Array(36)
    expect(['a', 'b', 'b'].map((name) => list.add(utf8(name), cid, 1))).toEqual([true, true, false])
    expect(list.count).toBe(2)
    expect(list.sort()).toBeUndefined()
    expect(list.add(utf8('a'), cid, 1)).toBe(true)
    expect(new TextDecoder().decode(list.name(list.sort()!))).toBe('a')
  })
  it('takes an entry longer than one of its blocks of memory, and goes on', () => {
    const list = new EntryList()
    const names = ['a', `b${'x'.repeat(3 << 20)}`, 'c', `d${'x'.repeat((1 << 20) - 20)}`, 'e']
    for (const name of names) list.add(utf8(name), new Uint8Array(36).fill(name.charCodeAt(0)), name.length)
    expect(namesOf(list)).toEqual(names)
    for (const [entry, name] of names.entries()) expect([list.cid(entry)[35], list.dagBytes(entry)]).toEqual([name.charCodeAt(0), name.length])
  })
})
