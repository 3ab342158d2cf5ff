/** What every method answers when nothing is in the way. */
import type { AnyCid } from '../any-cid.ts'
import type { Bench } from './bench.ts'
import { foreignCidOf, otherCidsOf } from './blocks.ts'
import { join, METHODS, multihashOf, show, withBytes, withRanges, withSizes } from './methods.ts'
import type { SuiteBlock } from './subject.ts'

export const readingTests = ({ describe, expect, fails, lacks, test, withStore }: Bench): void => {
  for (const method of METHODS) {
    describe(method.name, () => {
      test('answers many callers at once', ({ held: [first, second] }) => withStore([first as SuiteBlock], async (store) => {
        const answers = await Promise.all(Array.from({ length: 32 }, () => method.call(store, (first as SuiteBlock).cid)))
        expect(answers).toEqual(answers.map(() => method.answer(first as SuiteBlock)))
        if (method.finds) await fails('BLOCKSTORE_NOT_FOUND', () => method.call(store, (second as SuiteBlock).cid))
      }), [method.needs])

      if (method.name === 'getAll') return // the rest is about one block of many

      test('answers for every block', ({ held, inline }) => withStore([...held, ...(lacks('identity') ? [] : [inline])], async (store) => {
        for (const block of held) {
          if (method.name === 'bytesAt' && block.bytes.byteLength === 0) continue
          expect(await method.call(store, block.cid)).toBe(method.answer(block))
        }
        if (!lacks('identity')) expect(await method.call(store, inline.cid)).toBe(method.answer(inline))
      }), [method.needs])

      test('says that a block is not there', ({ held, absent }) => withStore(held, async (store) => {
        for (const cid of absent) {
          if (method.finds) await fails('BLOCKSTORE_NOT_FOUND', () => method.call(store, cid))
          else expect(await method.call(store, cid)).toBe('false')
        }
      }), [method.needs])

      test('finds a block under another codec and version', ({ held }) => withStore(held, async (store) => {
        for (const block of held.slice(0, 2)) {
          for (const cid of otherCidsOf(block.cid)) expect(await method.call(store, cid)).toBe(method.answer(block))
        }
      }), [method.needs, 'multihashKeys'])

      test('takes CIDs of other multiformats majors, and binary ones', ({ held }) => withStore(held, async (store) => {
        for (const block of held.slice(0, 2)) {
          const cids: readonly AnyCid[] = [foreignCidOf(block.cid), block.cid.bytes]
          for (const cid of cids) expect(await method.call(store, cid)).toBe(method.answer(block))
        }
      }), [method.needs, 'anyCid'])
    })
  }

  describe('get', () => {
    test('yields exactly one chunk, an empty one for an empty block', ({ held }) => withStore(held, async (store) => {
      for (const { cid, bytes } of held) {
        const lengths: number[] = []
        for await (const chunk of store.get(cid)) lengths.push(chunk.byteLength)
        expect(lengths).toEqual([bytes.byteLength])
      }
    }), ['oneChunk'])

    test('fails on first iteration, not at the call, and names the CID', ({ held, absent: [cid] }) => withStore(held, async (store) => {
      const chunks = store.get(cid as SuiteBlock['cid'])
      let error: unknown
      try {
        await chunks.next()
      } catch (caught) {
        error = caught
      }
      const { name, cid: named } = error as { name: string, cid: SuiteBlock['cid'] }
      expect(name).toBe('NotFoundError')
      expect(multihashOf(named)).toBe(multihashOf(cid as SuiteBlock['cid']))
    }))

    test('may be abandoned before, between and after its chunks', ({ held }) => withStore(held, async (store) => {
      const [{ cid, bytes }] = held as [SuiteBlock]
      await store.get(cid).return(undefined)
      for await (const chunk of store.get(cid)) {
        expect(chunk.byteLength <= bytes.byteLength).toBe(true)
        break
      }
      expect(show(await join(store.get(cid)))).toBe(show(bytes))
    }))
  })

  describe('bytes', () => {
    test('gives memory that belongs to the caller', ({ held }) => withStore(held, async (store) => {
      for (const { cid, bytes } of held) {
        const mine = await withBytes(store).bytes(cid)
        const copy = show(mine)
        mine.fill(0xff)
        expect(show(await withBytes(store).bytes(cid))).toBe(copy)
        expect(copy).toBe(show(bytes))
      }
    }), ['bytes'])
  })

  describe('size', () => {
    test('is the length of the data alone', ({ held }) => withStore(held, async (store) => {
      for (const { cid, bytes } of held) expect(await withSizes(store).size(cid)).toBe(bytes.byteLength)
    }), ['sizes'])
  })

  describe('bytesAt', () => {
    test('gives any part of a block', ({ held }) => withStore(held, async (store) => {
      for (const { cid, bytes } of held) {
        const { byteLength } = bytes
        for (const [from, to] of [[0, byteLength], [0, 0], [byteLength, byteLength], [byteLength >> 1, byteLength], [byteLength >> 2, byteLength >> 1]] as const) {
          expect(show(await withRanges(store).bytesAt(cid, from, to - from))).toBe(show(bytes.subarray(from, to)))
        }
      }
    }), ['ranges'])

    test('refuses a range that is not inside the block', ({ held }) => withStore(held, async (store) => {
      const [{ cid, bytes: { byteLength } }] = held as [SuiteBlock]
      for (const [from, length] of [[0, byteLength + 1], [byteLength, 1], [byteLength + 1, 0], [-1, 1], [0, -1], [0.5, 1], [0, Number.NaN], [Number.MAX_SAFE_INTEGER, 1]] as const) {
        let error: unknown
        await withRanges(store).bytesAt(cid, from, length).catch((caught: unknown) => { error = caught })
        expect(error instanceof RangeError).toBe(true)
      }
    }), ['ranges'])
  })
}
