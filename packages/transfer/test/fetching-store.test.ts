import { seededBytes, seededInts } from '@dagstore-tooling/fixtures'
import { createFakeClock } from '@dagstore-tooling/testkit'
import { systemClock, type Clock } from '@dagstore/io'
import { BlockNotFoundError } from '@dagstore/read-blockstore'
import * as cbor from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { beforeAll, describe, expect, it } from 'vitest'
import { type DagPart, type FetchEvent, TransferError } from '../src/index.ts'
import { MemoryStore, randomDag } from './dags.ts'
import { file, folder, gatewayOf, namesOf, openStore, sampleTree, sourceOf, type Tree, treeOf, walkInto } from './gateways.ts'
import { cutAfter } from './two-sides.ts'

let tree: Tree
beforeAll(async () => { tree = await sampleTree() })

/** Pauses are over at once; what waits for somebody is not. */
const hasty: Clock = { ...systemClock, sleep: (ms, options) => systemClock.sleep(ms === 30_000 ? ms : 0, options) }

const PARTS: readonly { readonly what: string, readonly part: DagPart }[] = [
  { what: 'a folder', part: { path: 'sub' } },
  { what: 'a file', part: { path: 'sub/large.bin', scope: 'entity' } },
  { what: 'bytes of a file', part: { path: ['sub', 'large.bin'], scope: 'entity', entityBytes: { from: 1 << 20, to: (3 << 20) - 1 } } },
  { what: 'the end of a file', part: { path: 'sub/large.bin', entityBytes: { from: -1500 } } },
  { what: 'one block', part: { path: 'sub', scope: 'block' } },
]

describe('a walk through a gateway', () => {
  it('takes a whole DAG with one question', async () => {
    const { source, asked } = sourceOf(tree.store)
    await using store = openStore(tree.root, [source])
    const held = new Map<string, Uint8Array>()
    expect(await walkInto(held, store, tree.root)).toEqual(await namesOf(tree.store, tree.root))
    expect(asked.map(({ path, query }) => path + query)).toEqual([`/ipfs/${tree.root.toString()}?format=car&dag-scope=all`])
    expect(store.fetchedBytes).toBe([...held.values()].reduce((sum, { byteLength }) => sum + byteLength, 0))
  })

  it.each([1, 2, 3, 4, 5, 6])('takes DAGs with repeats and identity CIDs; seed=%i', async (seed) => {
    const dag = await randomDag(seed, 20)
    const { source, asked } = sourceOf(dag.store)
    await using store = openStore(dag.root, [source])
    expect(await walkInto(new Map(), store, dag.root)).toEqual(await namesOf(dag.store, dag.root))
    expect(asked.length).toBe(1)
  })

  it.each(PARTS)('takes $what with one question', async ({ part }) => {
    const { source, asked } = sourceOf(tree.store)
    await using store = openStore(tree.root, [source], { selector: part })
    expect(await walkInto(new Map(), store, tree.root, part)).toEqual(await namesOf(tree.store, tree.root, part))
    expect(asked.length).toBe(1)
  })

  it('takes what hangs below a root that holds its own bytes', async () => {
    const small = await treeOf(folder('', folder('many', ...Array.from({ length: 6 }, (_, n) => file(`${n}`, seededBytes(n, 300)))), file('b', seededBytes(9, 300))))
    expect(small.root.multihash.code).toBe(0)
    const { source, asked } = sourceOf(small.store)
    await using store = openStore(small.root, [source])
    expect(await walkInto(new Map(), store, small.root)).toEqual(await namesOf(small.store, small.root))
    expect(asked.length).toBe(2)
    const part = { path: 'many/3' }
    await using other = openStore(small.root, [source], { selector: part })
    expect(await walkInto(new Map(), other, small.root, part)).toEqual(await namesOf(small.store, small.root, part))
  })

  it('finds out by itself that a path leads nowhere', async () => {
    const { source } = sourceOf(tree.store)
    await using store = openStore(tree.root, [source], { selector: { path: 'sub/none' } })
    await expect(walkInto(new Map(), store, tree.root, { path: 'sub/none' })).rejects.toMatchObject({ code: 'DAG_NO_LINK' })
  })
})

