/** The write cases of the conformance suite on a bare promoted mount: each is refused, and refused in the same way. */
import { carV2, makeBlocks } from '@dagstore-tooling/fixtures'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { createBytesSource } from '@dagstore/io'
import { promote, type PromotedBlockstore } from '@dagstore/promote-blockstore'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'

const blocks = makeBlocks(1, 100, { min: 10, max: 20 })
const pairs = blocks.map(({ cid, data }) => ({ cid: CID.decode(cid), bytes: new Uint8Array(data) }))
const [first] = pairs as [{ cid: CID, bytes: Uint8Array }]
const store = async (): Promise<PromotedBlockstore> => {
  const mount = await openIndexMount({ data: createBytesSource(carV2({ roots: [], blocks })) })
  return promote(mount.blockstore, mount)
}
const refused = (method: string): object => ({ name: 'ReadOnlyError', code: 'BLOCKSTORE_READ_ONLY', message: `${method} called but not implemented` })

/** A source that tells whether anybody asked it for anything. */
const watched = <T>(items: readonly T[]): { source: AsyncIterable<T>, asked: () => number } => {
  let asked = 0
  return {
    source: { [Symbol.asyncIterator]: () => ({ next: async () => { asked++; return { done: false, value: items[0]! } } }) },
    asked: () => asked,
  }
}
const chunks = async function * (bytes: Uint8Array): AsyncGenerator<Uint8Array> { yield bytes }

describe('a promoted mount', () => {
  it('put: rejects, of bytes and of chunks, and does not ask for the chunks', async () => {
    const promoted = await store()
    await expect(promoted.put(first.cid, first.bytes)).rejects.toMatchObject(refused('put'))
    const { source, asked } = watched([first.bytes])
    await expect(promoted.put(first.cid, source)).rejects.toMatchObject(refused('put'))
    expect(asked()).toBe(0)
    await expect(promoted.put(first.cid, chunks(first.bytes), { signal: AbortSignal.abort() })).rejects.toMatchObject(refused('put'))
  })

  it('put in parallel: rejects each, and everything can still be read', async () => {
    const promoted = await store()
    const results = await Promise.allSettled(pairs.map(async ({ cid, bytes }) => promoted.put(cid, bytes)))
    for (const result of results) expect(result).toMatchObject({ status: 'rejected', reason: refused('put') })
    for (const { cid, bytes } of pairs) {
      for await (const chunk of promoted.get(cid)) expect(chunk).toEqual(bytes)
    }
  })

  it('putMany: throws on first iteration, its source untouched', async () => {
    const promoted = await store()
    const { source, asked } = watched(pairs)
    const putting = promoted.putMany(source)
    await expect(putting.next()).rejects.toMatchObject(refused('putMany'))
    await expect(promoted.putMany(pairs, { signal: AbortSignal.abort() }).next()).rejects.toMatchObject(refused('putMany'))
    expect(asked()).toBe(0)
  })

  it('delete: rejects, and the block stays', async () => {
    const promoted = await store()
    await expect(promoted.delete(first.cid)).rejects.toMatchObject(refused('delete'))
    await expect(promoted.delete(first.cid, { signal: AbortSignal.abort() })).rejects.toMatchObject(refused('delete'))
    const results = await Promise.allSettled(pairs.map(async ({ cid }) => promoted.delete(cid)))
    for (const result of results) expect(result).toMatchObject({ status: 'rejected', reason: refused('delete') })
    for (const { cid } of pairs) expect(await promoted.has(cid)).toBe(true)
  })

  it('deleteMany: throws on first iteration, its source untouched', async () => {
    const promoted = await store()
    const { source, asked } = watched(pairs.map(({ cid }) => cid))
    await expect(promoted.deleteMany(source).next()).rejects.toMatchObject(refused('deleteMany'))
    expect(asked()).toBe(0)
    expect(await promoted.has(first.cid)).toBe(true)
  })

  it('refuses everything with another code once it is closed', async () => {
    const promoted = await store()
    await promoted.close()
    const closed = { code: 'BLOCKSTORE_CLOSED' }
    await expect(promoted.put(first.cid, first.bytes)).rejects.toMatchObject(closed)
    await expect(promoted.delete(first.cid)).rejects.toMatchObject(closed)
    await expect(promoted.putMany(pairs).next()).rejects.toMatchObject(closed)
    await expect(promoted.deleteMany([first.cid]).next()).rejects.toMatchObject(closed)
  })
})
