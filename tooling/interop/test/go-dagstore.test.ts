/** Our store beside the Go DAG store: the indices that we export serve there, and a shard goes through the same states. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { carV1, carV2, makeBlocks } from '@dagstore-tooling/fixtures'
import { type DagstoreEvent, openDagstore as openOn, type ShardInfo, toLotusState } from '@dagstore/dagstore'
import { createHashes } from '@dagstore/hashes'
import { createMemoryDirectory } from '@dagstore/io'
import { openDirectory } from '@dagstore/io/node'
import { bytesMount, bytesUrl, createMountRegistry, fileUrl } from '@dagstore/mounts'
import { openDagstore } from '@dagstore/node'
import { MemoryLevel } from 'memory-level'
import { describe, expect, it } from 'vitest'
import { useGo } from './go-program.ts'

const { go, at } = useGo()

describe('the indices that a store of ours exports', () => {
  it('are a repo of the Go DAG store, lead to the same sections, and serve the same blocks', async (context) => {
    const { readback } = go(context)
    const shapes = [{ key: 'one', count: 1 }, { key: 'baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq', count: 40 }, { key: 'many blocks', count: 2000 }, { key: 'two', count: 30 }]
    await mkdir(at('cars'))
    await mkdir(at('exported'))
    const counts: Record<string, number> = {}
    await using store = await openDagstore(at('store'))
    for (const [seed, { key, count }] of shapes.entries()) {
      const blocks = makeBlocks(seed + 60, count, { min: 1, max: 900 })
      const roots = [blocks[0]!.cid]
      await writeFile(at(`cars/${key}.car`), key === 'two' ? carV2({ roots, blocks }) : carV1(roots, blocks))
      await store.register(key, fileUrl(at(`cars/${key}.car`)), { indexing: 'eager' })
      counts[key] = count
    }
    for await (const outcome of store.exportIndices(openDirectory(at('exported')))) expect(outcome.ok).toBe(true)
    const reading = await readback('repo', at('exported'), at('cars'))
    expect(reading.message).toBe('')
    expect(reading.report).toEqual({ keys: Object.keys(counts).toSorted(), entries: counts, served: counts })
  })
})

interface TraceLine { readonly op: string, readonly state: string, readonly failed: boolean }
type Traces = Readonly<Record<string, readonly TraceLine[]>>

/** Each state once, however many operations left it. */
const statesOf = (lines: readonly TraceLine[]): string[] => lines.map(({ state }) => state).filter((state, i, all) => state !== all[i - 1])

const bad = new Uint8Array(1000).fill(7)

/** The states of a story of ours, by their Lotus names, from the events and from what `shard` says between the calls. */
const ourStates = async (source: Uint8Array, story: (store: Awaited<ReturnType<typeof openOn>>, url: string, look: () => Promise<void>, forget: () => void) => Promise<void>): Promise<string[]> => {
  const states: string[] = []
  const note = (state: string): void => { if (states.at(-1) !== state) states.push(state) }
  const onEvent = (event: DagstoreEvent): void => { if (event.type === 'health' && event.to !== undefined) note(toLotusState({ health: event.to, leases: 0 })) }
  const db = new MemoryLevel<any, any>({ storeEncoding: 'view' })
  await using store = await openOn({ db, files: createMemoryDirectory('traces'), mounts: createMountRegistry([bytesMount()]), hashes: createHashes(), retry: { attempts: 0 }, onEvent })
  await story(store, bytesUrl(source), async () => { note(toLotusState(await store.shard('traced') as ShardInfo)) }, () => { states.length = 0 })
  return states
}

describe('a shard goes through the states of the Go DAG store', () => {
  const blocks = makeBlocks(80, 10, { min: 10, max: 100 })
  const good = carV1([blocks[0]!.cid], blocks)

  it('registered eagerly, with success and in vain; recovered in vain; acquired and closed; lazy', async (context) => {
    const { readback } = go(context)
    await writeFile(at('good.car'), good)
    await writeFile(at('bad.car'), bad)
    const reading = await readback('traces', at('good.car'), at('bad.car'))
    expect(reading.message).toBe('')
    const traces = reading.report as unknown as Traces
    const theirs = (name: string): string[] => statesOf(traces[name]!)
    // what the reference says of these stories
    expect(traces['eager']!.map(({ op }) => op)).toEqual(['OpShardRegister', 'OpShardInitialize', 'OpShardMakeAvailable'])
    expect(traces['recover bad']!.map(({ op, failed }) => [op, failed])).toEqual([['OpShardRecover', true], ['OpShardFail', true]])

    // an eager registration is one write here, so there is no time at which it is only registered
    const afterNew = ([first, ...rest]: string[]): string[] => {
      expect(first).toBe('ShardStateNew')
      return rest
    }
    expect(await ourStates(good, async (store, url) => { await store.register('traced', url, { indexing: 'eager' }) })).toEqual(afterNew(theirs('eager')))
    expect(await ourStates(bad, async (store, url) => { await store.register('traced', url, { indexing: 'eager' }).catch(() => {}) })).toEqual(afterNew(theirs('eager bad')))
    expect(await ourStates(bad, async (store, url, look, forget) => {
      await store.register('traced', url, { indexing: 'eager' }).catch(() => {})
      forget()
      await store.recover('traced').catch(() => {})
      await look()
    })).toEqual(theirs('recover bad'))
    expect(await ourStates(good, async (store, url, look, forget) => {
      await store.register('traced', url, { indexing: 'eager' })
      forget()
      const lease = await store.acquire('traced')
      await look()
      await lease.close()
      await look()
    })).toEqual(theirs('acquire and close'))
    expect((await ourStates(good, async (store, url, look) => {
      await store.register('traced', url)
      const lease = await store.acquire('traced')
      await look()
      await lease.close()
      await look()
      // Go hands the parked acquirer over in the same operation that makes the shard available
    })).filter((state, i, all) => !(state === 'ShardStateAvailable' && all[i + 1] === 'ShardStateServing'))).toEqual(theirs('lazy'))
  })

  it('as the stories of our own that are kept as text', async () => {
    const told = async (name: string): Promise<string[]> => {
      const text = await readFile(new URL(`../../../packages/dagstore/test/traces/${name}.txt`, import.meta.url), 'utf8')
      return [...text.matchAll(/^ {2}event health \S+ -> (\S+)/gmu)].map(([, to]) => to!)
    }
    expect(await told('eager-registration')).toEqual(['initializing', 'available'])
    expect(await told('lazy-acquire')).toEqual(['new', 'initializing', 'available'])
  })
})