describe('what is there is not asked for again', () => {
  it.each([undefined, ...PARTS.map(({ part }) => part)])('of %j, wherever it was cut', async (part) => {
    const wanted = await namesOf(tree.store, tree.root, part)
    for (let cut = 0; cut <= wanted.length; cut++) {
      const held = new Map(wanted.slice(0, cut).map((name) => [name, tree.store.blocks.get(name)!]))
      let served = 0
      const { source, asked } = sourceOf(tree.store, async (response) => {
        const bytes = await response.arrayBuffer()
        served += bytes.byteLength
        return new Response(bytes, { status: response.status, headers: response.headers })
      })
      await using store = openStore(tree.root, [source], part === undefined ? {} : { selector: part })
      expect(await walkInto(held, store, tree.root, part)).toEqual(wanted)
      const missing = wanted.slice(cut).reduce((sum, name) => sum + tree.store.blocks.get(name)!.byteLength, 0)
      // heads of sections, and blocks on the way: no leaf
      expect(served - missing).toBeLessThan(200 + 100 * (wanted.length - cut) + 1500 * asked.length)
      expect(asked.length).toBeLessThanOrEqual(Math.min(wanted.length - cut, 20))
    }
  })

  it('nor a leaf from the middle of a file, when the rest of it is', async () => {
    const wanted = await namesOf(tree.store, tree.root)
    const held = new Map(wanted.filter((_, n) => n % 3 !== 0).map((name) => [name, tree.store.blocks.get(name)!]))
    const { source } = sourceOf(tree.store)
    await using store = openStore(tree.root, [source])
    expect(await walkInto(held, store, tree.root)).toEqual(wanted)
  })
})

describe('over sources that fail', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('a cut at any byte is gone on from, and never taken for the end; seed=%i', async (seed) => {
    const dag = seed % 2 === 0 ? await randomDag(seed, 30, 3000) : await sampleTree(seed)
    const next = seededInts(seed)
    let cuts = 12
    const { source } = sourceOf(dag.store, (response) => cuts-- > 0 && response.body !== null ? cutAfter(response, 1 + next(60_000), next(2) === 0 ? 'end' : 'error') : response)
    await using store = openStore(dag.root, [source], { clock: hasty, attempts: 30 })
    expect(await walkInto(new Map(), store, dag.root)).toEqual(await namesOf(dag.store, dag.root))
  })

  it('the next one goes on in the middle, with nothing but the rest', async () => {
    const events: FetchEvent[] = []
    const one = sourceOf(tree.store, (response, _, n) => n === 1 ? cutAfter(response, 2_000_000, 'error') : new Response(null, { status: 503 }))
    const two = sourceOf(tree.store, undefined, {}, 'two')
    await using store = openStore(tree.root, [one.source, two.source], { onEvent: (event) => { events.push(event) } })
    expect(await walkInto(new Map(), store, tree.root)).toEqual(await namesOf(tree.store, tree.root))
    expect(one.asked.length).toBe(1)
    expect(two.asked[0]?.query).toContain('entity-bytes=1048576')
    expect(events.find(({ type }) => type === 'failed')).toMatchObject({ source: 'http://one.test', code: 'TRANSFER_TRUNCATED' })
  })

  it('one that lies is left for good, by its name and why, and nothing of it is kept', async () => {
    const events: FetchEvent[] = []
    const liar = sourceOf(tree.store, async (response, { car }) => {
      const bytes = new Uint8Array(await response.arrayBuffer())
      if (car) bytes[1_500_000] = bytes[1_500_000]! ^ 1
      return new Response(bytes, response)
    })
    const good = sourceOf(tree.store, undefined, {}, 'two')
    await using store = openStore(tree.root, [liar.source, good.source], { onEvent: (event) => { events.push(event) } })
    const held = new Map<string, Uint8Array>()
    expect(await walkInto(held, store, tree.root)).toEqual(await namesOf(tree.store, tree.root))
    for (const [name, bytes] of held) expect(Buffer.compare(bytes, tree.store.blocks.get(name)!)).toBe(0)
    expect(events.filter(({ type }) => type === 'dropped').map(({ source, code }) => ({ source, code }))).toEqual([{ source: 'http://one.test', code: 'TRANSFER_HASH_MISMATCH' }])
    expect(liar.asked.length).toBe(1)
    await using alone = openStore(tree.root, [sourceOf(tree.store, () => new Response('nothing'.repeat(50), { headers: { 'content-type': 'application/vnd.ipld.car' } })).source])
    await expect(walkInto(new Map(), alone, tree.root)).rejects.toMatchObject({ code: 'TRANSFER_BAD_ANSWER' })
  })

  it('L17: absence is told by statuses, of each block, and by all of them', async () => {
    const poor = new MemoryStore()
    const names = await namesOf(tree.store, tree.root)
    for (const name of names.slice(0, 6)) poor.blocks.set(name, tree.store.blocks.get(name)!)
    const [one, two] = [sourceOf(poor), sourceOf(tree.store, undefined, {}, 'two')]
    await using store = openStore(tree.root, [one.source, two.source], { clock: hasty })
    expect(await walkInto(new Map(), store, tree.root)).toEqual(names)
    await using alone = openStore(tree.root, [sourceOf(poor).source, sourceOf(poor, undefined, {}, 'two').source], { clock: hasty })
    const held = new Map<string, Uint8Array>()
    await expect(walkInto(held, alone, tree.root)).rejects.toBeInstanceOf(BlockNotFoundError)
    expect([...held.keys()]).toEqual(names.slice(0, 6))
    // whatever the text says
    await using failing = openStore(tree.root, [sourceOf(tree.store, () => new Response('block not found', { status: 500 })).source], { clock: hasty, attempts: 2 })
    await expect(walkInto(new Map(), failing, tree.root)).rejects.toMatchObject({ code: 'TRANSFER_UNREACHABLE', retry: 'later' })
  })

  it('L14: a known multihash under another codec is one question, and ends', async () => {
    const store = new MemoryStore()
    const leaf = store.add(0x55, cbor.encode({ a: 1 }))
    const other = CID.createV1(0x71, leaf.multihash)
    const { source, asked } = sourceOf(store)
    await using fetching = openStore(other, [source])
    await expect(walkInto(new Map(), fetching, other)).rejects.toBeInstanceOf(BlockNotFoundError)
    expect(asked.length).toBeLessThanOrEqual(2)
  })

  it('nobody who answers is told so after the last of the attempts', async () => {
    const pauses: number[] = []
    const clock: Clock = { ...systemClock, sleep: async (ms, options) => { if (ms === 30_000) return systemClock.sleep(ms, options); pauses.push(ms) } }
    const dead = (name: string) => sourceOf(tree.store, () => { throw new Error('refused') }, {}, name).source
    await using store = openStore(tree.root, [dead('one'), dead('two')], { clock, attempts: 4 })
    await expect(walkInto(new Map(), store, tree.root)).rejects.toMatchObject({ code: 'TRANSFER_UNREACHABLE', source: 'http://two.test' })
    expect(pauses).toEqual([500, 1000, 2000])
  })

  it('one that says later is asked again for hours, when it says so', async () => {
    let now = 0
    const pauses: number[] = []
    const clock: Clock = { now: () => now, monotonic: () => now, sleep: async (ms, options) => { if (ms === 30_000) return systemClock.sleep(ms, options); pauses.push(ms); now += ms } }
    const busy = sourceOf(tree.store, (response, _, n) => (n < 500 ? new Response(null, { status: 503, headers: n % 2 === 0 ? { 'retry-after': '20' } : {} }) : response), { clock })
    await using store = openStore(tree.root, [busy.source], { clock, attempts: 2 })
    expect(await walkInto(new Map(), store, tree.root)).toEqual(await namesOf(tree.store, tree.root))
    expect(pauses.slice(0, 6)).toEqual([500, 20_000, 1000, 20_000, 2000, 20_000])
    expect(Math.max(...pauses)).toBe(60_000)
    const never = sourceOf(tree.store, () => new Response(null, { status: 503 }), { clock })
    await using other = openStore(tree.root, [never.source], { clock, patienceMs: 100_000 })
    await expect(walkInto(new Map(), other, tree.root)).rejects.toMatchObject({ code: 'TRANSFER_BUSY' })
    expect(never.asked.length).toBeLessThan(15)
  })
})

