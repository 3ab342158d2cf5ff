import { openIndex } from '@dagstore/carv2'
import { createMemoryDirectory } from '@dagstore/io'
import { indexName } from '@dagstore/index-repo'
import { describe, expect, it } from 'vitest'
import { codeOf, collectAll, makeCar, namesIn, openHarness, rejection } from './harness.ts'

const car = makeCar(1)
const KEYS = ['baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq', 'Upper', 'ä b']

describe('exportIndices', () => {
  it('writes standard indices under the names that Go uses, and tells of keys that are none', async () => {
    await using h = await openHarness()
    const bad = ['../evil', 'a/b', 'a\\b', 'nul\u0000', 'x'.repeat(300)]
    for (const key of [...KEYS, ...bad]) await h.store.register(key, h.sources.put('car', car), { indexing: 'eager' })
    await h.store.register('lazy', 'test:car')
    const folder = createMemoryDirectory('go')
    const progress: unknown[] = []
    const outcomes = await collectAll(h.store.exportIndices(folder, { onProgress: (event) => { progress.push(event) } }))
    expect(outcomes.flatMap((outcome) => outcome.ok ? [outcome.key] : []).sort()).toEqual([...KEYS].sort())
    expect(outcomes.flatMap((outcome) => outcome.ok ? [] : [[outcome.key, codeOf(outcome.error)]]).sort()).toEqual(bad.map((key) => [key, 'DAGSTORE_BAD_KEY']).sort())
    expect(progress.at(-1)).toEqual({ done: 8, failed: 5, total: undefined })
    expect((await namesIn(folder)).sort()).toEqual(['.version', ...KEYS.map((key) => `${key}.full.idx`)].sort())
    const version = await folder.openSource('.version')
    expect(await version.read(0, version.sizeBytes)).toEqual(Uint8Array.of(0x31))
    for (const key of KEYS) {
      const source = await folder.openSource(`${key}.full.idx`)
      await using view = await openIndex(source, { owns: true })
      expect(view.facts).toMatchObject({ codec: 0x0401, entryCount: car.blocks.length, payloadEnd: undefined })
      for (const { cid } of car.blocks) expect(await view.find(cid.multihash.bytes)).toHaveLength(1)
    }
    // again, over what is there
    expect((await collectAll(h.store.exportIndices(folder))).filter(({ ok }) => ok)).toHaveLength(3)
  })

  it('refuses a folder of another version, and writes no damaged index', async () => {
    await using h = await openHarness()
    for (const key of ['a', 'b']) await h.store.register(key, h.sources.put('car', car), { indexing: 'eager' })
    const folder = createMemoryDirectory('go')
    await folder.writeAtomic('.version', [Uint8Array.of(0x32)])
    expect(codeOf(await rejection(collectAll(h.store.exportIndices(folder))))).toBe('DAGSTORE_BAD_FORMAT')
    await folder.writeAtomic('.version', [Uint8Array.of(0x31, 0x0a)])
    h.wrong.below.add(`index/${indexName('a', 1)}`)
    expect((await collectAll(h.store.exportIndices(folder))).map(({ key, ok }) => [key, ok])).toEqual([['a', false], ['b', true]])
    expect((await namesIn(folder)).sort()).toEqual(['.version', 'b.full.idx'])
  })
})
