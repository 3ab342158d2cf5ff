/** The suite is worth something only if it fails where it should. */
import { describe, expect, it } from 'vitest'
import { createMemoryTopLevelIndex, type ShardNumber, type TopLevelIndex } from '../src/index.ts'
import { inBatches } from '../src/multihashes.ts'
import { topLevelIndexSuite } from '../src/suite.ts'

/** Titles of the tests that fail for an index changed by `breakIt`. */
const failuresOf = async (breakIt: (index: TopLevelIndex) => Partial<TopLevelIndex>, takesDamageForAbsence = false): Promise<string[]> => {
  const tests: { title: string, run: () => Promise<void> }[] = []
  topLevelIndexSuite('broken', { describe: (_, run) => { run() }, it: (title, run) => tests.push({ title, run }), expect }, {
    open: async () => {
      const whole = createMemoryTopLevelIndex()
      const index: TopLevelIndex = { ...whole, ...breakIt(whole) }
      const damage = async (shard: ShardNumber): Promise<void> => { await index.retire(shard) }
      return { index, reopen: async () => index, ...(takesDamageForAbsence ? { damage } : {}), dispose: () => whole.close() }
    },
  })
  const failed: string[] = []
  for (const { title, run } of tests) await run().catch(() => { failed.push(title) })
  return failed
}

const clean = (multihash: Uint8Array): Uint8Array => {
  const text = String.fromCharCode(...multihash.subarray(2)).replaceAll(/\/+/gu, '/').replace(/\/$/u, '')
  return Uint8Array.from([...multihash.subarray(0, 2), ...Array.from(text, (char) => char.charCodeAt(0))])
}

describe('topLevelIndexSuite', () => {
  it('passes an index that is whole', async () => {
    expect(await failuresOf(() => ({}))).toEqual([])
  })

  it('fails an index that takes damage for absence', async () => {
    expect(await failuresOf(() => ({}), true)).toEqual(['does not take damage for absence'])
  })

  it.each<[string, (index: TopLevelIndex) => Partial<TopLevelIndex>, string]>([
    ['cleans keys as paths', (index) => ({
      find: (multihash, options) => index.find(clean(multihash), options),
      publish: (shard, multihashes, options) => index.publish(shard, (async function * () { for await (const some of inBatches(multihashes)) for (const bytes of some) yield clean(bytes) })(), options),
    }), 'D24: tells identity multihashes apart that a path would merge'],
    ['publishes one by one', (index) => ({
      publish: async (shard, multihashes, options) => {
        const all: Uint8Array[] = []
        for await (const some of inBatches(multihashes)) {
          options?.signal?.throwIfAborted()
          for (const bytes of some) {
            all.push(bytes.slice())
            if (all.length === 1) await index.publish(shard, all, options)
          }
        }
        return index.publish(shard, all, options)
      },
    }), 'shows nothing of a publish whose source failed, and passes its error on'],
    ['forgets to retire', () => ({ retire: async () => {} }), 'retires a shard at once, and for good'],
    ['throws for a miss', (index) => ({
      find: async (multihash, options) => {
        const found = await index.find(multihash, options)
        if (found.shards.length === 0) throw new Error('not found')
        return found
      },
    }), 'finds nothing in an empty index'],
    ['takes any shard for the one asked for', (index) => ({
      holds: async (_, multihashes) => (await index.findMany(multihashes)).map(({ shards }) => shards.length > 0),
    }), 'says which keys one shard is published for, whoever else holds them'],
    ['lists what is retired', () => ({ published: async function * () { for (let number = 1; number <= 5; number++) yield number as ShardNumber } }), 'lists what is published, also over a restart'],
    ['ignores the limit', (index) => ({ find: (multihash, { limit: _, ...options } = {}) => index.find(multihash, { ...options, limit: 1000 }) }), 'cuts a hot key at the limit, says so, and lists preferred shards first'],
    ['ignores the preference', (index) => ({ find: (multihash, { prefer: _, ...options } = {}) => index.find(multihash, options) }), 'lists preferred shards first without a cut, and none that do not hold the key'],
    ['ignores aborts', (index) => ({ find: (multihash, { signal: _, ...options } = {}) => index.find(multihash, options) }), 'rejects with the reason of an abort, before and during a publish'],
    ['does not give back', () => ({ purge: async () => ({ removedEntries: 0, removedRuns: 0 }) }), 'gives back what is retired, replaced or unfinished, and says before how much that is'],
    ['goes on after close', () => ({ close: async () => {} }), 'refuses every call after close, which may come twice'],
  ])('fails an index that %s', async (_, breakIt, title) => {
    expect(await failuresOf(breakIt)).toContain(title)
  })
})
