/** Gateways that mean no good, one kind a test: nothing of theirs is kept, and none of them takes for ever. */
import { carV1Header, concat, seededBytes, varint } from '@dagstore-tooling/fixtures'
import { createFakeClock } from '@dagstore-tooling/testkit'
import { createFairFlow, systemClock } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { beforeAll, describe, expect, it } from 'vitest'
import { type FetchEvent, gatewaySource, type TransferErrorCode } from '../src/index.ts'
import { MemoryStore } from './dags.ts'
import { hashes, namesOf, openStore, sampleTree, sourceOf, type Tree, walkInto } from './gateways.ts'

let tree: Tree
let names: string[]
beforeAll(async () => {
  tree = await sampleTree(3)
  names = await namesOf(tree.store, tree.root)
})

const CAR = { 'content-type': 'application/vnd.ipld.car; version=1; order=dfs; dups=n' }
const section = (name: string, data: Uint8Array = tree.store.blocks.get(name)!): Uint8Array => {
  const { bytes } = CID.parse(name)
  return concat([varint(bytes.byteLength + data.byteLength), bytes, data])
}
const start = (): Uint8Array => carV1Header([tree.root.bytes])
const endless = (first: Uint8Array, again: () => Uint8Array): { readonly body: ReadableStream<Uint8Array>, given (): number } => {
  let given = 0
  return {
    given: () => given,
    body: new ReadableStream<Uint8Array>({
      start: (controller) => { controller.enqueue(first) },
      pull: (controller) => {
        const bytes = again()
        given += bytes.byteLength
        controller.enqueue(bytes)
      },
    }, { highWaterMark: 0 }),
  }
}

/** What it is left for, by a walk that then has nobody else; and what it has kept. */
const walked = async (answer: (car: boolean) => Response, clock = systemClock): Promise<{ readonly code: unknown, readonly held: Map<string, Uint8Array>, readonly events: readonly FetchEvent[] }> => {
  const events: FetchEvent[] = []
  const { source } = sourceOf(tree.store, (_, { car }) => answer(car), { clock, maxSectionBytes: 2 << 20 })
  await using store = openStore(tree.root, [source], { clock, attempts: 1, onEvent: (event) => { events.push(event) } })
  const held = new Map<string, Uint8Array>()
  const code = await walkInto(held, store, tree.root).then(() => 'nothing', (error: unknown) => (error as { code?: unknown }).code)
  for (const [name, bytes] of held) expect(Buffer.compare(bytes, tree.store.blocks.get(name)!)).toBe(0)
  return { code, held, events }
}

