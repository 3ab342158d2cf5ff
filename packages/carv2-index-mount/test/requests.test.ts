import { carV1, carV2, makeBlock, makeBlocks } from '@dagstore-tooling/fixtures'
import { buildIndex, createPageCache } from '@dagstore/carv2'
import { createBytesSource } from '@dagstore/io'
import { type HttpSourceOptions, openHttpSource } from '@dagstore/io/http'
import { describe, expect, it } from 'vitest'
import { type MountParts, openIndexMount } from '../src/index.ts'
import { all, cidOf, indexOf, joinBytes, testSource } from './cars.ts'

/** A server of these bytes that knows ranges; every request is kept. */
const serve = (bytes: Uint8Array): { readonly open: (options?: HttpSourceOptions) => ReturnType<typeof openHttpSource>, readonly asked: string[] } => {
  const asked: string[] = []
  const answer = (range: string): Response => {
    const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/u.exec(range) ?? []
    const start = first === '' ? Math.max(0, bytes.byteLength - Number(last)) : Number(first)
    const end = first === '' ? bytes.byteLength : Math.min(Number(last) + 1, bytes.byteLength)
    return new Response(bytes.slice(start, end), { status: 206, headers: { 'content-range': `bytes ${start}-${end - 1}/${bytes.byteLength}`, etag: '"one"' } })
  }
  const open = (options?: HttpSourceOptions): ReturnType<typeof openHttpSource> => openHttpSource('http://archive.example/a', {
    ...options,
    fetch: async (_url, init) => {
      const range = new Headers(init?.headers).get('range') ?? ''
      asked.push(range)
      return answer(range)
    },
  })
  return { open, asked }
}

/** About 400 KiB and 4 MiB of index. */
const sizes = [{ count: 9000, what: 'below 1 MiB' }, { count: 90_000, what: 'above 1 MiB' }]
const END = { first: { from: 'end', bytes: 1 << 20 } } as const

describe.each(sizes)('requests until the first block of a remote CAR is there, with an index $what', ({ count }) => {
  const blocks = makeBlocks(count, count, { min: 8, max: 40 })
  const car = carV1([blocks[0]!.cid], blocks)
  const wanted = [1, 0.3, 0.77].map((part) => blocks[Math.floor(part * (count - 1))]!)

  const first = async (parts: () => Promise<MountParts>, logs: readonly string[][]): Promise<number[]> => {
    const counts: number[] = []
    for (const block of wanted) {
      for (const log of logs) log.length = 0
      const mount = await openIndexMount(await parts(), { pages: createPageCache() })
      expect(await mount.blockstore.bytes(cidOf(block))).toEqual(new Uint8Array(block.data))
      expect(mount.indexOrigin).not.toBe('built')
      counts.push(logs.reduce((sum, log) => sum + log.length, 0))
    }
    return counts
  }

  it('2 when the index is at hand', async () => {
    const data = serve(car)
    const index = joinBytes((await buildIndex(await data.open())).encode())
    expect(await first(async () => ({ data: await data.open(), index: createBytesSource(index) }), [data.asked])).toEqual([2, 2, 2])
  })

  it('at most 5 when the index lies beside it', async () => {
    const data = serve(car)
    const index = serve(joinBytes((await buildIndex(await data.open())).encode()))
    for (const requests of await first(async () => ({ data: await data.open(), index: await index.open(END) }), [data.asked, index.asked])) expect(requests).toBeLessThanOrEqual(5)
  })

  it('at most 5 when the index is at its end', async () => {
    const built = await buildIndex(createBytesSource(carV2({ roots: [blocks[0]!.cid], blocks, index: 'none' })))
    const data = serve(carV2({ roots: [blocks[0]!.cid], blocks, index: joinBytes(built.encode()) }))
    for (const requests of await first(async () => ({ data: await data.open() }), [data.asked])) expect(requests).toBeLessThanOrEqual(5)
  })
})

describe('getAll by whole CID', () => {
  it('reads the heads of sections with one multihash once, however many codecs they have', async () => {
    const data = new TextEncoder().encode('the same everywhere')
    const codecs = Array.from({ length: 300 }, (_, i) => makeBlock(data, { codec: 0x300000 + i }))
    const blocks = [...codecs, ...codecs.slice(0, 100), ...codecs]
    const bytes = carV1([], blocks)
    for (const index of [undefined, await indexOf(bytes)]) {
      const source = testSource(bytes)
      const mount = await openIndexMount({ data: source, index: index && testSource(index) }, { wholeCid: true })
      const before = source.reads.length
      const listed = (await all(mount.blockstore.getAll())).map(({ cid }) => cid.toString())
      expect(listed).toEqual(codecs.map((block) => cidOf(block).toString()))
      expect(source.reads.length - before).toBeLessThan(2 * blocks.length)
    }
  })
})
