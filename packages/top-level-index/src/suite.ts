/** What every form of the top-level index must do, as tests for any runner with `describe`, `it` and `expect`. */
import { type Candidates, shardNumber, type ShardNumber, type TopLevelIndex } from './top-level-index.ts'

export interface SuiteApi {
  readonly describe: (name: string, run: () => void) => unknown
  readonly it: (name: string, run: () => Promise<void>) => unknown
  readonly expect: (value: unknown) => {
    toBe(wanted: unknown): void
    toEqual(wanted: unknown): void
    readonly rejects: { toBe(wanted: unknown): Promise<void>, toMatchObject(wanted: object): Promise<void> }
  }
}

export interface TopLevelIndexSubject {
  /** An empty index. */
  open(): Promise<{
    readonly index: TopLevelIndex
    /** Close the index and open what it wrote, as another process would. */
    reopen(): Promise<TopLevelIndex>
    /**
     * Spoil what says of which shard the entries of this one are, as a bad disk might; opened again afterwards. Left out by a
     * form that keeps nothing which could be spoilt.
     */
    damage?(shard: ShardNumber): Promise<void>
    /** Give back everything. */
    dispose(): Promise<void>
  }>
}

/** Multihashes are compared as they come: test bytes need not be real digests, only differ in their first 16. */
const multihash = (code: number, ...digest: readonly number[]): Uint8Array => {
  const length = code === 0 ? digest.length : 32
  const bytes = new Uint8Array(2 + length)
  bytes.set([code, length, ...digest])
  return bytes
}
const sha = (...digest: readonly number[]): Uint8Array => multihash(0x12, ...digest)
const identity = (text: string): Uint8Array => multihash(0, ...new TextEncoder().encode(text))
const shard = shardNumber

async function * stream (...multihashes: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const bytes of multihashes) yield bytes
}
async function * failing (error: Error, ...multihashes: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield * multihashes
  throw error
}
/** `count` multihashes from number `from` on. */
async function * many (from: number, count: number): AsyncGenerator<Uint8Array> {
  for (let at = from; at < from + count; at++) yield sha(at >>> 16, at >>> 8, at)
}