describe('gateways of other makes', () => {
  it('one without CARs is asked for blocks, several at a time', async () => {
    let [active, most] = [0, 0]
    const { source, asked } = sourceOf(tree.store, async (response, { car }) => {
      if (car) return new Response(null, { status: 406 })
      most = Math.max(most, ++active)
      await new Promise((resolve) => { setImmediate(resolve) })
      active--
      return response
    })
    await using store = openStore(tree.root, [source])
    const names = await namesOf(tree.store, tree.root)
    expect(await walkInto(new Map(), store, tree.root)).toEqual(names)
    expect(most).toBeGreaterThan(4)
    expect(most).toBeLessThanOrEqual(7)
    expect(asked.filter(({ car }) => !car).length).toBe(names.length)
  })

  it.each(PARTS)('one without CARs: no block beside $what', async ({ part }) => {
    const { source, asked } = sourceOf(tree.store, (response, { car }) => car ? new Response(null, { status: 400 }) : response)
    await using store = openStore(tree.root, [source], { selector: part })
    const names = await namesOf(tree.store, tree.root, part)
    expect(await walkInto(new Map(), store, tree.root, part)).toEqual(names)
    expect(asked.filter(({ car }) => !car).map(({ path }) => path.slice(6)).sort()).toEqual([...names].sort())
  })

  it('one that says of its CARs that the order is any is asked for blocks where that does not fit', async () => {
    const sections = async (response: Response): Promise<Uint8Array[]> => {
      const bytes = new Uint8Array(await response.arrayBuffer())
      const parts: Uint8Array[] = []
      for (let at = 0; at < bytes.byteLength;) {
        let [length, end] = [0, at]
        for (let shift = 0; ; shift += 7) {
          const byte = bytes[end++]!
          length += (byte & 127) * 2 ** shift
          if (byte < 128) break
        }
        parts.push(bytes.subarray(at, end + length))
        at = end + length
      }
      return parts
    }
    for (const order of ['unk', 'dfs']) {
      const { source } = sourceOf(tree.store, async (response, { car }) => {
        if (!car) return response
        const [head, ...rest] = await sections(response)
        return new Response(Buffer.concat([head!, ...rest.reverse()]), { headers: { 'content-type': `application/vnd.ipld.car; version=1; order=${order}` } })
      })
      await using store = openStore(tree.root, [source])
      const walk = walkInto(new Map(), store, tree.root)
      if (order === 'unk') expect(await walk).toEqual(await namesOf(tree.store, tree.root))
      else await expect(walk).rejects.toMatchObject({ code: 'TRANSFER_UNREQUESTED' })
    }
  })

  it('one that sends blocks again each time they are met is understood', async () => {
    const dag = await randomDag(9, 25)
    const gateway = gatewayOf(dag.store)
    let isTwice = false
    const twice = sourceOf(dag.store, undefined, { fetch: async (input, init) => {
      const url = new URL(input as URL)
      url.searchParams.set('car-dups', 'y')
      const response = await gateway(new Request(url, init as RequestInit))
      isTwice = response.headers.get('content-type')?.includes('dups=y') === true
      return response
    } })
    await using store = openStore(dag.root, [twice.source])
    expect(await walkInto(new Map(), store, dag.root)).toEqual(await namesOf(dag.store, dag.root))
    expect(isTwice).toBe(true)
  })
})

