/** What getMany and getAll do beyond giving one block. */
import type { Pair } from 'interface-blockstore'
import type { CID } from 'multiformats/cid'
import type { AnyCid } from '../any-cid.ts'
import type { Bench } from './bench.ts'
import { otherCidsOf } from './blocks.ts'
import { join, multihashOf, show } from './methods.ts'
import type { SuiteBlock } from './subject.ts'

/** A source of CIDs that is longer than any window; ends with an error, so that a store that takes it all is found out. */
const ENDLESS = 100_000

const later = async function * <T>(items: Iterable<T>): AsyncGenerator<T> {
  for (const item of items) {
    await Promise.resolve()
    yield item
  }
}
const shown = (blocks: readonly SuiteBlock[]): string[] => blocks.map(({ cid, bytes }) => `${multihashOf(cid)} ${show(bytes)}`)

export const iteratingTests = ({ describe, expect, fails, failsWith, lacks, test, withStore }: Bench): void => {
  describe('getMany', () => {
    test('keeps the order of its source, repeats included', ({ held }) => withStore(held, async (store) => {
      const asked = [...held].reverse().flatMap((block, at) => at % 3 === 0 ? [block, block] : [block])
      for (const source of [asked.map(({ cid }) => cid), new Set(asked.map(({ cid }) => cid)), later(asked.map(({ cid }) => cid))]) {
        const found: string[] = []
        for await (const { cid, bytes } of store.getMany(source)) found.push(`${multihashOf(cid)} ${show(await join(bytes))}`)
        expect(found).toEqual(shown(source instanceof Set ? [...new Set(asked)] : asked))
      }
    }))

    test('lets bytes be read later, in any order, or never', ({ held }) => withStore(held, async (store) => {
      const pairs: Pair[] = []
      for await (const pair of store.getMany(held.map(({ cid }) => cid))) pairs.push(pair)
      const found: string[] = []
      for (const { cid, bytes } of pairs.reverse().slice(1)) found.push(`${multihashOf(cid)} ${show(await join(bytes))}`)
      expect(found).toEqual(shown([...held].reverse().slice(1)))
    }))

    test('ends at once for an empty source', ({ held }) => withStore(held, async (store) => {
      expect((await store.getMany([]).next()).done).toBe(true)
    }))

    test('says that a block is not there when its bytes are read, and goes on', ({ held, absent: [missing] }) => withStore(held, async (store) => {
      const [first, second] = held as [SuiteBlock, SuiteBlock]
      const pairs: Pair[] = []
      for await (const pair of store.getMany([first.cid, missing as CID, second.cid])) pairs.push(pair)
      expect(pairs.map(({ cid }) => multihashOf(cid))).toEqual([first.cid, missing as CID, second.cid].map(multihashOf))
      await fails('BLOCKSTORE_NOT_FOUND', () => join(pairs[1]?.bytes ?? []))
      expect(show(await join(pairs[2]?.bytes ?? []))).toBe(show(second.bytes))
      expect(show(await join(pairs[0]?.bytes ?? []))).toBe(show(first.bytes))
    }))

    test('takes a bounded number of CIDs ahead, and lets go of the source when the consumer stops', ({ held }) => withStore(held, async (store) => {
      let pulled = 0
      let released = 0
      const endless = function * (): Generator<AnyCid> {
        try {
          while (pulled++ < ENDLESS) yield (held[pulled % held.length] as SuiteBlock).cid
          throw new Error('the source was taken whole')
        } finally {
          released++
        }
      }
      for (const source of [endless(), later(endless())]) {
        pulled = 0
        released = 0
        let taken = 0
        for await (const { bytes } of store.getMany(source)) {
          await join(bytes)
          if (++taken === 10) break
        }
        expect(pulled < ENDLESS).toBe(true)
        expect(released).toBe(1)
      }
    }))

    test('gives the failure of its source as it is', ({ held }) => withStore(held, async (store) => {
      const failure = new Error('the source failed')
      const failing = function * (): Generator<AnyCid> {
        yield (held[0] as SuiteBlock).cid
        throw failure
      }
      for (const source of [failing(), later(failing())]) {
        await failsWith(failure, async () => {
          for await (const { bytes } of store.getMany(source)) await join(bytes)
        })
      }
    }))
  })

  describe('getAll', () => {
    test('gives every block once', ({ held, inline }) => {
      const blocks = lacks('identity') ? held : [...held, inline]
      return withStore(blocks, async (store) => {
        const found: string[] = []
        for await (const { cid, bytes } of store.getAll()) found.push(`${multihashOf(cid)} ${show(await join(bytes))}`)
        expect(found.sort()).toEqual(shown(blocks).sort())
      })
    })

    test('gives nothing from an empty store', () => withStore([], async (store) => {
      expect((await store.getAll().next()).done).toBe(true)
    }))

    test('gives the CIDs of the sections, codec included', ({ held }) => withStore(held, async (store) => {
      const found: string[] = []
      for await (const { cid } of store.getAll()) found.push(cid.toString())
      expect(found.sort()).toEqual(held.map(({ cid }) => cid.toString()).sort())
    }), ['codecs'])

    test('gives a multihash once that stands there twice', ({ held }) => {
      const [{ cid, bytes }] = held as [SuiteBlock]
      return withStore([{ cid, bytes }, { cid, bytes }, ...otherCidsOf(cid).map((other) => ({ cid: other, bytes }))], async (store) => {
        const found: string[] = []
        for await (const pair of store.getAll()) found.push(`${multihashOf(pair.cid)} ${show(await join(pair.bytes))}`)
        expect(found).toEqual(shown([{ cid, bytes }]))
      })
    }, ['duplicates', 'multihashKeys'])

    test('lets bytes be read never, and may be abandoned', ({ held }) => withStore(held, async (store) => {
      let count = 0
      for await (const { cid } of store.getAll()) {
        expect(multihashOf(cid).length > 0).toBe(true)
        count++
      }
      expect(count).toBe(held.length)
      for await (const { cid } of store.getAll()) {
        expect(held.some((block) => multihashOf(block.cid) === multihashOf(cid))).toBe(true)
        break
      }
      expect(await store.has((held[0] as SuiteBlock).cid)).toBe(true)
    }))
  })
}