/** Run the suite. Each test opens and disposes its own index. */
export const topLevelIndexSuite = (name: string, { describe, it, expect }: SuiteApi, subject: TopLevelIndexSubject): void => {
  type Damage = ((shard: ShardNumber) => Promise<void>) | undefined
  const test = (title: string, run: (index: TopLevelIndex, reopen: () => Promise<TopLevelIndex>, damage: Damage) => Promise<void>): void => {
    it(title, async () => {
      const opened = await subject.open()
      try {
        await run(opened.index, opened.reopen, opened.damage)
      } finally {
        await opened.dispose()
      }
    })
  }
  const none: Candidates = { shards: [], more: false }
  const only = (...shards: readonly number[]): Candidates => ({ shards: shards as readonly ShardNumber[], more: false })
  const sorted = (found: Candidates): readonly number[] => [...found.shards].sort((a, b) => a - b)

  describe(`${name}: top-level index`, () => {
    test('finds nothing in an empty index', async (index) => {
      expect(await index.find(sha(1))).toEqual(none)
    })

    test('finds the shards that published a multihash, and no others', async (index) => {
      expect(await index.publish(shard(1), stream(sha(1), sha(2)))).toEqual({ entryCount: 2 })
      await index.publish(shard(2), stream(sha(2), sha(3)))
      expect(await index.find(sha(1))).toEqual(only(1))
      expect(sorted(await index.find(sha(2)))).toEqual([1, 2])
      expect(await index.find(sha(3))).toEqual(only(2))
      expect(await index.find(sha(4))).toEqual(none)
    })

    test('takes the first and the last shard number, and refuses others', async (index) => {
      await index.publish(shard(0), stream(sha(1)))
      await index.publish(shard(0xffffffff), stream(sha(1)))
      expect(sorted(await index.find(sha(1)))).toEqual([0, 0xffffffff])
      await expect(index.publish(-1 as ShardNumber, stream())).rejects.toMatchObject({ name: 'RangeError' })
      await expect(index.publish(2 ** 32 as ShardNumber, stream())).rejects.toMatchObject({ name: 'RangeError' })
    })

    test('takes a shard without a block', async (index, reopen) => {
      expect(await index.publish(shard(1), stream())).toEqual({ entryCount: 0 })
      await (await reopen()).retire(shard(1))
    })

    test('keeps everything over a restart', async (index, reopen) => {
      await index.publish(shard(1), many(0, 9000))
      await index.publish(shard(2), many(8999, 1))
      await index.publish(shard(3), many(8999, 1))
      await index.retire(shard(2))
      const next = await reopen()
      expect(sorted(await next.find(sha(0, 8999 >>> 8, 8999 & 0xff)))).toEqual([1, 3])
      expect(await next.find(sha(0, 0, 0))).toEqual(only(1))
      await next.publish(shard(4), many(0, 1))
      expect(sorted(await next.find(sha(0, 0, 0)))).toEqual([1, 4])
    })

    test('D24: tells identity multihashes apart that a path would merge', async (index) => {
      await index.publish(shard(1), stream(identity('a//b'), identity('../x')))
      await index.publish(shard(2), stream(identity('a/b/'), identity('x')))
      expect(await index.find(identity('a//b'))).toEqual(only(1))
      expect(await index.find(identity('a/b/'))).toEqual(only(2))
      expect(await index.find(identity('../x'))).toEqual(only(1))
      expect(await index.find(identity('a/b'))).toEqual(none)
      expect(await index.find(identity(''))).toEqual(none)
    })

    test('tells apart multihashes of another function, and one that begins like another', async (index) => {
      await index.publish(shard(1), stream(multihash(0x12, 1), identity('ab')))
      expect(await index.find(multihash(0x13, 1))).toEqual(none)
      expect(await index.find(identity('a'))).toEqual(none)
      expect(await index.find(identity('abc'))).toEqual(none)
    })

    test('takes multihashes of every length', async (index) => {
      const long = identity('x'.repeat(120))
      const sha512 = new Uint8Array(66).fill(7)
      sha512.set([0x13, 0x40])
      await index.publish(shard(1), stream(long, sha512, identity('')))
      for (const bytes of [long, sha512, identity('')]) expect(await index.find(bytes)).toEqual(only(1))
    })

    test('does not keep a reference to the bytes it is given', async (index) => {
      const reused = sha(1)
      await index.publish(shard(1), (async function * () {
        yield reused
        reused.set([2], 2)
        yield reused
        reused.set([3], 2)
      })())
      expect(await index.find(sha(1))).toEqual(only(1))
      expect(await index.find(sha(2))).toEqual(only(1))
      expect(await index.find(sha(3))).toEqual(none)
    })

    test('takes many multihashes at a time, in bytes that are used again', async (index) => {
      const reused = sha()
      const some = function * (...numbers: readonly number[]): Generator<Uint8Array> {
        for (const number of numbers) {
          reused.set([number], 2)
          yield reused
        }
      }
      expect(await index.publish(shard(1), (async function * () { yield * [some(1, 2, 2), some(), [sha(3)], sha(4)] })())).toEqual({ entryCount: 4 })
      expect(await index.holds(shard(1), [1, 2, 3, 4, 5].map((number) => sha(number)))).toEqual([true, true, true, true, false])
    })

    test('shows nothing of a shard before it is published', async (index) => {
      let seen: Candidates | undefined
      await index.publish(shard(1), (async function * () {
        yield * many(0, 9000)
        seen = await index.find(sha(0, 0, 0))
      })())
      expect(seen).toEqual(none)
      expect(await index.find(sha(0, 0, 0))).toEqual(only(1))
    })

    test('shows nothing of a publish whose source failed, and passes its error on', async (index, reopen) => {
      const error = new Error('source')
      await expect(index.publish(shard(1), failing(error, sha(1)))).rejects.toBe(error)
      expect(await index.find(sha(1))).toEqual(none)
      const next = await reopen()
      expect(await next.find(sha(1))).toEqual(none)
    })

    test('replaces what a failed try left', async (index) => {
      const error = new Error('source')
      await expect(index.publish(shard(1), failing(error, ...await collect(many(0, 9000))))).rejects.toBe(error)
      await index.publish(shard(1), many(8000, 2))
      expect(await index.find(sha(0, 0, 0))).toEqual(none)
      expect(await index.find(sha(0, 8001 >>> 8, 8001 & 0xff))).toEqual(only(1))
    })

    test('replaces what was published under the same number', async (index, reopen) => {
      await index.publish(shard(1), stream(sha(1), sha(2)))
      await index.publish(shard(1), stream(sha(2), sha(3)))
      const wanted = [none, only(1), only(1)]
      expect(await index.findMany([sha(1), sha(2), sha(3)])).toEqual(wanted)
      const next = await reopen()
      expect(await next.findMany([sha(1), sha(2), sha(3)])).toEqual(wanted)
    })

    test('never loses sight of a shard while it is replaced', async (index) => {
      await index.publish(shard(1), stream(sha(1)))
      let replacing = true
      const replaced = (async () => {
        for (let round = 0; round < 20; round++) await index.publish(shard(1), stream(sha(1), sha(2)))
        replacing = false
      })()
      while (replacing) expect(await index.find(sha(1))).toEqual(only(1))
      await replaced
    })

    test('publishes several shards at once', async (index) => {
      await Promise.all(Array.from({ length: 8 }, (_, at) => index.publish(shard(at), many(at, 1000))))
      expect(sorted(await index.find(sha(0, 0, 100)))).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
      expect(sorted(await index.find(sha(0, 0, 0)))).toEqual([0])
    })

    test('retires a shard at once, and for good', async (index, reopen) => {
      await index.publish(shard(1), stream(sha(1)))
      await index.publish(shard(2), stream(sha(1)))
      await index.retire(shard(1))
      expect(await index.find(sha(1))).toEqual(only(2))
      const next = await reopen()
      expect(await next.find(sha(1))).toEqual(only(2))
    })

    test('takes the retirement of an unknown shard, and a second one, as done', async (index) => {
      await index.retire(shard(5))
      await index.publish(shard(1), stream(sha(1)))
      await index.retire(shard(1))
      await index.retire(shard(1))
      expect(await index.find(sha(1))).toEqual(none)
    })

    test('does not publish what was retired meanwhile', async (index) => {
      const publishing = index.publish(shard(1), (async function * () {
        yield sha(1)
        await index.retire(shard(1))
        yield sha(2)
      })())
      await expect(publishing).rejects.toMatchObject({ code: 'TOP_LEVEL_INDEX_RETIRED' })
      expect(await index.find(sha(1))).toEqual(none)
    })

    test('cuts a hot key at the limit, says so, and lists preferred shards first', async (index) => {
      for (let at = 0; at < 40; at++) await index.publish(shard(at), stream(sha(1)))
      const cut = await index.find(sha(1))
      expect(cut.shards.length).toBe(16)
      expect(cut.more).toBe(true)
      const preferring = await index.find(sha(1), { limit: 3, prefer: [shard(39), shard(7), shard(99), shard(39)] })
      expect(preferring.shards.slice(0, 2)).toEqual([39, 7])
      expect([new Set(preferring.shards).size, preferring.more]).toEqual([3, true])
      expect((await index.find(sha(1), { limit: 40 })).more).toBe(false)
      expect((await index.find(sha(1), { limit: 39 })).more).toBe(true)
      expect((await index.find(sha(1), { limit: 1, prefer: [shard(20)] }))).toEqual({ shards: [20], more: true })
    })

    test('does not count retired shards towards the limit', async (index) => {
      for (let at = 0; at < 30; at++) await index.publish(shard(at), stream(sha(1)))
      for (let at = 0; at < 28; at++) await index.retire(shard(at))
      expect(await index.find(sha(1), { limit: 2 })).toEqual(only(28, 29))
    })

    test('lists preferred shards first without a cut, and none that do not hold the key', async (index) => {
      for (let at = 1; at < 5; at++) await index.publish(shard(at), stream(sha(1)))
      await index.publish(shard(9), stream(sha(2)))
      const found = await index.find(sha(1), { prefer: [shard(9), shard(4), shard(2)] })
      expect(found.shards.slice(0, 2)).toEqual([4, 2])
      expect([sorted(found), found.more]).toEqual([[1, 2, 3, 4], false])
    })

    test('refuses a limit that is none', async (index) => {
      for (const limit of [0, -1, 1.5, Number.NaN]) await expect(index.find(sha(1), { limit })).rejects.toMatchObject({ name: 'RangeError' })
    })

    test('answers many keys in their order', async (index) => {
      await index.publish(shard(1), many(0, 200))
      const keys = [...await collect(many(150, 100)), sha(0, 0, 0), sha(0, 0, 0)]
      const found = await index.findMany(keys)
      expect(found.map(({ shards }) => shards.length)).toEqual([...Array.from({ length: 100 }, (_, at) => (at < 50 ? 1 : 0)), 1, 1])
      expect(await index.findMany([])).toEqual([])
    })

    test('lists what is published, also over a restart', async (index, reopen) => {
      const listed = async (from: TopLevelIndex): Promise<number[]> => {
        const all: number[] = []
        for await (const number of from.published()) all.push(number)
        return all.sort((a, b) => a - b)
      }
      expect(await listed(index)).toEqual([])
      await index.publish(shard(0xffffffff), stream())
      for (let number = 1; number <= 5; number++) await index.publish(shard(number), stream(sha(number)))
      await index.publish(shard(3), stream(sha(9)))
      await index.retire(shard(2))
      await index.publish(shard(6), failing(new Error('cut'), sha(6))).catch(() => {})
      expect(await listed(index)).toEqual([1, 3, 4, 5, 0xffffffff])
      expect(await listed(await reopen())).toEqual([1, 3, 4, 5, 0xffffffff])
    })

    test('says which keys one shard is published for, whoever else holds them', async (index) => {
      expect(await index.holds(shard(1), [sha(1)])).toEqual([false])
      for (let at = 2; at < 40; at++) await index.publish(shard(at), stream(sha(1)))
      await index.publish(shard(40), stream(sha(2)))
      await index.publish(shard(1), stream(sha(2), sha(3)))
      expect(await index.holds(shard(40), [sha(1), sha(2), sha(3), sha(2)])).toEqual([false, true, false, true])
      expect(await index.holds(shard(39), [sha(1)])).toEqual([true])
      expect(await index.holds(shard(1), [])).toEqual([])
      await index.publish(shard(1), stream(sha(3)))
      expect(await index.holds(shard(1), [sha(2), sha(3)])).toEqual([false, true])
      await index.retire(shard(1))
      expect(await index.holds(shard(1), [sha(3)])).toEqual([false])
    })

    test('rejects with the reason of an abort, before and during a publish', async (index) => {
      const reason = new Error('stop')
      const signal = AbortSignal.abort(reason)
      await expect(index.publish(shard(1), stream(sha(1)), { signal })).rejects.toBe(reason)
      await expect(index.find(sha(1), { signal })).rejects.toBe(reason)
      await expect(index.findMany([sha(1)], { signal })).rejects.toBe(reason)
      await expect(index.holds(shard(1), [sha(1)], { signal })).rejects.toBe(reason)
      const aborting = new AbortController()
      const publishing = index.publish(shard(1), (async function * () {
        yield * many(0, 9000)
        aborting.abort(reason)
      })(), { signal: aborting.signal })
      await expect(publishing).rejects.toBe(reason)
      expect(await index.find(sha(0, 0, 0))).toEqual(none)
    })

    test('gives back the source when it stops early', async (index) => {
      const aborting = new AbortController()
      let returned = false
      const publishing = index.publish(shard(1), (async function * () {
        try {
          for (let at = 0; ; at++) {
            if (at === 10_000) aborting.abort()
            yield sha(at >>> 16, at >>> 8, at)
          }
        } finally {
          returned = true
        }
      })(), { signal: aborting.signal })
      await expect(publishing).rejects.toMatchObject({ name: 'AbortError' })
      expect(returned).toBe(true)
    })

    test('gives back what is retired, replaced or unfinished, and says before how much that is', async (index, reopen) => {
      await index.publish(shard(1), many(0, 900))
      await index.publish(shard(2), many(500, 900))
      await index.publish(shard(2), many(1000, 900))
      await index.publish(shard(3), many(1500, 3000))
      await index.retire(shard(1))
      expect(await index.deadEntries()).toEqual(1800)
      const seen: number[] = []
      const report = await index.purge({ onProgress: ({ removedEntries }) => seen.push(removedEntries) })
      expect([report, seen.at(-1)]).toEqual([{ removedEntries: 1800, removedRuns: 2 }, 1800])
      expect([await index.deadEntries(), await index.purge()]).toEqual([0, { removedEntries: 0, removedRuns: 0 }])
      const next = await reopen()
      expect(await next.findMany([sha(0, 0, 0), sha(0, 700 >>> 8, 700 & 0xff), sha(0, 1200 >>> 8, 1200 & 0xff), sha(0, 4499 >>> 8, 4499 & 0xff)])).toEqual([none, none, only(2), only(3)])
      const reason = new Error('stop')
      await expect(next.purge({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
      await expect(next.deadEntries({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    })

    test('does not take damage for absence', async (index, reopen, damage) => {
      if (damage === undefined) return
      await index.publish(shard(1), stream(sha(1), sha(3)))
      await index.publish(shard(2), stream(sha(2), sha(3)))
      await damage(shard(1))
      const next = await reopen()
      expect(await next.find(sha(2))).toEqual(only(2))
      expect(await next.find(sha(4))).toEqual(none)
      const both = await next.find(sha(3))
      expect([both.shards.includes(shard(2)), both.shards.includes(shard(1)) || both.more]).toEqual([true, true])
      const alone = await next.find(sha(1)).then(({ shards, more }) => (shards.includes(shard(1)) || more ? 'found' : 'absent'), (error: unknown) => (error as { code?: unknown }).code)
      expect(['found', 'TOP_LEVEL_INDEX_DAMAGED'].includes(String(alone))).toBe(true)
      // publishing it anew mends it
      await next.publish(shard(1), stream(sha(1)))
      expect(await next.find(sha(1))).toEqual(only(1))
      await next.retire(shard(1))
      expect(await next.find(sha(1))).toEqual(none)
      expect(await next.find(sha(3))).toEqual(only(2))
    })

    test('refuses every call after close, which may come twice', async (index) => {
      await index.publish(shard(1), stream(sha(1)))
      await index.close()
      await index.close()
      const closed = { code: 'TOP_LEVEL_INDEX_CLOSED' }
      await expect(index.find(sha(1))).rejects.toMatchObject(closed)
      await expect(index.findMany([sha(1)])).rejects.toMatchObject(closed)
      await expect(index.holds(shard(1), [sha(1)])).rejects.toMatchObject(closed)
      await expect(index.publish(shard(2), stream(sha(1)))).rejects.toMatchObject(closed)
      await expect(index.retire(shard(1))).rejects.toMatchObject(closed)
      await expect(index.purge()).rejects.toMatchObject(closed)
      await expect(index.deadEntries()).rejects.toMatchObject(closed)
    })
  })
}

const collect = async (source: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> => {
  const all: Uint8Array[] = []
  for await (const bytes of source) all.push(bytes)
  return all
}