describe('a walk leaves a gateway that sends', () => {
  it.each<{ what: string, code: TransferErrorCode, kept: number, body: () => Uint8Array }>([
    { what: 'a block of other bytes', code: 'TRANSFER_HASH_MISMATCH', kept: 1, body: () => concat([start(), section(names[0]!), section(names[1]!, seededBytes(1, 100))]) },
    { what: 'another block than the next', code: 'TRANSFER_UNREQUESTED', kept: 1, body: () => concat([start(), section(names[0]!), section(names[3]!)]) },
    { what: 'a block of no such DAG', code: 'TRANSFER_UNREQUESTED', kept: 0, body: () => concat([start(), section(new MemoryStore().add(0x55, Uint8Array.of(1)).toString(), Uint8Array.of(1))]) },
    { what: 'a section above the limit, before its bytes come', code: 'TRANSFER_TOO_LARGE', kept: 1, body: () => concat([start(), section(names[0]!), varint(3 << 20)]) },
    { what: 'a section of length 0', code: 'TRANSFER_BAD_SECTION', kept: 1, body: () => concat([start(), section(names[0]!), Uint8Array.of(0)]) },
    { what: 'a section without a CID', code: 'TRANSFER_BAD_SECTION', kept: 1, body: () => concat([start(), section(names[0]!), Uint8Array.of(4, 9, 9, 9, 9)]) },
    { what: 'a header of 16 KiB', code: 'TRANSFER_BAD_ANSWER', kept: 0, body: () => concat([varint(16 << 10), new Uint8Array(16 << 10)]) },
    { what: 'a CARv2', code: 'TRANSFER_BAD_ANSWER', kept: 0, body: () => Uint8Array.of(0x0a, 0xa1, 0x67, 0x76, 0x65, 0x72, 0x73, 0x69, 0x6f, 0x6e, 0x02) },
    { what: 'a page', code: 'TRANSFER_BAD_ANSWER', kept: 0, body: () => new TextEncoder().encode(`<!doctype html>${'x'.repeat(1000)}`) },
    { what: 'half of a header', code: 'TRANSFER_TRUNCATED', kept: 0, body: () => start().slice(0, 20) },
    { what: 'nothing', code: 'TRANSFER_TRUNCATED', kept: 0, body: () => new Uint8Array(0) },
    { what: 'no section', code: 'TRANSFER_TRUNCATED', kept: 0, body: start },
  ])('$what', async ({ code, kept, body }) => {
    const { code: got, held } = await walked((car) => car ? new Response(body().slice(), { headers: CAR }) : new Response(null, { status: 503 }))
    expect(got).toBe(code)
    expect(held.size).toBe(kept)
  })

  it('what it had already, without end', async () => {
    const stream = endless(concat([start(), section(names[0]!)]), () => section(names[0]!))
    const { code } = await walked((car) => car ? new Response(stream.body, { headers: CAR }) : new Response(null, { status: 503 }))
    expect(code, 'asked again, it has no other answer').toBe('TRANSFER_UNREACHABLE')
    expect(stream.given()).toBeLessThan(10 << 20)
  })

  it('blocks that hold their own bytes, without end', async () => {
    const inline = section(new MemoryStore().add(0x55, seededBytes(1, 90), 0).toString(), seededBytes(1, 90))
    const stream = endless(start(), () => concat(Array.from({ length: 100 }, () => inline)))
    const { code } = await walked((car) => car ? new Response(stream.body, { headers: CAR }) : new Response(null, { status: 503 }))
    expect(code).toBe('TRANSFER_TRUNCATED')
    expect(stream.given()).toBeLessThan(10 << 20)
  })

  it('a block without end', async () => {
    const stream = endless(new Uint8Array(0), () => new Uint8Array(1 << 18))
    const { code } = await walked((car) => car ? new Response(null, { status: 406 }) : new Response(stream.body))
    expect(code).toBe('TRANSFER_TOO_LARGE')
    expect(stream.given()).toBeLessThan(4 << 20)
  })

  it('a redirect, which nobody follows', async () => {
    expect((await walked(() => new Response(null, { status: 302, headers: { location: 'http://elsewhere.test/' } }))).code).toBe('TRANSFER_BAD_ANSWER')
  })

  it('nothing for half a minute, before or in the middle of an answer', async () => {
    for (const answer of [() => new Promise<Response>(() => {}), () => new Response(new ReadableStream({ start: (controller) => { controller.enqueue(start()) } }), { headers: CAR })]) {
      const clock = createFakeClock()
      const { source, asked } = sourceOf(tree.store, answer, { clock })
      await using store = openStore(tree.root, [source], { clock, attempts: 1 })
      const walk = walkInto(new Map(), store, tree.root)
      walk.catch(() => {})
      await expect.poll(() => asked.length).toBe(1)
      await expect.poll(() => clock.sleeping).toBeGreaterThan(0)
      for (let n = 0; n < 4; n++) await clock.advance(30_000)
      await expect(walk).rejects.toMatchObject({ code: 'TRANSFER_STALLED' })
    }
  })

  it('a byte now and then', async () => {
    const clock = createFakeClock()
    const car = concat([start(), section(names[0]!)])
    let at = 0
    const body = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        await clock.sleep(10_000)
        controller.enqueue(car.slice(at, ++at))
      },
    }, { highWaterMark: 0 })
    const { source } = sourceOf(tree.store, () => new Response(body, { headers: CAR }), { clock })
    await using store = openStore(tree.root, [source], { clock, attempts: 1 })
    const walk = walkInto(new Map(), store, tree.root)
    const failed = expect(walk).rejects.toMatchObject({ code: 'TRANSFER_STALLED' })
    let over = false
    walk.catch(() => {}).finally(() => { over = true })
    for (let n = 0; n < 40 && !over; n++) {
      await new Promise((resolve) => { setImmediate(resolve) })
      await clock.advance(10_000)
    }
    await failed
    expect(at).toBeLessThan(10)
  })
})

