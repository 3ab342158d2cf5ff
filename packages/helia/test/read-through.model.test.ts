/** Any sequence of calls, garbage collections as Helia does them among these, against two sets. */
import fc from 'fast-check'
import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createReadThroughBlockstore } from '../src/index.ts'
import { collectAll, join, makeTestBlocks, openShards, OwnStore, rejection, type TestBlock } from './stores.ts'

const blocks = makeTestBlocks(5, 12)
const SHARDS = [blocks.slice(0, 4), blocks.slice(3, 7)]
const inShards = new Set(SHARDS.flat())

const some = fc.constantFrom(...blocks)
const calls = fc.array(fc.oneof(
  fc.record({ call: fc.constantFrom('has' as const, 'get' as const, 'put' as const, 'delete' as const), block: some }),
  fc.record({ call: fc.constantFrom('getMany' as const, 'putMany' as const, 'deleteMany' as const, 'gc' as const), chosen: fc.array(some, { maxLength: 5 }) }),
), { maxLength: 40 })

const named = (cids: readonly CID[]): string[] => cids.map((cid) => Buffer.from(cid.multihash.bytes).toString('hex')).sort()

describe('a read-through blockstore, in any sequence of calls', () => {
  it('has its own blocks and those of the shards, lists and loses its own only', async () => {
    await using shards = await openShards(SHARDS)
    await fc.assert(fc.asyncProperty(calls, async (sequence) => {
      const own = new Set<TestBlock>()
      const store = createReadThroughBlockstore(new OwnStore(), shards.blockstore)
      const checkGet = async ({ cid, bytes }: TestBlock, there: boolean, got: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> => {
        if (there) expect(await join(got)).toEqual(bytes)
        else expect(await rejection(join(got))).toMatchObject({ name: 'NotFoundError', cid })
      }
      const has = (block: TestBlock): boolean => own.has(block) || inShards.has(block)
      for (const step of sequence) {
        if ('block' in step) {
          const { block } = step
          if (step.call === 'has') expect(await store.has(block.cid)).toBe(has(block))
          else if (step.call === 'get') await checkGet(block, has(block), store.get(block.cid))
          else if (step.call === 'put') {
            await store.put(block.cid, block.bytes)
            own.add(block)
          } else {
            await store.delete(block.cid)
            own.delete(block)
          }
          continue
        }
        const { chosen } = step
        const cids = chosen.map(({ cid }) => cid)
        if (step.call === 'getMany') {
          let at = 0
          for await (const { cid, bytes } of store.getMany(cids)) {
            expect(cid).toEqual(cids[at])
            await checkGet(chosen[at]!, has(chosen[at]!), bytes)
            at++
          }
          expect(at).toBe(chosen.length)
        } else if (step.call === 'putMany') {
          expect(await collectAll(store.putMany(chosen))).toEqual(cids)
          for (const block of chosen) own.add(block)
        } else if (step.call === 'deleteMany') {
          expect(await collectAll(store.deleteMany(cids))).toEqual(cids)
          for (const block of chosen) own.delete(block)
        } else {
          // what is not pinned goes
          const pinned = new Set(named(cids))
          const loose = async function * (): AsyncGenerator<CID> {
            for await (const { cid } of store.getAll()) if (!pinned.has(named([cid])[0]!)) yield cid
          }
          await collectAll(store.deleteMany(loose()))
          for (const block of own) if (!chosen.includes(block)) own.delete(block)
        }
      }
      const listed: CID[] = []
      for await (const { cid } of store.getAll()) listed.push(cid)
      expect(named(listed)).toEqual(named([...own].map(({ cid }) => cid)))
      for (const block of inShards) expect(await join(store.get(block.cid))).toEqual(block.bytes)
    }), { numRuns: 150 })
  })
})