describe('leaving', () => {
  it('a walk that is aborted ends at once, and the question with it', async () => {
    const leaving = new AbortController()
    let cancelled = false
    const hanging = sourceOf(tree.store, () => new Response(new ReadableStream({ cancel: () => { cancelled = true } }), { headers: { 'content-type': 'application/vnd.ipld.car; version=1; order=dfs' } }))
    await using store = openStore(tree.root, [hanging.source], { signal: leaving.signal, clock: createFakeClock() })
    const walk = walkInto(new Map(), store, tree.root)
    walk.catch(() => {})
    await expect.poll(() => hanging.asked.length).toBe(1)
    leaving.abort(new Error('enough'))
    await expect(walk).rejects.toThrow('enough')
    await expect.poll(() => cancelled).toBe(true)
  })

  it('a walk that has ended takes a CAR to its end, and no more than that', async () => {
    const stranger = CID.parse('bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy').bytes
    for (const more of ['nothing', 'silence', 'blocks'] as const) {
      let [read, cancelled] = ['', false]
      const clock = createFakeClock()
      const one = sourceOf(tree.store, (response) => {
        const body = response.body!.getReader()
        const chunks = new ReadableStream<Uint8Array>({
          pull: async (controller) => {
            const { done, value } = await body.read()
            if (!done) return controller.enqueue(value)
            read = 'all'
            if (more === 'nothing') controller.close()
            // an endless one of blocks that nobody has asked for
            if (more === 'blocks') controller.enqueue(Uint8Array.of(37, ...stranger, 1))
            if (more === 'silence') await new Promise(() => {})
          },
          cancel: () => { cancelled = true },
        }, { highWaterMark: 0 })
        return new Response(chunks, { headers: response.headers })
      }, { clock })
      const store = openStore(tree.root, [one.source], { clock })
      await walkInto(new Map(), store, tree.root)
      expect(read).toBe('')
      const over = new AbortController()
      const finished = store.finish({ signal: over.signal })
      await expect.poll(() => read).toBe('all')
      if (more === 'silence') over.abort()
      await finished
      const closed = store.close()
      // to a stream that hears nothing
      await clock.advance(60_000)
      await closed
      await store.finish()
      expect(cancelled).toBe(more !== 'nothing')
    }
  })

  it('a store that is closed gives nothing any more', async () => {
    const store = openStore(tree.root, [sourceOf(tree.store).source])
    await store.close()
    await store.close()
    await expect(walkInto(new Map(), store, tree.root)).rejects.toBeInstanceOf(TransferError)
  })

  it('16 walks at once of one gateway all come to their ends', async () => {
    const dags = await Promise.all(Array.from({ length: 16 }, (_, n) => randomDag(n + 100, 15)))
    await Promise.all(dags.map(async (dag) => {
      const { source } = sourceOf(dag.store)
      await using store = openStore(dag.root, [source])
      expect(await walkInto(new Map(), store, dag.root)).toEqual(await namesOf(dag.store, dag.root))
    }))
  })
})