describe('gatewaySource', () => {
  it('asks below its URL, with the token in a header of its own, and is named without secrets', async () => {
    const seen: Request[] = []
    const send: typeof fetch = async (input, init) => {
      const request = new Request(input as URL, init as RequestInit)
      seen.push(request)
      return new Response(null, { status: 404 })
    }
    const source = gatewaySource('http://provider.test/deals/v1/retrievals/7/?x=1#y', { fetch: send, token: 'secret', headers: { 'x-own': 'a' } })
    expect(source.name).toBe('http://provider.test/deals/v1/retrievals/7')
    const error: unknown = await source.car(tree.root, { path: ['a b', 'c/d', 'é'], scope: 'entity', entityBytes: { from: -5, to: -1 } }).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'TRANSFER_NOT_FOUND', source: 'http://provider.test' })
    expect(String(error)).not.toContain('secret')
    await source.block(tree.root).catch(() => {})
    expect(seen.map(({ url, redirect, headers }) => [url, redirect, headers.get('x-transfer-token'), headers.get('x-own'), headers.get('accept')])).toEqual([
      [`http://provider.test/deals/v1/retrievals/7/ipfs/${tree.root.toString()}/a%20b/c%2Fd/%C3%A9?format=car&dag-scope=entity&entity-bytes=-5%3A-1`, 'manual', 'secret', 'a', 'application/vnd.ipld.car;version=1;order=dfs;dups=n'],
      [`http://provider.test/deals/v1/retrievals/7/ipfs/${tree.root.toString()}?format=raw`, 'manual', 'secret', 'a', 'application/vnd.ipld.raw'],
    ])
    expect(() => gatewaySource('ftp://x')).toThrow(TypeError)
  })

  it.each<[number, TransferErrorCode, 'later' | 'never']>([
    [400, 'TRANSFER_REFUSED', 'never'], [401, 'TRANSFER_UNAUTHORIZED', 'never'], [403, 'TRANSFER_NOT_FOUND', 'never'], [404, 'TRANSFER_NOT_FOUND', 'never'], [410, 'TRANSFER_NOT_FOUND', 'never'],
    [429, 'TRANSFER_BUSY', 'later'], [451, 'TRANSFER_NOT_FOUND', 'never'], [500, 'TRANSFER_UNREACHABLE', 'later'], [501, 'TRANSFER_REFUSED', 'never'], [503, 'TRANSFER_BUSY', 'later'], [206, 'TRANSFER_BAD_ANSWER', 'never'],
  ])('tells a status %i as %s', async (status, code, retry) => {
    await expect(gatewaySource('http://x.test', { fetch: async () => new Response(null, { status }) }).block(tree.root)).rejects.toMatchObject({ code, retry })
  })

  it('takes no more than its rate', async () => {
    const clock = createFakeClock()
    const dag = new MemoryStore()
    const roots = [1, 2].map((seed) => dag.add(0x55, seededBytes(seed, 300_000)))
    const { source } = sourceOf(dag, undefined, { clock, flow: createFairFlow(100_000, clock) })
    expect((await source.block(roots[0]!)).byteLength).toBe(300_000)
    let done = false
    const second = source.block(roots[1]!).finally(() => { done = true })
    await expect.poll(() => clock.sleeping).toBeGreaterThan(0)
    await clock.advance(2000)
    expect(done).toBe(false)
    for (let n = 0; n < 20 && !done; n++) {
      await new Promise((resolve) => { setImmediate(resolve) })
      await clock.advance(1000)
    }
    expect(hashes.matches(0x12, roots[1]!.multihash.digest, await second)).toBe(true)
  })
})
